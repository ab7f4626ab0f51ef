//! The source: what it takes, what it refuses, and in which words.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_adapter::{ApiKey, Build, Parts, Refusal, Webhook};
use tradewind_event::Event;
use tradewind_http::{HttpSource, api_key};

fn build(settings: Value, keys: &[(&str, &str)]) -> Result<HttpSource, String> {
    let owned = |(id, hash): &(&str, &str)| {
        let key = ApiKey {
            sha256: vec![(*hash).to_owned()],
            ..ApiKey::default()
        };
        ((*id).to_owned(), key)
    };
    let build = Build {
        name: "api".into(),
        api_keys: Arc::new(keys.iter().map(owned).collect()),
        ..Build::default()
    };
    let config = serde_json::from_value(settings).map_err(|e| e.to_string())?;
    HttpSource::new(config, &build).map_err(|e| e.to_string())
}

pub(crate) fn open(mut settings: Value) -> HttpSource {
    settings["auth"] = json!("none-i-understand");
    build(settings, &[]).unwrap()
}

/// Why such settings are refused.
pub(crate) fn refused(mut settings: Value) -> String {
    settings["auth"] = json!("none-i-understand");
    build(settings, &[]).unwrap_err()
}

fn parts(method: Method, headers: &[(&str, &str)]) -> Parts {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    Parts {
        method,
        uri: "/events".parse().unwrap(),
        headers: map,
        peer: None,
    }
}

pub(crate) fn decode(
    source: &HttpSource,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<Event>, Refusal> {
    let parts = parts(Method::POST, headers);
    let verified = source.verify(&parts, body, SystemTime::UNIX_EPOCH)?;
    source.decode(&parts, Bytes::copy_from_slice(body), &verified)
}

const BINARY: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "1"),
    ("ce-source", "/s"),
    ("ce-type", "t"),
];

#[test]
fn settings_that_cannot_work() {
    let hash = "0".repeat(64);
    let keys = [("shop", hash.as_str()), ("bad", "abc")];
    let open = |mut settings: Value| {
        settings["auth"] = json!("none-i-understand");
        settings
    };
    let table = [
        (
            json!({}),
            "auth: `auth` is missing: nothing is accepted unauthenticated by accident (hint: `auth: { api-keys: [name] }`, or `auth: none-i-understand`)",
        ),
        (
            json!({"auth": {}}),
            "auth: `auth` names no proof (hint: `auth: { api-keys: [name] }`)",
        ),
        (
            json!({"auth": {"basic": []}}),
            "auth: `auth.basic` names no key (hint: `auth: { basic: [name] }`)",
        ),
        (
            json!({"auth": {"jwt": {"issuer": "https://id.example", "audience": "us"}}}),
            "auth: `auth.jwt` needs keys that are fetched, and this binary fetches none (hint: build it with the feature `http`)",
        ),
        (
            json!({"auth": {"api-keys": []}}),
            "auth: `auth.api-keys` names no key (hint: `auth: { api-keys: [name] }`)",
        ),
        (
            json!({"auth": {"api-keys": ["shop", "shpo"]}}),
            "auth: there is no API key `shpo` (there are: bad, shop)",
        ),
        (
            json!({"auth": {"api-keys": ["bad"]}}),
            "auth: the API key `bad` is not configured as 64 hex digits, the SHA-256 of the key",
        ),
        (
            json!({"auth": "none"}),
            "unknown variant `none`, expected one of `{ api-keys: [name] }`, `{ basic: [name] }`, `{ jwt: ... }`, `{ certificates: [name] }`, `{ authorizer: ... }`, `none-i-understand`",
        ),
        (open(json!({"batch-max": 0})), "batch-max: not 1 to 100000"),
        (
            open(json!({"percent": "loose"})),
            "unknown variant `loose`, expected `strict` or `lenient`",
        ),
        (
            open(json!({"allowed-origins": ["*"]})),
            "allowed-origins: `*` is no DNS name",
        ),
        (
            open(json!({"allowed-origins": [""]})),
            "allowed-origins: `` is no DNS name",
        ),
        (
            open(json!({"raw": {"type": "t"}})),
            "missing field `source`",
        ),
    ];
    for (settings, message) in table {
        let error = build(settings.clone(), &keys).unwrap_err();
        assert_eq!(error, message, "{settings}");
    }
    let error = build(open(json!({"raw": {"type": "", "source": "/s"}})), &keys).unwrap_err();
    assert!(error.starts_with("raw: attribute `type`"), "{error}");
}

