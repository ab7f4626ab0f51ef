//! The Kafka binding.

use bytes::Bytes;
use proptest::prelude::*;
use tradewind_event::kafka::{Error, Record, decode, encode_binary, encode_structured};
use tradewind_event::{Attribute, DecodeError, Event, Limits};

type Header<'a> = (&'a str, Option<&'a [u8]>);
/// Headers, value, and a part of what is said.
type Case<'a> = (Vec<Header<'a>>, Option<&'a [u8]>, &'a str);
type Headers<'a> = &'a [Header<'a>];

fn read(headers: Headers<'_>, value: Option<&[u8]>) -> Result<Event, Error> {
    let value = value.map(Bytes::copy_from_slice);
    decode(headers.iter().copied(), value, &Limits::default())
}

fn over_kafka(record: &Record) -> Event {
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), Some(value.as_bytes())));
    decode(headers, record.value.clone(), &Limits::default()).unwrap()
}

const REQUIRED: [Header<'static>; 4] = [
    ("ce_specversion", Some(b"1.0")),
    ("ce_id", Some(b"1")),
    ("ce_source", Some(b"/s")),
    ("ce_type", Some(b"t")),
];

fn with<'a>(more: Headers<'a>) -> Vec<Header<'a>> {
    REQUIRED.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn what_is_no_event_says_why() {
    let structured: Header<'_> = ("content-type", Some(b"Application/CloudEvents+JSON"));
    let cases: [Case<'_>; 11] = [
        (vec![], Some(b"x"), "no CloudEvent"),
        (
            vec![("CE_specversion", Some(b"1.0"))],
            None,
            "no CloudEvent",
        ),
        (vec![("ce_specversion", None)], None, "no CloudEvent"),
        (vec![("ce_specversion", Some(b"1.0"))], None, "ce_id"),
        (with(&[("ce_id", Some(b"2"))]), None, "twice"),
        (with(&[("ce_BAD", Some(b"2"))]), None, "ce_BAD"),
        (with(&[("ce_x", Some(b"\xff"))]), None, "UTF-8"),
        (
            with(&[("ce_datacontenttype", Some(b"a/b"))]),
            None,
            "content-type",
        ),
        (
            with(&[
                ("content-type", Some(b"a/b")),
                ("Content-Type", Some(b"a/b")),
            ]),
            None,
            "twice",
        ),
        (vec![structured], None, "no value"),
        (
            vec![("content-type", Some(b"application/cloudevents-batch+json"))],
            Some(b"[]"),
            "not supported",
        ),
    ];
    for (headers, value, part) in cases {
        let error = read(&headers, value).unwrap_err().to_string();
        assert!(error.contains(part), "{headers:?}: {error}");
    }
    let error = read(&[structured], Some(b"{")).unwrap_err();
    assert!(
        matches!(error, Error::Decode(DecodeError::Json { .. })),
        "{error}"
    );
    let large = vec![b'x'; 2 << 20];
    for headers in [with(&[]), vec![structured]] {
        let error = read(&headers, Some(&large)).unwrap_err();
        assert!(
            matches!(error, Error::Decode(DecodeError::TooLarge { .. })),
            "{error}"
        );
    }
}

#[test]
fn no_data_and_empty_data_are_not_the_same() {
    let without = read(&with(&[("ce_gone", None)]), None).unwrap();
    assert_eq!(without.data(), None);
    assert_eq!(without.attribute("gone"), None);
    assert_eq!(encode_binary(&without).value, None);
    assert!(encode_structured(&without).value.is_some());
    let empty = read(&with(&[("content-type", Some(b"text/plain"))]), Some(b"")).unwrap();
    assert_eq!(empty.data().unwrap().bytes, "");
    assert_eq!(encode_binary(&empty).value, Some(Bytes::new()));
}

proptest! {
    #[test]
    fn what_goes_out_comes_in(
        content_type in prop::option::of(prop::sample::select(vec!["application/json", "text/plain", "image/png"])),
        data in prop::option::of(prop::collection::vec(any::<u8>(), 0..64)),
        text in any::<String>(),
        number in any::<i32>(),
    ) {
        let mut event = Event::builder("1", "/s", "t")
            .extension("text", Attribute::String(&text))
            .extension("number", Attribute::Integer(number));
        if let (Some(content_type), Some(data)) = (content_type, data) {
            event = event.data(content_type, data);
        }
        // Control characters have no place in an attribute.
        let Ok(event) = event.build() else { return Ok(()) };
        let binary = over_kafka(&encode_binary(&event));
        prop_assert_eq!(binary.data().map(|d| &d.bytes), event.data().map(|d| &d.bytes));
        for (name, value) in event.attributes() {
            let found = binary.attribute(name).unwrap();
            prop_assert_eq!(found.to_canonical(), value.to_canonical());
        }
        let structured = over_kafka(&encode_structured(&event));
        prop_assert_eq!(structured.attribute("text"), event.attribute("text"));
    }

    #[test]
    fn anything_is_an_event_or_an_error(
        names in prop::collection::vec("(ce_)?[a-z]{0,8}|content-type", 0..6),
        values in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..12)), 6),
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..32)),
    ) {
        let headers: Vec<_> = names.iter().map(String::as_str).zip(values.iter().map(Option::as_deref)).collect();
        if let Ok(event) = read(&headers, value.as_deref()) {
            prop_assert_eq!(event.validate(), Ok(()));
        }
    }
}
