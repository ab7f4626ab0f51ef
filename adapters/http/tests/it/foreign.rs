//! Bodies of providers at the `http` source.

use crate::source::{decode, open, refused};
use serde_json::json;

const EVENT_BRIDGE: &[u8] = br#"{"version":"0","id":"7bf7","detail-type":"Order Placed","source":"com.shop",
 "account":"1234","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail":{"total":1.0}}"#;

#[test]
fn a_named_format_and_the_one_that_is_recognised() {
    for format in ["aws-event-bridge", "auto"] {
        let source = open(json!({ "format": format }));
        let events = decode(&source, &[], EVENT_BRIDGE).unwrap();
        let event = &events[0];
        assert_eq!(
            (event.id(), event.source(), event.ty()),
            ("7bf7", "com.shop", "Order Placed")
        );
        assert_eq!(event.data().unwrap().bytes, EVENT_BRIDGE);
    }
}

#[test]
fn cloudevents_are_taken_as_ever() {
    let source = open(json!({ "format": "auto" }));
    let body = br#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    let events = decode(
        &source,
        &[("content-type", "application/cloudevents+json")],
        body,
    )
    .unwrap();
    assert_eq!(events[0].ty(), "t");
}

#[test]
fn templates_of_the_configuration() {
    let source = open(json!({ "mapping": {
        "each": "items", "source": "/shops/{^shop.id}", "type": "shop.{kind~lower}", "id": "{nr}",
        "subject": "{@x-tenant}", "time": "{at}", "extensions": { "partitionkey": "{customer}" },
    } }));
    let body = br#"{"shop":{"id":7},"items":[{"nr":1,"kind":"SOLD","at":1767225600,"customer":"c"},
        { "nr" : 2, "kind": "Sent" }]}"#;
    let events = decode(&source, &[("x-tenant", "acme")], body).unwrap();
    let seen: Vec<_> = events
        .iter()
        .map(|e| (e.id(), e.source(), e.ty(), e.subject(), e.time_text()))
        .collect();
    assert_eq!(
        seen,
        [
            (
                "1",
                "/shops/7",
                "shop.sold",
                Some("acme"),
                Some("2026-01-01T00:00:00Z")
            ),
            ("2", "/shops/7", "shop.sent", Some("acme"), None),
        ]
    );
    assert_eq!(
        events[1].data().unwrap().bytes.as_ref(),
        br#"{ "nr" : 2, "kind": "Sent" }"#
    );
    assert_eq!(
        events[0].attribute("partitionkey").unwrap().to_canonical(),
        "c"
    );
}

#[test]
fn what_is_wrong_with_a_body_is_told() {
    let items = json!({ "mapping": { "each": "items", "source": "/s", "type": "{kind}" } });
    let table = [
        (
            json!({ "format": "auto" }),
            "{\"a\":1}",
            "the body is of no known format",
        ),
        (
            json!({ "format": "auto" }),
            "no JSON",
            "the body is of no known format",
        ),
        (
            items.clone(),
            r#"{"items":[{"kind":"a"},{"king":"b"}]}"#,
            "items[1]: nothing gives the event its `type`: looked for `kind`",
        ),
        (
            items.clone(),
            r#"{"item":[]}"#,
            "the body cannot be read: there is no list `items`",
        ),
        (
            items,
            r#"{"items":[{"kind":"a"}"#,
            "the body cannot be read: ",
        ),
        (
            json!({ "format": "stripe" }),
            r#"{"id":"evt_1"}"#,
            "nothing gives the event its `type`: looked for `type`",
        ),
    ];
    for (settings, body, expected) in table {
        let refusal = decode(&open(settings), &[], body.as_bytes()).unwrap_err();
        assert_eq!(refusal.status, 400, "{body}");
        let detail = refusal.detail.unwrap();
        assert!(detail.starts_with(expected), "{detail}");
    }
}

#[test]
fn what_is_no_known_format_may_still_be_a_plain_body() {
    let source = open(json!({ "format": "auto", "raw": { "type": "t", "source": "/raw" } }));
    assert_eq!(decode(&source, &[], b"hello").unwrap()[0].source(), "/raw");
    assert_eq!(
        decode(&source, &[], EVENT_BRIDGE).unwrap()[0].source(),
        "com.shop"
    );
}

#[test]
fn settings_that_cannot_work() {
    let table = [
        (
            json!({ "format": "eventbridge" }),
            "unknown format `eventbridge` (hint: perhaps aws-event-bridge)",
        ),
        (
            json!({ "format": "nobody" }),
            "unknown format `nobody` (hint: write `auto`, or a name of docs/reference/formats.md)",
        ),
        (
            json!({ "mapping": { "source": "/s", "type": "{" } }),
            "the template `{`: a `{` is never closed",
        ),
        (
            json!({ "mapping": { "source": "/s" } }),
            "missing field `type`",
        ),
        (
            json!({ "format": "auto", "mapping": { "source": "/s", "type": "t" } }),
            "two ways of reading a body",
        ),
    ];
    for (settings, expected) in table {
        let said = refused(settings);
        assert!(said.contains(expected), "{said}");
    }
}