#[test]
fn keys_open_the_door_and_nothing_else_does() {
    let (shop, shop_hash) = api_key::generate("shop").unwrap();
    let (till, till_hash) = api_key::generate("till").unwrap();
    let (other, other_hash) = api_key::generate("other").unwrap();
    let (old, _) = api_key::generate("shop").unwrap();
    let keys = [
        ("shop", shop_hash.as_str()),
        ("till", &till_hash),
        ("other", &other_hash),
    ];
    let source = build(json!({"auth": {"api-keys": ["shop", "till"]}}), &keys).unwrap();
    assert!(source.verifies_head());
    let [shop, till, other, old] = [&shop, &till, &other, &old].map(|key| key.expose());
    let bearer = |key: &str| format!("Bearer {key}");
    let table: Vec<(Vec<(&str, String)>, Option<&str>)> = vec![
        (vec![("authorization", bearer(shop))], Some("api-key:shop")),
        (
            vec![("authorization", format!("bearer {till}"))],
            Some("api-key:till"),
        ),
        (vec![("x-api-key", till.into())], Some("api-key:till")),
        (vec![], None),
        (vec![("authorization", bearer(other))], None),
        (vec![("authorization", bearer(old))], None),
        (vec![("authorization", shop.into())], None),
        (vec![("authorization", format!("Basic {shop}"))], None),
        (vec![("authorization", format!("Bearer  {shop}"))], None),
        (vec![("authorization", "Bearer ".into())], None),
        (vec![("x-api-key", bearer(shop))], None),
        (
            vec![("x-api-key", format!("tw_shop_{}", "0".repeat(48)))],
            None,
        ),
        (vec![("x-api-key", shop_hash.clone())], None),
        (vec![("x-api-key", shop.to_uppercase())], None),
        (vec![("x-api-key", shop[..shop.len() - 1].into())], None),
        (
            vec![("x-api-key", shop.into()), ("x-api-key", shop.into())],
            None,
        ),
        (
            vec![("x-api-key", shop.into()), ("authorization", bearer(shop))],
            None,
        ),
    ];
    for (headers, principal) in table {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let got = source.verify(&parts(Method::POST, &headers), b"", SystemTime::UNIX_EPOCH);
        match (got, principal) {
            (Ok(verified), Some(expected)) => assert_eq!(verified.principal, expected),
            (Err(refusal), None) => {
                assert_eq!((refusal.status.as_u16(), refusal.detail), (401, None));
                assert!(!refusal.reason.contains("tw_"), "{}", refusal.reason);
            }
            (got, _) => panic!("{headers:?}: {got:?}"),
        }
    }
}

#[test]
fn an_open_door_says_so() {
    let source = open(json!({}));
    let verified = source.verify(&parts(Method::POST, &[]), b"", SystemTime::UNIX_EPOCH);
    let verified = verified.unwrap();
    assert_eq!(
        (verified.principal.as_str(), verified.method),
        ("anonymous", "none")
    );
}

#[test]
fn every_content_mode_is_read() {
    let source = open(json!({}));
    let one = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data": {"a" : 1.0}}"#;
    let batch = format!("[{one},{one}]");
    let binary = [&BINARY[..], &[("content-type", "text/plain")]].concat();
    let table: [(&[(&str, &str)], &[u8], usize, &[u8]); 4] = [
        (&binary, b" raw\n", 1, b" raw\n"),
        (
            &[("content-type", "application/cloudevents+json")],
            one.as_bytes(),
            1,
            br#"{"a" : 1.0}"#,
        ),
        (
            &[(
                "content-type",
                "APPLICATION/CloudEvents-Batch+JSON; charset=utf-8",
            )],
            batch.as_bytes(),
            2,
            br#"{"a" : 1.0}"#,
        ),
        // id "1", source "/s", specversion "1.0", type "t", binary data "x"
        (
            &[("content-type", "application/cloudevents+protobuf")],
            b"\x0a\x011\x12\x02/s\x1a\x031.0\x22\x01t\x32\x01x",
            1,
            b"x",
        ),
    ];
    for (headers, body, count, data) in table {
        let events = decode(&source, headers, body).unwrap();
        assert_eq!(events.len(), count, "{headers:?}");
        assert_eq!(events[0].id(), "1");
        assert_eq!(&events[0].data().unwrap().bytes[..], data, "{headers:?}");
    }
}

