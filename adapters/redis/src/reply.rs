//! Answers of Redis, read without trust in their shape.

use crate::entry::Entry;
use bytes::Bytes;
use redis::Value;

/// Entries of an answer to XREADGROUP for one stream.
pub(crate) fn read(answer: Value) -> Vec<Entry> {
    let streams = match answer {
        Value::Array(streams) => streams,
        // The third version of the protocol has a map here.
        Value::Map(streams) => streams.into_iter().map(|(_, entries)| entries).collect(),
        _ => return Vec::new(),
    };
    let entries = |stream: Value| match stream {
        Value::Array(mut parts) => match (parts.pop(), parts.pop()) {
            (Some(entries), Some(Value::BulkString(_))) if parts.is_empty() => list(entries),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    streams.into_iter().flat_map(entries).collect()
}

/// Where to go on, and the entries of an answer to XAUTOCLAIM.
pub(crate) fn claimed(answer: Value) -> (String, Vec<Entry>) {
    let Value::Array(parts) = answer else {
        return ("0-0".into(), Vec::new());
    };
    let mut parts = parts.into_iter();
    let next = parts.next().and_then(text).unwrap_or_else(|| "0-0".into());
    (next, parts.next().map(list).unwrap_or_default())
}

fn list(entries: Value) -> Vec<Entry> {
    match entries {
        Value::Array(entries) => entries.into_iter().filter_map(entry).collect(),
        _ => Vec::new(),
    }
}

/// An entry that was deleted since has no fields.
fn entry(value: Value) -> Option<Entry> {
    let Value::Array(parts) = value else {
        return None;
    };
    let mut parts = parts.into_iter();
    let id = parts.next().and_then(text)?;
    let flat = match parts.next()? {
        Value::Array(flat) => flat,
        _ => return None,
    };
    let mut fields = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        fields.push((bytes(name)?, bytes(value)?));
    }
    Some(Entry { id, fields })
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        Value::SimpleString(text) => Some(text.into_bytes().into()),
        _ => None,
    }
}

fn text(value: Value) -> Option<String> {
    String::from_utf8(bytes(value)?.to_vec()).ok()
}
