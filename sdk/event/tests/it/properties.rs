//! What must hold for any input.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use tradewind_event::http::{self as binding, Format, Message, Options, Percent};
use tradewind_event::{Attribute, DataKind, Event, Limits, json, packed, protobuf};

fn content_type() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![
        None,
        Some("application/json"),
        Some("APPLICATION/vnd.acme+JSON; charset=utf-8"),
        Some("text/plain"),
        Some("text/plain; charset=iso-8859-1"),
        Some("application/xml"),
        Some("application/octet-stream"),
        Some("image/png"),
    ])
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..200),
        any::<String>().prop_map(String::into_bytes),
        json_text().prop_map(String::into_bytes),
        prop::collection::vec(token(), 1..12).prop_map(|tokens| tokens.concat().into_bytes()),
    ]
}

/// Well-formed JSON with odd spacing.
fn json_text() -> impl Strategy<Value = String> {
    json_with(
        " ,",
        ":\n",
        &["null", " true", "-0.50e+3 ", "12345678901234567890123"],
    )
}

/// Well-formed JSON without spacing.
fn compact_text() -> impl Strategy<Value = String> {
    json_with(
        ",",
        ":",
        &["null", "false", "-70.25", "0", "12345678901234567890123"],
    )
    .prop_map(|text| format!("[{text}]"))
}

fn json_with(
    comma: &'static str,
    colon: &'static str,
    words: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(words).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(move |v| format!("[{}]", v.join(comma))),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(move |members| {
                let member =
                    |(k, v)| format!("{}{colon}{v}", serde_json::to_string::<String>(&k).unwrap());
                format!(
                    "{{{}}}",
                    members
                        .into_iter()
                        .map(member)
                        .collect::<Vec<_>>()
                        .join(",")
                )
            }),
        ]
    })
}

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u0041\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"é\"",
        "\"\u{1}\"",
        "\"\\ud800\"",
        "\"",
        "0",
        "1",
        "-",
        "01",
        "1.",
        ".5",
        "1.5",
        "1e5",
        "1e",
        "1E-2",
        "true",
        "fals",
        "null",
        " ",
        "\n",
        "\u{a0}",
    ])
}

/// An event as a plain HTTP body brings it: nothing is known of the bytes but their content type.
fn received(content_type: Option<&str>, body: &[u8]) -> Event {
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
    if let Some(value) = content_type {
        headers.insert("content-type", value.parse().unwrap());
    }
    over_http((headers, Bytes::copy_from_slice(body)))
}

