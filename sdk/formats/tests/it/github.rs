//! Requests of our own making.

use crate::document::{DOCUMENT, Expected, expected};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_event::{DataKind, Event};
use tradewind_formats::{Error, github};

const DELIVERY: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

pub(crate) fn headers(event: &str, content_type: &str) -> HeaderMap {
    [
        ("x-github-event", event),
        ("x-github-delivery", DELIVERY),
        ("content-type", content_type),
    ]
    .into_iter()
    .map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    })
    .collect()
}

pub(crate) fn seen(event: &Event) -> Expected {
    Expected {
        source: event.source().into(),
        ty: event.ty().into(),
        subject: event.subject().map(str::to_owned),
        time: event.time_text().map(str::to_owned),
    }
}

fn decode(event: &str, payload: &Value) -> Event {
    let body = Bytes::from(payload.to_string());
    github::decode(&headers(event, "application/json"), body).unwrap()
}

fn put(payload: &mut Value, path: &str, value: String) {
    let mut place = payload;
    for step in path.split('.') {
        place = &mut place[step];
    }
    *place = value.into();
}

/// A payload in which every path of the document leads to a value of its own.
fn payload_with(paths: &[&str]) -> Value {
    let mut payload = json!({});
    for (n, path) in paths.iter().enumerate() {
        let time = path.ends_with("_at") || path.ends_with("_date");
        let value = match time {
            true => format!("2026-01-{:02}T00:00:00Z", n + 1),
            false if *path == "action" => "published".to_owned(),
            false => format!("https://api.github.com/{path}/{n}"),
        };
        put(&mut payload, path, value);
    }
    payload
}

#[test]
fn every_event_of_the_document() {
    let general = ["repository.url", "organization.url", "sender.url", "action"];
    for (event, source, parts, subject, time) in DOCUMENT {
        let mut paths: Vec<&str> = general.into();
        let own = source.trim_start_matches("parent of ").split(" + ");
        paths.extend(own.filter(|path| !path.starts_with('=')));
        paths.extend(parts.split(' ').chain([subject]).chain(time.split(' ')));
        paths.retain(|path| !path.is_empty());
        // All there; then one after the other missing.
        for missing in 0..=paths.len() {
            let mut present = paths.clone();
            if missing < paths.len() {
                let gone = paths[missing];
                present.retain(|path| *path != gone);
            }
            let payload = payload_with(&present);
            assert_eq!(
                seen(&decode(event, &payload)),
                expected(event, &payload),
                "{event}: {payload}"
            );
        }
    }
}

#[test]
fn a_push_of_our_own() {
    let body = Bytes::from_static(include_bytes!("../../fixtures/github/push.json"));
    let event = github::decode(&headers("push", "application/json"), body.clone()).unwrap();
    assert_eq!(event.id(), DELIVERY);
    assert_eq!(event.source(), "https://api.github.com/repos/acme/app");
    assert_eq!(event.ty(), "com.github.push");
    assert_eq!(event.subject(), Some("refs/heads/main"));
    assert_eq!(event.time_text(), None);
    assert_eq!(event.data_content_type(), Some("application/json"));
    let data = event.data().unwrap();
    assert_eq!(data.bytes, body);
    assert_eq!(data.kind, DataKind::Json);
}

#[test]
fn events_that_the_document_does_not_know() {
    let zen = json!({ "zen": "Design for failure.", "hook_id": 1, "organization": { "url": "https://api.github.com/orgs/acme" } });
    let table = [
        (
            "ping",
            zen,
            "com.github.ping",
            "https://api.github.com/orgs/acme",
        ),
        (
            "new_thing",
            json!({ "action": "made", "sender": { "url": "https://api.github.com/users/a" } }),
            "com.github.new_thing.made",
            "https://api.github.com/users/a",
        ),
        (
            "new_thing",
            json!({ "action": null }),
            "com.github.new_thing",
            "github.com",
        ),
    ];
    for (name, payload, ty, source) in table {
        let event = decode(name, &payload);
        assert_eq!(
            (event.ty(), event.source(), event.subject()),
            (ty, source, None)
        );
    }
}

#[test]
fn odd_values_cost_an_attribute_and_no_event() {
    let table = [
        // Seconds since the epoch, as installations have them.
        (
            json!({ "issue": { "updated_at": 1_557_933_591 } }),
            None,
            Some("2019-05-15T15:19:51Z"),
        ),
        (
            json!({ "issue": { "updated_at": "yesterday", "number": 7 } }),
            Some("7"),
            None,
        ),
        (
            json!({ "issue": { "updated_at": null, "number": "a\nb" } }),
            None,
            None,
        ),
        (
            json!({ "issue": { "updated_at": {}, "number": "" } }),
            None,
            None,
        ),
        (json!({ "issue": [] }), None, None),
    ];
    for (payload, subject, time) in table {
        let event = decode("issues", &payload);
        assert_eq!(
            (event.subject(), event.time_text()),
            (subject, time),
            "{payload}"
        );
    }
    let dispatch = json!({ "action": "my thing\u{7}" });
    assert_eq!(
        decode("repository_dispatch", &dispatch).ty(),
        "com.github.repository_dispatch"
    );
}

