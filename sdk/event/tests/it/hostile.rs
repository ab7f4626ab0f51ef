//! Deep, wide and odd input: refused or carried, and nothing that is done with it later runs away.

use bytes::Bytes;
use http::HeaderMap;
use tradewind_event::http::{self as binding, Message, Options};
use tradewind_event::{Attribute, EXTENSIONS_MAX, Event, json, packed, protobuf};

const DEEP: usize = 100_000;
const SOUND: &str = r#""specversion":"1.0","id":"a","source":"/s","type":"t""#;

fn own(members: &str) -> Bytes {
    format!("{{{SOUND},{members}}}").into()
}

/// A JSON body in binary mode, where nobody has looked into it.
fn received(body: Bytes) -> Event {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "a"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    match binding::decode(&headers, body, &Options::default()) {
        Ok(Message::Binary(event)) => event,
        other => panic!("{other:?}"),
    }
}

/// Everything that a gateway does with an event on its way.
fn live_through(event: &Event) -> [Event; 3] {
    assert_eq!(event.validate(), Ok(()));
    let stamped = event
        .with_attribute("tradewindhops", Attribute::Integer(1))
        .unwrap();
    let mut stored = Vec::new();
    packed::pack(&stamped, &mut stored);
    let copies = [
        json::decode(json::encode(&stamped)).unwrap(),
        protobuf::decode(protobuf::encode(&stamped)).unwrap(),
        packed::unpack(stored.into()).unwrap(),
    ];
    drop(format!("{stamped:?}"));
    drop((event.clone(), stamped));
    copies
}

#[test]
fn a_hundred_thousand_levels() {
    let halves = [
        ("[".repeat(DEEP), "]".repeat(DEEP)),
        ("{\"a\":".repeat(DEEP), "}".repeat(DEEP)),
    ];
    for (open, close) in &halves {
        let inner = if open.starts_with('{') { "1" } else { "" };
        let deep = format!("{open}{inner}{close}");
        let error = json::decode(own(&format!("\"data\":{deep}"))).unwrap_err();
        assert!(error.to_string().contains("nest too deep"), "{error}");
        assert!(json::decode(own(&format!("\"data\":{open}"))).is_err());
        assert!(json::decode(own(&format!("\"ext\":{deep}"))).is_err());
        assert!(json::decode_batch(format!("[{deep}]").into(), &Default::default()).is_err());

        let event = received(deep.clone().into());
        assert_eq!(event.data_json(), None, "no tree is grown of it");
        for copy in live_through(&event) {
            assert_eq!(copy.data().unwrap().bytes, deep);
        }
    }
}

#[test]
fn a_million_keys() {
    let members: Vec<String> = (0..1_000_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let wide = format!("{{{}}}", members.join(","));
    let event = json::decode(own(&format!("\"data\":{wide}"))).unwrap();
    for copy in live_through(&event) {
        assert_eq!(copy.data().unwrap().bytes, wide);
    }
    assert!(json::decode(own(&members.join(","))).is_err());
}

#[test]
fn keys_that_occur_twice() {
    // Of the envelope none may; what the data means is its reader's affair.
    for members in [
        "\"id\":\"b\"",
        "\"x\":1,\"x\":1",
        "\"x\":1,\"\\u0078\":2",
        "\"data\":1,\"data\":1",
    ] {
        let error = json::decode(own(members)).unwrap_err();
        assert!(error.to_string().contains("occurs twice"), "{error}");
    }
    let twice = "{\"a\":1,\"a\":2}";
    let event = json::decode(own(&format!("\"data\":{twice}"))).unwrap();
    assert_eq!(event.data().unwrap().bytes, twice);
}

#[test]
fn numbers_beyond_every_type_and_half_characters() {
    for data in [
        "1e400",
        "-1e-400",
        "123456789012345678901234567890",
        "\"\\ud800\"",
        "\"\\udc00x\"",
    ] {
        let event = json::decode(own(&format!("\"data\":{data}"))).unwrap();
        for copy in live_through(&event) {
            assert_eq!(copy.data().unwrap().bytes, data);
        }
    }
    for members in [
        "\"x\":1e400",
        "\"x\":2147483648",
        "\"x\":\"\\ud800\"",
        "\"\\ud800\":1",
    ] {
        assert!(json::decode(own(members)).is_err(), "{members}");
    }
    // As text its characters are needed.
    let text = "\"datacontenttype\":\"text/plain\",\"data\":\"\\ud800\"";
    assert!(json::decode(own(text)).is_err());
}

#[test]
fn so_many_extensions_and_no_more() {
    let named = |count: usize| (0..count).map(|n| (format!("x{n}"), n.to_string()));
    let in_json = |count| {
        let members: Vec<String> = named(count)
            .map(|(name, n)| format!("\"{name}\":{n}"))
            .collect();
        json::decode(own(&members.join(",")))
    };
    let in_headers = |count| {
        let mut headers = binding::encode_binary(&received("1".into())).0;
        for (name, n) in named(count) {
            let name: http::HeaderName = format!("ce-{name}").parse().unwrap();
            headers.insert(name, n.parse().unwrap());
        }
        binding::decode(&headers, Bytes::new(), &Options::default())
    };
    let built = |count| {
        let event = Event::builder("a", "/s", "t");
        let add = |event: tradewind_event::Builder, (name, n): (String, String)| {
            event.extension(&name, Attribute::String(&n))
        };
        named(count).fold(event, add).build()
    };
    let event = in_json(EXTENSIONS_MAX).unwrap();
    assert!(in_headers(EXTENSIONS_MAX).is_ok());
    assert_eq!(protobuf::decode(protobuf::encode(&event)).unwrap(), event);
    // What the gateway adds has room, and is stored.
    let stamped = event.with_attribute("hops", Attribute::Integer(1)).unwrap();
    let mut stored = Vec::new();
    packed::pack(&stamped, &mut stored);
    assert_eq!(packed::unpack(stored.into()).unwrap(), stamped);

    let reason = "is one too many; an event has at most 256 extensions";
    let one_more = protobuf::decode(protobuf::encode(&stamped)).unwrap_err();
    assert_eq!(one_more.to_string(), format!("attribute `hops`: {reason}"));
    let found = [
        in_json(EXTENSIONS_MAX + 1).unwrap_err().to_string(),
        in_headers(EXTENSIONS_MAX + 1).unwrap_err().to_string(),
        built(EXTENSIONS_MAX + 1).unwrap_err().to_string(),
    ];
    for error in found {
        assert!(error.ends_with(reason), "{error}");
    }
}
