//! Writing single events.

use crate::model::{Attribute, DataKind, Event, is_json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// The event as a JSON document.
///
/// An event that came as JSON and had no attribute set since gives its original bytes. JSON data is
/// spliced in as it is. What claims to be JSON and is not travels as `data_base64`, as does data
/// that is neither JSON nor text.
pub fn encode(event: &Event) -> Bytes {
    if let Some(document) = original(event) {
        return document;
    }
    let data = event.data().map_or(0, |data| data.bytes.len());
    let mut out = Vec::with_capacity(data + data / 2 + 512);
    write(event, &mut out);
    out.into()
}

pub(super) fn original(event: &Event) -> Option<Bytes> {
    let base = event.untouched().filter(|base| base.is_json)?;
    Some(base.envelope.as_bytes().clone())
}

pub(super) fn write(event: &Event, out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (name, value)) in event.attributes().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        member(name, out);
        match value {
            Attribute::Boolean(_) | Attribute::Integer(_) => {
                out.extend_from_slice(value.to_canonical().as_bytes());
            }
            text => string(&text.to_canonical(), out),
        }
    }
    data(event, out);
    out.push(b'}');
}

fn data(event: &Event, out: &mut Vec<u8>) {
    let Some(data) = event.data() else {
        return;
    };
    let content_type = event.data_content_type();
    let json = match content_type {
        Some(ty) => is_json(ty),
        None => data.kind == DataKind::Json,
    };
    let known = event.known_json().is_some();
    let text = || std::str::from_utf8(&data.bytes).ok();
    out.push(b',');
    match (data.kind, json) {
        (DataKind::Json | DataKind::Text, true) if known || super::is_document(&data.bytes) => {
            member("data", out);
            out.extend_from_slice(&data.bytes);
        }
        (DataKind::Json | DataKind::Text, false) if content_type.is_some() && text().is_some() => {
            member("data", out);
            string(text().unwrap_or_default(), out);
        }
        _ => {
            member("data_base64", out);
            string(&STANDARD.encode(&data.bytes), out);
        }
    }
}

/// Names need no escaping.
fn member(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut plain = 0;
    let bytes = text.as_bytes();
    for (at, b) in bytes.iter().enumerate() {
        let short = match b {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..=0x1f => 0,
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        if short == 0 {
            let (high, low) = (HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}
