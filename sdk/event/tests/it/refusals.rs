//! Bad events and bad requests, each with the exact message that the sender is shown.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tradewind_event::http::{self as binding, Options, Percent};
use tradewind_event::{Limits, json, protobuf};

const SOUND: &str = r#""specversion":"1.0","id":"a","source":"/s","type":"t""#;

#[test]
fn json_documents() {
    let own = |members: &str| format!("{{{SOUND},{members}}}");
    for (document, message) in [
        (
            String::new(),
            "invalid JSON at byte 0: the document ends too early",
        ),
        (
            "[]".to_owned(),
            "invalid JSON at byte 0: expected an event, which is an object",
        ),
        (
            "{\"id\" 1}".to_owned(),
            "invalid JSON at byte 6: expected a colon after the member name",
        ),
        (
            format!("{{{SOUND}}} x"),
            "invalid JSON at byte 56: something follows the document",
        ),
        (
            format!("\u{feff}{{{SOUND}}}"),
            "invalid JSON at byte 0: the document begins with a byte-order mark; leave it out",
        ),
        (
            own("\"x\":01"),
            "invalid JSON at byte 60: expected a comma or the end of the object",
        ),
        (
            own("\"x\":\"\\q\""),
            "invalid JSON at byte 60: unknown escape in a string",
        ),
        (
            own("\"x\":\"a\nb\""),
            "invalid JSON at byte 61: a control character in a string must be escaped",
        ),
        (
            own(&format!("\"data\":{}", "[".repeat(128))),
            "invalid JSON at byte 189: arrays and objects nest too deep (limit 128)",
        ),
        (
            "{}".to_owned(),
            "attribute `specversion`: is missing; every event needs it",
        ),
        (
            r#"{"specversion":"1.0","id":"a","source":"/s"}"#.to_owned(),
            "attribute `type`: is missing; every event needs it",
        ),
        (
            own("\"id\":\"b\""),
            "attribute `id`: occurs twice; an attribute may be given once",
        ),
        (
            own("\"x\":1,\"\\u0078\":null"),
            "attribute `x`: occurs twice; an attribute may be given once",
        ),
        (
            own("\"data\":1,\"data\":2"),
            "attribute `data`: occurs twice; an attribute may be given once",
        ),
        (
            own("\"x\":1.5"),
            "attribute `x`: is 1.5; numbers must be 32-bit integers",
        ),
        (
            own("\"x\":2147483648"),
            "attribute `x`: is 2147483648; numbers must be 32-bit integers",
        ),
        (
            own("\"x\":{}"),
            "attribute `x`: is an object or an array; extensions are strings, integers or booleans",
        ),
        (
            own("\"subject\":5"),
            "attribute `subject`: is no string; it must be one",
        ),
        (
            own("\"x\":\"\\ud800\""),
            "attribute `x`: has half of a surrogate pair, which is no character",
        ),
        (
            own("\"time\":\"lunchtime\""),
            "attribute `time`: is no RFC 3339 timestamp: not of the form date, T, time, offset; expected for instance 2018-04-05T17:31:00Z",
        ),
        (
            own("\"dataschema\":\"a/b\""),
            "attribute `dataschema`: is not absolute: it needs a scheme, for instance https: or urn: (RFC 3986)",
        ),
        (
            own("\"datacontenttype\":\"xyz\""),
            "attribute `datacontenttype`: is no media type (RFC 2046); expected type/subtype, for instance application/json",
        ),
        (
            own("\"datacontenttype\":\"text/plain\",\"data\":{}"),
            "attribute `data`: is no string although its content type is not JSON; set datacontenttype to a JSON type or send a string",
        ),
        (
            own("\"data\":1,\"data_base64\":\"AA==\""),
            "attribute `data_base64`: stands beside `data`; an event has one of them",
        ),
        (
            own("\"data_base64\":\"A\""),
            "attribute `data_base64`: is no base64 (RFC 4648 §4, with padding)",
        ),
    ] {
        let error = json::decode(Bytes::from(document.clone())).unwrap_err();
        assert_eq!(error.to_string(), message, "{document}");
    }
    let latin1 = json::decode(Bytes::from_static(b"{\"id\":\"\xe9\"}")).unwrap_err();
    assert_eq!(
        latin1.to_string(),
        "invalid JSON at byte 7: the document is not UTF-8"
    );
}

