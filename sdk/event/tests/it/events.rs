//! What an event promises beside its values.

use bytes::Bytes;
use tradewind_event::{Attribute, DataKind, DecodeError, Event, Limits, json, protobuf};

fn decode(document: &str) -> Event {
    json::decode(Bytes::copy_from_slice(document.as_bytes())).unwrap()
}

const DOCUMENT: &str = r#" {"id":"\u0061","source":"/s","type":"t","specversion":"1.0","n":7,
    "s":"x","none":null,"time":"2018-04-05T10:31:00.5-07:00","data":{ "b": 12345678901234567890123, "a":1.10 } } "#;

#[test]
fn events_can_go_anywhere() {
    fn check<T: Send + Sync + Clone + 'static>(_: &T) {}
    check(&decode(DOCUMENT));
}

#[test]
fn values_are_read_as_written() {
    let event = decode(DOCUMENT);
    assert_eq!(event.id(), "a");
    assert_eq!(event.source(), "/s");
    assert_eq!(event.ty(), "t");
    assert_eq!(event.subject(), None);
    assert_eq!(event.time_text(), Some("2018-04-05T10:31:00.5-07:00"));
    assert_eq!(
        event.time().unwrap().to_string(),
        "2018-04-05T17:31:00.500Z"
    );
    let names: Vec<&str> = event.attributes().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["specversion", "id", "source", "type", "time", "n", "s"]
    );
    let data = event.data().unwrap();
    assert_eq!(
        &data.bytes[..],
        br#"{ "b": 12345678901234567890123, "a":1.10 }"#
    );
    assert_eq!(data.kind, DataKind::Json);
    assert_eq!(json::encode(&event), DOCUMENT);
}

#[test]
fn an_overlay_changes_one_event_and_shares_the_rest() {
    let event = decode(DOCUMENT);
    let changed = event
        .with_attribute("subject", Attribute::String("s u b"))
        .and_then(|e| e.with_attribute("n", Attribute::Integer(8)))
        .and_then(|e| e.with_attribute("n", Attribute::Integer(9)))
        .and_then(|e| e.with_attribute("new", Attribute::Boolean(true)))
        .unwrap();
    assert_eq!(event.subject(), None);
    assert_eq!(changed.subject(), Some("s u b"));
    assert_eq!(changed.attribute("n"), Some(Attribute::Integer(9)));
    assert_eq!(changed.attribute("new"), Some(Attribute::Boolean(true)));
    assert_eq!(changed.extensions().count(), 3);
    let (old, new) = (event.data().unwrap(), changed.data().unwrap());
    assert_eq!(old.bytes.as_ptr(), new.bytes.as_ptr());
    let encoded = json::encode(&changed);
    assert_eq!(json::decode(encoded.clone()).unwrap(), changed);
    let text = std::str::from_utf8(&encoded).unwrap();
    assert!(
        text.ends_with(r#""data":{ "b": 12345678901234567890123, "a":1.10 }}"#),
        "{text}"
    );
}

#[test]
fn parts_are_taken_out_and_replaced() {
    let event = decode(DOCUMENT);
    let less = event.without_attribute("n").unwrap();
    assert_eq!(less.attribute("n"), None);
    assert_eq!(less.data(), event.data());
    assert_eq!(less.extensions().count() + 1, event.extensions().count());
    assert_eq!(event.without_attribute("nothere").unwrap(), event);
    for required in ["id", "source", "type", "specversion"] {
        event.without_attribute(required).unwrap_err();
    }
    for (content_type, kind) in [
        ("application/json", DataKind::Json),
        ("text/plain", DataKind::Text),
        ("image/png", DataKind::Binary),
    ] {
        let other = event.with_data(content_type, "1").unwrap();
        assert_eq!(other.data_content_type(), Some(content_type));
        assert_eq!(other.data().unwrap().kind, kind);
        assert_eq!(&other.data().unwrap().bytes[..], b"1");
        assert_eq!(other.attribute("n"), event.attribute("n"));
    }
    event.with_data("no type", "1").unwrap_err();
}

#[test]
fn an_overlay_obeys_the_rules() {
    let event = decode(DOCUMENT);
    for (name, value) in [
        ("id", Attribute::String("")),
        ("id", Attribute::Integer(1)),
        ("Upper", Attribute::String("a")),
        ("data", Attribute::String("a")),
        ("specversion", Attribute::String("0.3")),
        ("ext", Attribute::Uri("relative")),
        ("ext", Attribute::Timestamp("today")),
    ] {
        let refused = event.with_attribute(name, value);
        assert_eq!(refused.map_err(|e| e.attribute), Err(name.to_owned()));
    }
}

#[test]
fn a_core_attribute_keeps_its_type() {
    let event = decode(DOCUMENT)
        .with_attribute("time", Attribute::String("2020-01-01T00:00:00Z"))
        .unwrap();
    let time = Attribute::Timestamp("2020-01-01T00:00:00Z");
    assert_eq!(event.attribute("time"), Some(time));
    assert_eq!(event.time().unwrap().seconds, 1_577_836_800);
}

#[test]
fn no_event_keeps_its_batch() {
    let event = decode(DOCUMENT);
    let limits = Limits::default();
    type Decode = fn(Bytes, &Limits) -> Result<Vec<Event>, DecodeError>;
    let batches: [(Bytes, Decode); 2] = [
        (
            json::encode_batch(&[event.clone(), event.clone()]),
            json::decode_batch,
        ),
        (
            protobuf::encode_batch(&[event.clone(), event]),
            protobuf::decode_batch,
        ),
    ];
    for (batch, decode) in batches {
        let events = decode(batch.clone(), &limits).unwrap();
        assert_eq!(events.len(), 2);
        assert!(batch.is_unique());
        let single = json::encode(&events[0]);
        assert!(single.len() < batch.len() * 2 / 3);
    }
}

#[test]
fn the_builder_takes_the_last_value_and_checks_all() {
    let event = Event::builder("a", "/s", "t")
        .extension("x", Attribute::Integer(1))
        .extension("x", Attribute::Integer(2))
        .data("application/json; charset=utf-8", "{}")
        .build()
        .unwrap();
    assert_eq!(event.attribute("x"), Some(Attribute::Integer(2)));
    assert_eq!(event.data().unwrap().kind, DataKind::Json);
    let refused = Event::builder("a", "not a uri", "t").build();
    assert_eq!(refused.unwrap_err().attribute, "source");
}

#[test]
fn protobuf_data_of_a_message_becomes_its_bytes() {
    // id "a", source "/s", specversion "1.0", type "t", proto_data {"type.example/M", [1, 2]}
    let message =
        b"\x0a\x01a\x12\x02/s\x1a\x031.0\x22\x01t\x42\x14\x0a\x0etype.example/M\x12\x02\x01\x02";
    let event = protobuf::decode(Bytes::from_static(message)).unwrap();
    assert_eq!(event.data_content_type(), Some("application/protobuf"));
    assert_eq!(event.data_schema(), Some("https://type.example/M"));
    assert_eq!(&event.data().unwrap().bytes[..], [1, 2]);
}
