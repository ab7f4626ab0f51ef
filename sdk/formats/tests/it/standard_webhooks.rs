//! Messages whose payload is the sender's own.

use bytes::Bytes;
use tradewind_formats::standard_webhooks::{Mapping, decode};

const MAPPING: Mapping<'_> = Mapping {
    source: "https://pay.example/hooks",
    type_from: "type",
    fallback_type: "com.standardwebhooks.message",
};

/// Body and content type; type, time and content type of the event.
type Case = (
    &'static [u8],
    Option<&'static str>,
    &'static str,
    Option<&'static str>,
    &'static str,
);

#[test]
fn reads_what_the_specification_recommends() {
    let table: [Case; 8] = [
        (
            br#"{"type":"invoice.paid","timestamp":"2022-11-03T20:26:10.344522Z","data":{}}"#,
            Some("application/json"),
            "invoice.paid",
            Some("2022-11-03T20:26:10.344522Z"),
            "application/json",
        ),
        (
            br#"{"type":"invoice.paid","timestamp":1667507170}"#,
            None,
            "invoice.paid",
            Some("2022-11-03T20:26:10Z"),
            "application/json",
        ),
        (
            br#"{"type":"invoice.paid","timestamp":"soon"}"#,
            Some("application/json; charset=utf-8"),
            "invoice.paid",
            None,
            "application/json; charset=utf-8",
        ),
        (
            br#"{"data":{"type":"inner"}}"#,
            None,
            "com.standardwebhooks.message",
            None,
            "application/json",
        ),
        (br#"{"type":7}"#, None, "7", None, "application/json"),
        (
            br#"{"type":{}}"#,
            None,
            "com.standardwebhooks.message",
            None,
            "application/json",
        ),
        (
            b"\xff\xfe\x00",
            None,
            "com.standardwebhooks.message",
            None,
            "application/octet-stream",
        ),
        (
            b"",
            Some("text/plain"),
            "com.standardwebhooks.message",
            None,
            "text/plain",
        ),
    ];
    for (body, content_type, ty, time, stored_type) in table {
        let event = decode(MAPPING, "msg_1", content_type, Bytes::from_static(body)).unwrap();
        assert_eq!((event.id(), event.source()), ("msg_1", MAPPING.source));
        assert_eq!((event.ty(), event.time_text()), (ty, time));
        assert_eq!(event.data_content_type(), Some(stored_type));
        assert_eq!(event.data().unwrap().bytes, body);
    }
}

#[test]
fn the_type_may_lie_deeper() {
    let mapping = Mapping {
        type_from: "data.kind",
        ..MAPPING
    };
    let body = Bytes::from_static(br#"{"type":"outer","data":{"kind":"inner"}}"#);
    assert_eq!(decode(mapping, "msg_1", None, body).unwrap().ty(), "inner");
}

#[test]
fn refuses_what_makes_no_event() {
    let error = decode(MAPPING, "", None, Bytes::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no valid event: attribute `id`: is empty; leave it out or give it a value"
    );
}