#[test]
fn what_is_no_event_is_refused_with_a_hint() {
    let source = open(json!({"batch-max": 2}));
    let one = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    let three = format!("[{one},{one},{one}]");
    let percent = [&BINARY[..], &[("ce-subject", "100%")]].concat();
    let table: [(&[(&str, &str)], &[u8], u16, &str); 9] = [
        (&[], b"", 415, "send the header `ce-specversion: 1.0`"),
        (
            &[("content-type", "application/json")],
            b"{}",
            415,
            "send the header `ce-specversion: 1.0`",
        ),
        (
            &BINARY[1..],
            b"",
            415,
            "send the header `ce-specversion: 1.0`",
        ),
        (&BINARY[..3], b"", 400, "ce-type"),
        (&percent, b"", 400, "lenient"),
        (
            &[("content-type", "application/cloudevents+avro")],
            b"x",
            415,
            "application/cloudevents+json",
        ),
        (
            &[("content-type", "application/cloudevents+json")],
            b"{",
            400,
            "",
        ),
        (
            &[("content-type", "application/cloudevents+json")],
            b"{}",
            400,
            "",
        ),
        (
            &[("content-type", "application/cloudevents-batch+json")],
            three.as_bytes(),
            413,
            "batch",
        ),
    ];
    for (headers, body, status, hint) in table {
        let refusal = decode(&source, headers, body).unwrap_err();
        assert_eq!(refusal.status.as_u16(), status, "{headers:?}: {refusal:?}");
        let detail = refusal.detail.unwrap();
        assert!(detail.contains(hint), "{headers:?}: {detail}");
    }
}

#[test]
fn lenient_percent_signs() {
    let headers = [&BINARY[..], &[("ce-subject", "100%")]].concat();
    let source = open(json!({"percent": "lenient"}));
    let events = decode(&source, &headers, b"").unwrap();
    assert_eq!(events[0].subject(), Some("100%"));
}

#[test]
fn plain_bodies_become_events_where_mapped() {
    let source = open(json!({"raw": {"type": "com.example.raw", "source": "/door"}}));
    let event =
        |headers: &[(&str, &str)], body: &[u8]| decode(&source, headers, body).unwrap().remove(0);
    let text: &[(&str, &str)] = &[("content-type", "text/plain")];
    let first = event(text, b"\xff raw\r\n");
    assert_eq!((first.ty(), first.source()), ("com.example.raw", "/door"));
    assert_eq!(&first.data().unwrap().bytes[..], b"\xff raw\r\n");
    assert_eq!(first.data_content_type(), Some("text/plain"));
    // The same body again is the same event; another body, or another type of body, is another.
    assert_eq!(event(text, b"\xff raw\r\n").id(), first.id());
    assert_ne!(event(text, b"\xff raw\n").id(), first.id());
    assert_ne!(
        event(&[("content-type", "text/csv")], b"\xff raw\r\n").id(),
        first.id()
    );
    // The sender's own key decides where there is one.
    let keyed = [("content-type", "text/plain"), ("idempotency-key", "k-1")];
    assert_eq!(event(&keyed, b"a").id(), "k-1");
    assert_eq!(
        event(&[], b"a").data_content_type(),
        Some("application/octet-stream")
    );
    // CloudEvents stay what they are, and broken ones are not taken for plain bodies.
    assert_eq!(event(&BINARY, b"").ty(), "t");
    assert_eq!(
        decode(&source, &BINARY[1..], b"x")
            .unwrap_err()
            .status
            .as_u16(),
        415
    );
    let broken = [("content-type", "application/cloudevents+json")];
    assert_eq!(
        decode(&source, &broken, b"{").unwrap_err().status.as_u16(),
        400
    );
}

#[test]
fn only_configured_origins_get_consent() {
    let source = open(json!({"allowed-origins": ["events.example.com"]}));
    let ask = |method, headers: &[(&str, &str)]| source.challenge(&parts(method, headers), b"");
    let origin = ("webhook-request-origin", "Events.Example.com");
    let answer = ask(Method::OPTIONS, &[origin]).unwrap();
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(
        answer.headers["webhook-allowed-origin"],
        "Events.Example.com"
    );
    assert_eq!(answer.headers["allow"], "POST");
    assert!(
        !answer.headers.contains_key("webhook-allowed-rate"),
        "nobody asked"
    );
    let rate = [
        origin,
        ("webhook-request-rate", "120"),
        ("webhook-request-callback", "https://evil.example/"),
    ];
    let answer = ask(Method::OPTIONS, &rate).unwrap();
    assert_eq!(answer.headers["webhook-allowed-rate"], "*");
    assert_eq!(ask(Method::OPTIONS, &[]), None);
    assert_eq!(ask(Method::GET, &[origin]), None);
    assert_eq!(ask(Method::POST, &[origin]), None);
    for other in ["evil.example", "events.example.com.evil.example", "*", ""] {
        assert_eq!(
            ask(Method::OPTIONS, &[("webhook-request-origin", other)]),
            None,
            "{other}"
        );
    }
}