#[test]
fn as_deep_as_allowed() {
    let nested = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert!(json::decode(format!("{{{SOUND},\"data\":{nested}}}").into()).is_ok());
    assert!(json::decode(format!("{{{SOUND},\"data\":[{nested}]}}").into()).is_err());
}

#[test]
fn batches_name_every_bad_event() {
    let limits = Limits {
        batch_events: 4,
        batch_bytes: 400,
        event_bytes: 80,
    };
    let good = format!("{{{SOUND}}}");
    let long = format!("{{{SOUND},\"subject\":\"{}\"}}", "s".repeat(40));
    for (document, message) in [
        (
            format!("[{good}, 5, {{}}, {long}]"),
            "event 1 of the batch: attribute `event`: is no object; \
             event 2 of the batch: attribute `specversion`: is missing; every event needs it; \
             event 3 of the batch: event size in bytes is above the limit of 80",
        ),
        (
            format!("[{good},]"),
            "invalid JSON at byte 57: expected a value",
        ),
        (
            good.clone(),
            "invalid JSON at byte 0: expected a batch, which is an array of events",
        ),
        (
            format!("[{good},{good},{good},{good},{good}]"),
            "number of events in the batch is above the limit of 4",
        ),
        (
            " ".repeat(401),
            "batch size in bytes is above the limit of 400",
        ),
    ] {
        let error = json::decode_batch(document.into(), &limits).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let five = [10u8, 0].repeat(5);
    let error = protobuf::decode_batch(five.into(), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "number of events in the batch is above the limit of 4"
    );
    let error = protobuf::decode_batch(vec![10, 0, 10, 9].into(), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid protobuf message: the batch is no sequence of fields"
    );
}

fn headers(changes: &[(&str, &str)]) -> HeaderMap {
    let mut headers: HeaderMap = [
        ("ce-specversion", "1.0"),
        ("ce-id", "a"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ]
    .into_iter()
    .map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    })
    .collect();
    for (name, value) in changes {
        let (action, name) = name.split_at(1);
        let name: HeaderName = name.parse().unwrap();
        match action {
            "-" => drop(headers.remove(name)),
            _ => drop(headers.append(name, value.parse().unwrap())),
        }
    }
    headers
}

#[test]
fn http_messages() {
    const NO_EVENT: &str = "no CloudEvent: there is neither a ce-specversion header (binary mode) nor a \
        content type application/cloudevents+json";
    type Changes = &'static [(&'static str, &'static str)];
    let table: [(Changes, u16, &str); 14] = [
        (&[("-ce-specversion", "")], 400, NO_EVENT),
        (
            &[
                ("-ce-specversion", ""),
                ("+content-type", "application/json"),
            ],
            400,
            NO_EVENT,
        ),
        (
            &[("-ce-id", "")],
            400,
            "header `ce-id`: is missing; every event needs it",
        ),
        (
            &[("+ce-id", "b")],
            400,
            "header `ce-id`: occurs twice; an attribute may be given once",
        ),
        (
            &[("+ce-x", "1"), ("+ce-x", "1")],
            400,
            "header `ce-x`: occurs twice; an attribute may be given once",
        ),
        (
            &[("+ce-datacontenttype", "text/plain")],
            400,
            "header `ce-datacontenttype`: must not be there in binary mode; Content-Type is the content type of the data",
        ),
        (
            &[("+ce-my-ext", "1")],
            400,
            "header `ce-my-ext`: is no valid attribute name; names consist of a-z and 0-9 only",
        ),
        (
            &[("+ce-subject", "")],
            400,
            "header `ce-subject`: is empty; leave it out or give it a value",
        ),
        (
            &[("+ce-subject", "100%")],
            400,
            "header `ce-subject`: has a % that begins no escape of two hex digits; write %25, or set lenient percent-decoding for this sender",
        ),
        (
            &[("+ce-subject", "%C0%A0")],
            400,
            "header `ce-subject`: is not UTF-8 after percent-decoding",
        ),
        (
            &[("+ce-subject", "%0A")],
            400,
            "header `ce-subject`: has the character U+000A, which a string may not hold",
        ),
        (
            &[("+content-type", "json")],
            400,
            "header `content-type`: is no media type (RFC 2046); expected type/subtype, for instance application/json",
        ),
        (
            &[("+content-type", "text/a"), ("+content-type", "text/b")],
            400,
            "header `content-type`: occurs twice",
        ),
        (
            &[("+content-type", "Application/CloudEvents+Avro")],
            415,
            "content type \"Application/CloudEvents+Avro\" is not supported; send application/cloudevents+json, application/cloudevents-batch+json or their +protobuf forms",
        ),
    ];
    for (changes, status, message) in table {
        let error =
            binding::decode(&headers(changes), Bytes::new(), &Options::default()).unwrap_err();
        assert_eq!(
            (error.status().as_u16(), &*error.to_string()),
            (status, message)
        );
    }
}

