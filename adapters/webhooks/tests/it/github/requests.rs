//! Requests and what becomes of them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Build, BuiltSource, Parts, Webhook};

pub(crate) const BODY: &[u8] = br#"{"ref":"refs/heads/main","repository":{"url":"https://api.github.com/repos/acme/app","full_name":"acme/app"}}"#;

pub(crate) fn webhook(secrets: &[&str]) -> Arc<dyn Webhook> {
    let registry = crate::web::registry(Default::default());
    let settings = json!({ "secrets": secrets });
    match registry
        .build_source("github", &settings, &Build::default())
        .unwrap()
    {
        BuiltSource::Push(webhook) => webhook,
        BuiltSource::Pull(_) => unreachable!("github pushes"),
    }
}

/// A request signed with `secret`.
pub(crate) fn parts(secret: &str, event: &str, delivery: &str, body: &[u8]) -> Parts {
    let headers = [
        ("x-github-event", event.to_owned()),
        ("x-github-delivery", delivery.to_owned()),
        ("x-github-hook-id", "1".to_owned()),
        ("content-type", "application/json".to_owned()),
        (
            "x-hub-signature-256",
            format!("sha256={}", hmac(secret, body)),
        ),
    ];
    Parts {
        method: Method::POST,
        uri: Uri::from_static("/in/github"),
        headers: headers
            .into_iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_str(&value).unwrap();
                (HeaderName::from_static(name), value)
            })
            .collect::<HeaderMap>(),
        peer: None,
    }
}

/// HMAC-SHA256 in hexadecimal, from a library that the adapter does not use.
fn hmac(secret: &str, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

#[test]
fn a_push_becomes_an_event() {
    let webhook = webhook(&["new", "old"]);
    for (secret, method) in [
        ("new", "signature"),
        ("old", "signature by an older secret"),
    ] {
        let parts = parts(secret, "push", "d-1", BODY);
        let verified = webhook.verify(&parts, BODY, now()).unwrap();
        assert_eq!(
            (verified.principal.as_str(), verified.method),
            ("github", method)
        );
        assert_eq!(verified.dedupe_window, Some(Duration::from_secs(72 * 3600)));
        let events = webhook
            .decode(&parts, Bytes::from_static(BODY), &verified)
            .unwrap();
        let [event] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(event.id(), "d-1");
        assert_eq!(event.source(), "https://api.github.com/repos/acme/app");
        assert_eq!(event.ty(), "com.github.push");
        assert_eq!(event.subject(), Some("refs/heads/main"));
        assert_eq!(event.data().unwrap().bytes, BODY);
    }
}

#[test]
fn a_ping_is_an_event_too() {
    let body = br#"{"zen":"Keep it logically awesome.","hook":{"type":"Repository"}}"#;
    let webhook = webhook(&["s"]);
    let parts = parts("s", "ping", "d-2", body);
    let verified = webhook.verify(&parts, body, now()).unwrap();
    let events = webhook
        .decode(&parts, Bytes::from_static(body), &verified)
        .unwrap();
    assert_eq!(events[0].ty(), "com.github.ping");
}

#[test]
fn signed_requests_that_are_no_webhooks_are_told_why() {
    let webhook = webhook(&["s"]);
    let table = [
        (
            "x-github-event",
            None,
            StatusCode::BAD_REQUEST,
            "the header `x-github-event` is missing: is this request from the provider?",
        ),
        (
            "x-github-delivery",
            None,
            StatusCode::BAD_REQUEST,
            "the header `x-github-delivery` is missing: is this request from the provider?",
        ),
        (
            "x-github-event",
            Some("Push!"),
            StatusCode::BAD_REQUEST,
            "the header `x-github-event` is repeated or malformed",
        ),
        (
            "content-type",
            Some("text/plain"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type `text/plain` is not supported, expected application/json or application/x-www-form-urlencoded",
        ),
    ];
    for (name, value, status, detail) in table {
        let mut parts = parts("s", "push", "d-1", BODY);
        match value {
            None => drop(parts.headers.remove(name)),
            Some(value) => drop(parts.headers.insert(name, HeaderValue::from_static(value))),
        }
        let verified = webhook.verify(&parts, BODY, now()).unwrap();
        let refusal = webhook
            .decode(&parts, Bytes::from_static(BODY), &verified)
            .unwrap_err();
        assert_eq!(
            (refusal.status, refusal.detail.as_deref()),
            (status, Some(detail))
        );
    }
}

#[test]
fn the_sha1_signature_opens_nothing() {
    let webhook = webhook(&["s"]);
    let mut parts = parts("s", "push", "d-1", BODY);
    let signature = parts.headers.remove("x-hub-signature-256").unwrap();
    parts.headers.insert("x-hub-signature", signature);
    let refusal = webhook.verify(&parts, BODY, now()).unwrap_err();
    assert_eq!(
        (refusal.status, refusal.detail),
        (StatusCode::UNAUTHORIZED, None)
    );
}