#[test]
fn the_time_of_a_release_follows_its_action() {
    let times = json!({ "created_at": "2026-01-01T00:00:00Z", "published_at": "2026-01-02T00:00:00Z", "updated_at": "2026-01-03T00:00:00Z" });
    for (action, time) in [
        ("created", Some("2026-01-01T00:00:00Z")),
        ("published", Some("2026-01-02T00:00:00Z")),
        ("released", Some("2026-01-02T00:00:00Z")),
        ("edited", Some("2026-01-03T00:00:00Z")),
        ("deleted", None),
    ] {
        let event = decode("release", &json!({ "action": action, "release": times }));
        assert_eq!(event.time_text(), time, "{action}");
    }
}

#[test]
fn forms_are_read_and_kept_as_they_are() {
    let body = Bytes::from_static(
        b"payload=%7B%22ref%22%3A%22refs%2Fheads%2Fa%2Bb%22%2C%22repository%22%3A%7B%22url%22%3A%22https%3A%2F%2Fapi.github.com%2Frepos%2Facme%2Fapp%22%7D%7D",
    );
    let event = github::decode(
        &headers("push", "application/x-www-form-urlencoded"),
        body.clone(),
    )
    .unwrap();
    assert_eq!(event.subject(), Some("refs/heads/a+b"));
    assert_eq!(event.source(), "https://api.github.com/repos/acme/app");
    assert_eq!(
        event.data_content_type(),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(event.data().unwrap().bytes, body);
}

#[test]
fn keeps_the_content_type_that_was_sent() {
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let event = github::decode(&headers("push", content_type), "{}".into()).unwrap();
        assert_eq!(event.data_content_type(), Some(content_type));
    }
    let mut headers = headers("push", "text/plain");
    headers.remove("content-type");
    let event = github::decode(&headers, "{}".into()).unwrap();
    assert_eq!(event.data_content_type(), Some("application/json"));
}

#[test]
fn what_github_never_sends() {
    let good = || headers("push", "application/json");
    let with = |name: &'static str, value: &str| {
        let mut headers = good();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    };
    let without = |name: &'static str| {
        let mut headers = good();
        headers.remove(name);
        headers
    };
    let twice = |name: &'static str| {
        let mut headers = good();
        headers.append(name, headers[name].clone());
        headers
    };
    let long = "a".repeat(101);
    let table = [
        (
            without("x-github-event"),
            "{}",
            "the header `x-github-event` is missing: is this request from the provider?",
        ),
        (
            without("x-github-delivery"),
            "{}",
            "the header `x-github-delivery` is missing: is this request from the provider?",
        ),
        (
            twice("x-github-event"),
            "{}",
            "the header `x-github-event` is repeated or malformed",
        ),
        (
            twice("x-github-delivery"),
            "{}",
            "the header `x-github-delivery` is repeated or malformed",
        ),
        (
            with("x-github-event", ""),
            "{}",
            "the header `x-github-event` is repeated or malformed",
        ),
        (
            with("x-github-event", "Push"),
            "{}",
            "the header `x-github-event` is repeated or malformed",
        ),
        (
            with("x-github-event", &long),
            "{}",
            "the header `x-github-event` is repeated or malformed",
        ),
        (
            with("x-github-delivery", "a b"),
            "{}",
            "the header `x-github-delivery` is repeated or malformed",
        ),
        (
            with("content-type", "text/xml"),
            "{}",
            "the content type `text/xml` is not supported, expected application/json or application/x-www-form-urlencoded",
        ),
        (
            good(),
            "",
            "the body cannot be read: EOF while parsing a value at line 1 column 0",
        ),
        (
            good(),
            "[]",
            "the body cannot be read: invalid type: sequence, expected a JSON object at line 1 column 0",
        ),
        (
            good(),
            "{} {}",
            "the body cannot be read: trailing characters at line 1 column 4",
        ),
        (
            with("content-type", "application/x-www-form-urlencoded"),
            "{}",
            "the body cannot be read: the form has no field `payload`",
        ),
        (
            with("content-type", "application/x-www-form-urlencoded"),
            "payload=",
            "the body cannot be read: EOF while parsing a value at line 1 column 0",
        ),
    ];
    for (headers, body, message) in table {
        let error: Error = github::decode(&headers, body.into()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

proptest! {
    /// Whatever comes, the answer is an error or a valid event with the same bytes.
    #[test]
    fn any_body(
        event in prop::sample::select(&["issues", "release", "commit_comment", "unheard_of"][..]),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            r#"\{"(action|issue|comment|release|sender)":[\[{0-9"a-z:,}\]\\u]{0,40}\}"#.prop_map(String::into_bytes),
        ],
        form in any::<bool>(),
    ) {
        let content_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        let body = Bytes::from(body);
        if let Ok(event) = github::decode(&headers(event, content_type), body.clone()) {
            prop_assert_eq!(event.validate(), Ok(()));
            prop_assert_eq!(&event.data().unwrap().bytes, &body);
        }
    }
}
