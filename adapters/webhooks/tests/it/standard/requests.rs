//! Messages and what becomes of them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Build, BuiltSource, Parts, Secret, Webhook};
use tradewind_signatures::standard_webhooks;

pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

pub(crate) fn webhook(settings: Value) -> Arc<dyn Webhook> {
    let registry = crate::web::registry(Default::default());
    match registry
        .build_source("standard-webhooks", &settings, &Build::default())
        .unwrap()
    {
        BuiltSource::Push(webhook) => webhook,
        BuiltSource::Pull(_) => unreachable!("standard webhooks push"),
    }
}

/// A message signed at `timestamp`, with header names that begin with `prefix`.
pub(crate) fn parts(prefix: &str, id: &str, timestamp: u64, body: &[u8]) -> Parts {
    let key = standard_webhooks::key(&Secret::new(SECRET)).unwrap();
    let headers = [
        ("id", id.to_owned()),
        ("timestamp", timestamp.to_string()),
        (
            "signature",
            standard_webhooks::sign(&key, id, timestamp, body),
        ),
    ];
    Parts {
        method: Method::POST,
        uri: Uri::from_static("/in/pay"),
        headers: headers
            .into_iter()
            .map(|(name, value)| {
                let name: HeaderName = format!("{prefix}-{name}").parse().unwrap();
                (name, HeaderValue::from_str(&value).unwrap())
            })
            .collect::<HeaderMap>(),
        peer: None,
    }
}

fn settings() -> Value {
    json!({ "secrets": [SECRET], "source": "https://pay.example" })
}

#[test]
fn a_message_becomes_an_event() {
    let webhook = webhook(settings());
    let body = br#"{"type":"invoice.paid","timestamp":"2023-11-14T22:13:00Z","data":{"n":1}}"#;
    for prefix in ["webhook", "svix"] {
        let mut parts = parts(prefix, "msg_1", NOW, body);
        parts
            .headers
            .insert("content-type", HeaderValue::from_static("application/json"));
        let verified = webhook.verify(&parts, body, now()).unwrap();
        assert_eq!(verified.principal, "standard-webhooks");
        assert_eq!(verified.method, "signature");
        assert_eq!(verified.dedupe_window, Some(Duration::from_secs(600)));
        let events = webhook
            .decode(&parts, Bytes::from_static(body), &verified)
            .unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].id(), "msg_1");
        assert_eq!(events[0].source(), "https://pay.example");
        assert_eq!(events[0].ty(), "invoice.paid");
        assert_eq!(events[0].time_text(), Some("2023-11-14T22:13:00Z"));
        assert_eq!(events[0].data_content_type(), Some("application/json"));
        assert_eq!(events[0].data().unwrap().bytes, &body[..]);
    }
}

/// A sender repeats a message under the same id with a new timestamp: it must be the same event.
#[test]
fn a_later_attempt_is_the_same_event() {
    let webhook = webhook(settings());
    let body = br#"{"type":"invoice.paid"}"#;
    let event = |at: u64| {
        let parts = parts("webhook", "msg_1", at, body);
        let verified = webhook
            .verify(&parts, body, UNIX_EPOCH + Duration::from_secs(at))
            .unwrap();
        webhook
            .decode(&parts, Bytes::from_static(body), &verified)
            .unwrap()
    };
    assert_eq!(event(NOW), event(NOW + 3600));
}

#[test]
fn bodies_need_not_be_text() {
    let webhook = webhook(json!({
        "secrets": [SECRET], "source": "/pay", "fallback-type": "example.blob",
    }));
    let body = b"\xff\xfe\0";
    let parts = parts("webhook", "msg_1", NOW, body);
    let verified = webhook.verify(&parts, body, now()).unwrap();
    let events = webhook
        .decode(&parts, Bytes::from_static(body), &verified)
        .unwrap();
    assert_eq!(events[0].ty(), "example.blob");
    assert_eq!(
        events[0].data_content_type(),
        Some("application/octet-stream")
    );
    assert_eq!(events[0].data().unwrap().bytes, &body[..]);
}

#[test]
fn the_tolerance_is_configurable() {
    let mut settings = settings();
    settings["tolerance"] = "10s".into();
    let webhook = webhook(settings);
    let verify = |at| webhook.verify(&parts("webhook", "msg_1", at, b"{}"), b"{}", now());
    assert_eq!(
        verify(NOW - 10).unwrap().dedupe_window,
        Some(Duration::from_secs(20))
    );
    assert_eq!(
        verify(NOW - 11).unwrap_err().status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        verify(NOW + 11).unwrap_err().status,
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn a_content_type_that_is_none_is_told() {
    let webhook = webhook(settings());
    let mut parts = parts("webhook", "msg_1", NOW, b"{}");
    parts
        .headers
        .insert("content-type", HeaderValue::from_static("json"));
    let verified = webhook.verify(&parts, b"{}", now()).unwrap();
    let refusal = webhook
        .decode(&parts, Bytes::from_static(b"{}"), &verified)
        .unwrap_err();
    assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    assert!(refusal.detail.unwrap().contains("datacontenttype"));
}