fn over_http((headers, body): (HeaderMap, Bytes)) -> Event {
    let mut events = binding::decode(&headers, body, &Options::default())
        .unwrap()
        .into_events();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn pack(event: &Event) -> Bytes {
    let mut out = Vec::new();
    packed::pack(event, &mut out);
    out.into()
}

fn bytes(event: &Event) -> &[u8] {
    event.data().map_or(&[], |data| &data.bytes)
}

/// Whitespace around a JSON value is no part of it once it stands in a JSON document.
fn value_of(event: &Event) -> &[u8] {
    let bytes = bytes(event);
    let blank = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    match event.data().map(|data| data.kind) {
        Some(DataKind::Json) => {
            let start = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
            let end = bytes
                .iter()
                .rposition(|b| !blank(b))
                .map_or(start, |n| n + 1);
            &bytes[start..end]
        }
        _ => bytes,
    }
}

proptest! {
    #[test]
    fn data_in_is_data_out(content_type in content_type(), body in payload()) {
        // An empty body is no data.
        prop_assume!(!body.is_empty());
        let event = received(content_type, &body);
        prop_assert_eq!(event.validate(), Ok(()));
        prop_assert_eq!(bytes(&event), &body[..]);
        let exact = [
            packed::unpack(pack(&event)).unwrap(),
            over_http(binding::encode_binary(&event)),
            over_http(binding::encode_structured(&event, Format::Protobuf)),
            protobuf::decode(protobuf::encode(&event)).unwrap(),
        ];
        for copy in &exact {
            prop_assert_eq!(bytes(copy), &body[..]);
        }
        prop_assert_eq!(&exact[0], &event);
        prop_assert_eq!(&exact[1], &event);
        let structured = over_http(binding::encode_structured(&event, Format::Json));
        let in_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
        let wanted = if event.data().unwrap().kind == DataKind::Json && in_json { value_of(&event) } else { &body[..] };
        prop_assert_eq!(bytes(&structured), wanted);
        // A JSON document that came in goes out as it is, also through the storage form.
        let document = json::encode(&structured);
        prop_assert_eq!(json::encode(&packed::unpack(pack(&structured)).unwrap()), &document);
        // What is given back with the packed form is what reading it gives.
        let stamped = structured.with_attribute("stamp", Attribute::String("x")).unwrap();
        for event in [&event, &structured, &stamped] {
            let (whole, again) = packed::pack_again(event, vec![7, 7]);
            prop_assert_eq!(&whole[2..], &pack(event)[..]);
            let read = packed::unpack(whole.slice(2..)).unwrap();
            prop_assert_eq!(&again, &read);
            prop_assert_eq!(json::encode(&again), json::encode(&read));
            prop_assert_eq!(pack(&again), pack(&read));
        }
        let batch = json::encode_batch(&[structured, event.clone()]);
        let batch = json::decode_batch(batch, &Limits::default()).unwrap();
        prop_assert_eq!(bytes(&batch[1]), wanted);
        let batch = protobuf::encode_batch(std::slice::from_ref(&event));
        let batch = protobuf::decode_batch(batch, &Limits::default()).unwrap();
        prop_assert_eq!(bytes(&batch[0]), &body[..]);
    }

    #[test]
    fn json_agrees_with_serde_json(text in prop_oneof![
        json_text(),
        compact_text(),
        (compact_text(), any::<prop::sample::Index>(), token()).prop_map(|(mut text, at, with)| {
            let at = at.index(text.len());
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            text.replace_range(at..end, with);
            text
        }),
        prop::collection::vec(token(), 1..12).prop_map(|tokens| tokens.concat()),
    ]) {
        let event = received(Some("application/json"), text.as_bytes());
        let spliced = json::decode(json::encode(&event)).unwrap();
        let valid = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(spliced.data().unwrap().kind == DataKind::Json, valid);
    }

    #[test]
    fn damaged_documents_are_never_taken_for_json(at in 0..DOCUMENT.len(), with in any::<u8>(), cut in 0..DOCUMENT.len()) {
        let mut document = DOCUMENT.as_bytes().to_vec();
        document[at] = with;
        for bytes in [&document[..], &document[cut..], &document[..cut]] {
            let found = json::decode(Bytes::copy_from_slice(bytes));
            let valid = serde_json::from_slice::<IgnoredAny>(bytes).is_ok() && std::str::from_utf8(bytes).is_ok();
            prop_assert!(found.is_err() || valid);
            if let Ok(event) = found {
                prop_assert_eq!(event.validate(), Ok(()));
            }
        }
    }

    #[test]
    fn hostile_bytes_are_refused_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        let events = [json::decode(bytes.clone()), protobuf::decode(bytes.clone()), packed::unpack(bytes.clone())];
        for event in events.into_iter().flatten() {
            prop_assert_eq!(event.validate(), Ok(()));
        }
        json::decode_batch(bytes.clone(), &Limits::default()).ok();
        protobuf::decode_batch(bytes, &Limits::default()).ok();
    }

    #[test]
    fn a_damaged_packed_event_is_refused_or_valid(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>()) {
        let event = json::decode(Bytes::from_static(DOCUMENT.as_bytes())).unwrap();
        let stamped = event.with_attribute("tradewindhops", Attribute::Integer(-3)).unwrap();
        for whole in [pack(&event), pack(&stamped)] {
            let mut bytes = whole.to_vec();
            for (at, with) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *with;
            }
            if let Ok(event) = packed::unpack(bytes.into()) {
                prop_assert_eq!(event.validate(), Ok(()));
            }
            prop_assert!(packed::unpack(whole.slice(..cut.index(whole.len()))).is_err());
        }
    }

    #[test]
    fn arbitrary_headers_do_no_harm(name in "ce-[a-z0-9-]{0,6}", value in prop::collection::vec(0x20u8..=0xff, 0..40)) {
        let mut headers = binding::encode_binary(&received(None, b"x")).0;
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) else {
            return Ok(());
        };
        headers.insert(name, value);
        for percent in [Percent::Strict, Percent::Lenient] {
            let options = Options { percent, ..Options::default() };
            if let Ok(Message::Binary(event)) = binding::decode(&headers, Bytes::new(), &options) {
                prop_assert_eq!(event.validate(), Ok(()));
                prop_assert_eq!(over_http(binding::encode_binary(&event)), event);
            }
        }
    }

    #[test]
    fn attributes_survive_every_codec(value in allowed_text(), number in any::<i32>(), flag in any::<bool>()) {
        let event = Event::builder("a", "/s", "t")
            .extension("text", Attribute::String(&value))
            .extension("number", Attribute::Integer(number))
            .extension("flag", Attribute::Boolean(flag))
            .extension("at", Attribute::Timestamp("2018-04-05T17:31:00.250Z"))
            .build()
            .unwrap();
        prop_assert_eq!(&packed::unpack(pack(&event)).unwrap(), &event);
        prop_assert_eq!(&protobuf::decode(protobuf::encode(&event)).unwrap(), &event);
        let canonical = |event: &Event| {
            let mut all: Vec<(String, String)> = event
                .attributes()
                .map(|(name, value)| (name.to_owned(), value.to_canonical().into_owned()))
                .collect();
            all.sort();
            all
        };
        let through_json = json::decode(json::encode(&event)).unwrap();
        prop_assert_eq!(canonical(&through_json), canonical(&event));
        prop_assert_eq!(through_json.attribute("number"), Some(Attribute::Integer(number)));
        prop_assert_eq!(through_json.attribute("flag"), Some(Attribute::Boolean(flag)));
        prop_assert_eq!(canonical(&over_http(binding::encode_binary(&event))), canonical(&event));
    }
}