#[test]
fn json_is_utf8_whatever_else_its_media_type_says() {
    for (parameters, found) in [
        ("", None),
        (";", None),
        ("; charset", None),
        ("; charset=utf-8", None),
        ("; CharSet=\"UTF-8\"", None),
        (";a=\"; charset=latin1\";charset=Utf-8", None),
        (";a=\"\\\"; charset=latin1\"", None),
        ("; charset=iso-8859-1", Some("iso-8859-1")),
        ("; charset=ISO-8859-1", Some("ISO-8859-1")),
        (";CHARSET = \"utf-16\" ; a=b", Some("utf-16")),
        ("; a=b; charset=us-ascii", Some("us-ascii")),
        ("; charset=utf-8; charset=utf-7", Some("utf-7")),
        (";a=\"x\\\\\"; charset=latin1", Some("latin1")),
        ("; charset=", Some("")),
    ] {
        for (format, body) in [
            ("cloudevents", format!("{{{SOUND}}}")),
            ("cloudevents-batch", format!("[{{{SOUND}}}]")),
        ] {
            let content_type = format!("application/{format}+json{parameters}");
            let mut headers = HeaderMap::new();
            headers.insert("content-type", content_type.parse().unwrap());
            let read = binding::decode(&headers, body.into(), &Options::default());
            let refused = read
                .map(drop)
                .map_err(|e| (e.status().as_u16(), e.to_string()));
            let expected = found.map_or(Ok(()), |found| {
                let message = format!("charset {found:?} is not supported; send JSON in UTF-8");
                Err((415, message))
            });
            assert_eq!(refused, expected, "{content_type}");
        }
    }
}

#[test]
fn http_sizes() {
    let mut options = Options::default();
    options.limits.event_bytes = 64;
    for (content_type, body) in [
        ("text/plain", " ".repeat(60)),
        ("application/cloudevents+json", " ".repeat(65)),
        ("application/cloudevents+protobuf", " ".repeat(65)),
    ] {
        let headers = headers(&[("+content-type", content_type)]);
        let error = binding::decode(&headers, body.into(), &options).unwrap_err();
        assert_eq!(error.status(), 413);
        assert_eq!(
            error.to_string(),
            "event size in bytes is above the limit of 64"
        );
    }
}

#[test]
fn lenient_senders_are_understood() {
    let headers = headers(&[("+ce-subject", "100% sure: 5%25")]);
    let options = Options {
        percent: Percent::Lenient,
        ..Options::default()
    };
    let events = binding::decode(&headers, Bytes::new(), &options)
        .unwrap()
        .into_events();
    assert_eq!(events[0].subject(), Some("100% sure: 5%"));
}

#[test]
fn modes_are_told_by_the_prefix_whatever_its_case() {
    use binding::Message;
    let none = headers(&[("-ce-specversion", "")]);
    let with = |content_type: &str| {
        let mut headers = none.clone();
        headers.insert("content-type", content_type.parse().unwrap());
        headers
    };
    let options = Options::default();
    let structured = binding::decode(
        &with("APPLICATION/CloudEvents+JSON ; charset=UTF-8"),
        Bytes::from(format!("{{{SOUND}}}")),
        &options,
    );
    assert!(matches!(structured, Ok(Message::Structured(_))));
    let batch = binding::decode(
        &with("application/CLOUDEVENTS-batch+json"),
        Bytes::from_static(b"[ ]"),
        &options,
    );
    assert!(matches!(batch, Ok(Message::Batch(events)) if events.is_empty()));
}
