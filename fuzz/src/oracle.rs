//! What must hold of every event, wherever it came from.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::value::RawValue;
use tradewind_event::http::{self as binding, Format, Message, Options};
use tradewind_event::{Attribute, DataKind, EXTENSIONS_MAX, Event, Limits, json, packed, protobuf};

/// An event that was taken is valid, and goes through every format without loss.
pub(crate) fn sound(event: &Event) {
    kept(event);
    let touched = match event.extensions().count() {
        // One more would not be read again.
        EXTENSIONS_MAX => event.clone(),
        _ => touched(event),
    };
    for event in [event, &touched] {
        let copy = json::decode(json::encode(event)).unwrap();
        same(event, &copy, Whitespace::Trimmed);
        let (headers, body) = binding::encode_structured(event, Format::Json);
        same(event, &one(&headers, body), Whitespace::Trimmed);
    }
    let batch = [event.clone(), touched];
    let limits = Limits::default();
    let copies = json::decode_batch(json::encode_batch(&batch), &limits).unwrap();
    assert_eq!(copies.len(), 2);
    same(event, &copies[0], Whitespace::Trimmed);
    let copies = protobuf::decode_batch(protobuf::encode_batch(&batch), &limits).unwrap();
    assert_eq!(copies.len(), 2);
    same(event, &copies[0], Whitespace::Kept);
}

/// As [`sound`], but for JSON: of an event in the storage form the document is taken as it stands,
/// since the store's checksums guard it.
pub(crate) fn kept(event: &Event) {
    assert_eq!(event.validate(), Ok(()));
    for event in [event, &touched(event)] {
        assert_eq!(packed::unpack(pack(event)).unwrap(), *event, "packed");
        if event.extensions().count() > EXTENSIONS_MAX {
            continue;
        }
        let copy = protobuf::decode(protobuf::encode(event)).unwrap();
        same(event, &copy, Whitespace::Kept);
        let (headers, body) = binding::encode_binary(event);
        let copy = one(&headers, body);
        same_attributes(event, &copy);
        // An empty body is no data.
        assert_eq!(bytes(&copy), bytes(event), "data over HTTP");
    }
}

fn touched(event: &Event) -> Event {
    event
        .with_attribute("tradewindhops", Attribute::Integer(7))
        .unwrap()
}

/// Whether whitespace around JSON is part of the data: in a JSON document it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whitespace {
    Kept,
    Trimmed,
}

fn same(event: &Event, copy: &Event, whitespace: Whitespace) {
    same_attributes(event, copy);
    assert_eq!(event.data().is_some(), copy.data().is_some(), "data");
    let json = event.data().is_some_and(|d| d.kind == DataKind::Json);
    if json && whitespace == Whitespace::Trimmed && valid_json(bytes(event)) {
        assert_eq!(trimmed(bytes(event)), trimmed(bytes(copy)), "data");
    } else {
        assert_eq!(bytes(event), bytes(copy), "data");
    }
}

/// Names and canonical values; the content type that JSON implies may have been written out.
fn same_attributes(event: &Event, copy: &Event) {
    let canonical = |event: &Event| {
        let mut all: Vec<(String, String)> = event
            .attributes()
            .map(|(name, value)| (name.to_owned(), instant(value)))
            .collect();
        let json = event.data().is_some_and(|d| d.kind == DataKind::Json);
        if json && event.data_content_type().is_none() {
            all.push(("datacontenttype".into(), "application/json".into()));
        }
        all.sort();
        all
    };
    assert_eq!(canonical(event), canonical(copy));
}

/// Protobuf carries an instant, not its spelling.
fn instant(value: Attribute<'_>) -> String {
    let text = value.to_canonical();
    match tradewind_event::Timestamp::parse(&text) {
        Ok(instant) => instant.to_string(),
        Err(_) => text.into_owned(),
    }
}

fn one(headers: &HeaderMap, body: Bytes) -> Event {
    match binding::decode(headers, body, &Options::default()) {
        Ok(Message::Binary(event) | Message::Structured(event)) => event,
        other => panic!("not read again: {other:?}"),
    }
}

pub(crate) fn pack(event: &Event) -> Bytes {
    let mut out = Vec::new();
    packed::pack(event, &mut out);
    out.into()
}

pub(crate) fn bytes(event: &Event) -> &[u8] {
    event.data().map_or(&[], |data| &data.bytes)
}

fn trimmed(json: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    let start = json.iter().position(|b| !blank(b)).unwrap_or(json.len());
    let end = json
        .iter()
        .rposition(|b| !blank(b))
        .map_or(start, |at| at + 1);
    &json[start..end]
}

/// Whether these bytes are JSON, as another parser sees it; depth is no matter of JSON.
pub(crate) fn valid_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

/// How deep arrays and objects nest in valid JSON.
pub(crate) fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for b in json {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