/// Escapes in names and values, every JSON type, nesting.
const DOCUMENT: &str = r#"{"specversion":"1.0","\u0069d":"a\u00e9\ud83d\ude00","source":"https:\/\/a.example/b?c",
 "type":"t","subject":null,"time":"2018-04-05T17:31:00.5+02:00","ext":"v","flag":true,"number":-12,
 "datacontenttype":"application/json","data":{"a":[1,2.5e3,{"b":"c\n"}],"d":null,"e":"é"}}"#;

fn allowed(c: char) -> bool {
    !c.is_control() && !('\u{fdd0}'..='\u{fdef}').contains(&c) && u32::from(c) & 0xfffe != 0xfffe
}

fn allowed_text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|s| s.chars().filter(|c| allowed(*c)).collect())
}

#[test]
fn every_allowed_character_survives_http_headers() {
    let all: Vec<char> = (char::MIN..=char::MAX).filter(|c| allowed(*c)).collect();
    assert_eq!(all.len(), 0x110000 - 2048 - 32 - 33 - 66);
    for chunk in all.chunks(8192) {
        let text: String = chunk.iter().collect();
        let event = Event::builder("a", "/s", "t")
            .subject(&text)
            .build()
            .unwrap();
        let (headers, body) = binding::encode_binary(&event);
        assert!(
            headers["ce-subject"]
                .as_bytes()
                .iter()
                .all(u8::is_ascii_graphic)
        );
        assert_eq!(over_http((headers, body)).subject(), Some(&*text));
    }
}
