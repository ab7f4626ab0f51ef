//! A message as ProtoJSON has it (protobuf.dev, "ProtoJSON Format"), with the entries of maps in the order of their
//! keys: who reads the same bytes again finds the same text.

use super::walk::walk_few;
use crate::Violation;
use crate::out::{Full, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
use serde::Serialize as _;
use std::collections::HashMap;

/// Deepest nesting of what is written. With what the well-known types nest by themselves, every reader of JSON takes it.
const DEPTH_MAX: usize = 64;

/// The JSON text of a message that was walked, in at most `max` bytes. `left` is how many more messages may be found
/// packed in it.
pub(super) fn json(
    message: &MessageDescriptor,
    bytes: &[u8],
    left: &mut usize,
    max: usize,
) -> Result<Vec<u8>, Violation> {
    let bytes = Bytes::copy_from_slice(bytes);
    let message = decode(message, bytes)?;
    let mut text = Text {
        json: Json::new(max),
        left,
        depth: 0,
    };
    text.message(&message)?;
    Ok(text.json.into_bytes())
}

fn decode(message: &MessageDescriptor, bytes: Bytes) -> Result<DynamicMessage, Violation> {
    let name = message.full_name();
    DynamicMessage::decode(message.clone(), bytes)
        .map_err(|_| Violation::new("", "message", "other bytes").expected(name))
}

struct Text<'l> {
    json: Json,
    left: &'l mut usize,
    depth: usize,
}

type Said = Result<(), Violation>;

impl Text<'_> {
    fn say(&mut self, what: impl FnOnce(&mut Json) -> Result<(), Full>) -> Said {
        what(&mut self.json).map_err(|Full| {
            Violation::new("", "size", "more")
                .expected(format!("at most {} bytes of JSON", self.json.max()))
        })
    }

    fn within(&mut self, inner: impl FnOnce(&mut Self) -> Said) -> Said {
        if self.depth == DEPTH_MAX {
            let deep = Violation::new("", "nesting", "more");
            return Err(deep.expected(format!("at most {DEPTH_MAX} levels")));
        }
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn message(&mut self, message: &DynamicMessage) -> Said {
        let descriptor = message.descriptor();
        self.within(|text| match special(descriptor.full_name()) {
            Some(Special::Packed) => text.packed(message),
            Some(Special::Wrapper) => text.wrapped(message),
            Some(Special::Other) => text.published(message),
            None => {
                text.say(|json| json.put(b"{"))?;
                text.members(message, true)?;
                text.say(|json| json.put(b"}"))
            }
        })
    }

    fn members(&mut self, message: &DynamicMessage, mut first: bool) -> Said {
        for field in message.descriptor().fields() {
            if message.has_field(&field) {
                let value = message.get_field(&field);
                self.say(|json| {
                    json.comma(&mut first)?;
                    json.name(field.json_name())
                })?;
                self.value(&value, &field.kind())?;
            }
        }
        for (extension, value) in message.extensions() {
            self.say(|json| {
                json.comma(&mut first)?;
                json.name(extension.json_name())
            })?;
            self.value(value, &extension.kind())?;
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, kind: &Kind) -> Said {
        match value {
            Value::Bool(true) => self.say(|json| json.put(b"true")),
            Value::Bool(false) => self.say(|json| json.put(b"false")),
            Value::I32(number) => self.say(|json| json.integer((*number).into())),
            Value::U32(number) => self.say(|json| json.integer((*number).into())),
            // More than a double can hold.
            Value::I64(number) => self.say(|json| json.string(&number.to_string())),
            Value::U64(number) => self.say(|json| json.string(&number.to_string())),
            Value::F32(number) => self.say(|json| json.float(*number)),
            Value::F64(number) => self.say(|json| json.double(*number)),
            Value::String(text) => self.say(|json| json.string(text)),
            Value::Bytes(bytes) => self.say(|json| json.string(&STANDARD.encode(bytes))),
            Value::EnumNumber(number) => self.symbol(*number, kind),
            Value::Message(message) => self.message(message),
            Value::List(values) => self.within(|text| text.list(values, kind)),
            Value::Map(entries) => self.within(|text| text.map(entries, kind)),
        }
    }

    fn list(&mut self, values: &[Value], kind: &Kind) -> Said {
        self.say(|json| json.put(b"["))?;
        let mut first = true;
        for value in values {
            self.say(|json| json.comma(&mut first))?;
            self.value(value, kind)?;
        }
        self.say(|json| json.put(b"]"))
    }

    fn map(&mut self, entries: &HashMap<MapKey, Value>, kind: &Kind) -> Said {
        let Kind::Message(entry) = kind else {
            return Err(Violation::new("", "map", "no map"));
        };
        let kind = entry.map_entry_value_field().kind();
        let mut sorted: Vec<(&MapKey, &Value)> = entries.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| *key);
        self.say(|json| json.put(b"{"))?;
        let mut first = true;
        for (key, value) in sorted {
            self.say(|json| {
                json.comma(&mut first)?;
                json.name(&name(key))
            })?;
            self.value(value, &kind)?;
        }
        self.say(|json| json.put(b"}"))
    }

    /// Its name; the number of one that the schema does not have.
    fn symbol(&mut self, number: i32, kind: &Kind) -> Said {
        let Kind::Enum(of) = kind else {
            return Err(Violation::new("", "enum", "no enum"));
        };
        if of.full_name() == "google.protobuf.NullValue" {
            return self.say(|json| json.put(b"null"));
        }
        match of.get_value(number) {
            Some(symbol) => self.say(|json| json.string(symbol.name())),
            None => self.say(|json| json.integer(number.into())),
        }
    }

    /// `google.protobuf.Any`: the message in it, with its type.
    fn packed(&mut self, message: &DynamicMessage) -> Said {
        let url = message.get_field_by_number(1);
        let url = url.as_deref().and_then(Value::as_str).unwrap_or_default();
        let bytes = message.get_field_by_number(2);
        let bytes = bytes.as_deref().and_then(Value::as_bytes);
        let bytes = bytes.cloned().unwrap_or_default();
        if url.is_empty() && bytes.is_empty() {
            return self.say(|json| json.put(b"{}"));
        }
        let name = url.rsplit_once('/').map_or(url, |(_, name)| name);
        let pool = message.descriptor().parent_pool().clone();
        let Some(inner) = pool.get_message_by_name(name) else {
            let unknown = "a type that the schema does not have";
            return Err(Violation::new("", "google.protobuf.Any", unknown));
        };
        walk_few(&inner, &bytes, self.left)?;
        let inner = decode(&inner, bytes)?;
        self.say(|json| {
            json.put(b"{\"@type\":")?;
            json.string(url)
        })?;
        match special(inner.descriptor().full_name()) {
            Some(_) => {
                self.say(|json| json.put(b",\"value\":"))?;
                self.message(&inner)?;
            }
            None => self.members(&inner, false)?,
        }
        self.say(|json| json.put(b"}"))
    }

    /// `google.protobuf.Int64Value` and the like: what it wraps.
    fn wrapped(&mut self, message: &DynamicMessage) -> Said {
        let Some(field) = message.descriptor().get_field(1) else {
            return Err(Violation::new("", "message", "no value"));
        };
        self.value(&message.get_field(&field), &field.kind())
    }

    /// A type that has a JSON of its own, which the library knows.
    fn published(&mut self, message: &DynamicMessage) -> Said {
        let max = self.json.max();
        let before = self.json.len();
        let written = message.serialize(&mut serde_json::Serializer::new(&mut self.json));
        written.map_err(|error| match error.is_io() {
            true => Violation::new("", "size", format!("more after {before} bytes"))
                .expected(format!("at most {max} bytes of JSON")),
            false => {
                let descriptor = message.descriptor();
                Violation::new("", descriptor.full_name(), "a value that has no JSON")
            }
        })
    }
}

enum Special {
    Packed,
    Wrapper,
    Other,
}

fn special(name: &str) -> Option<Special> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Any" => Special::Packed,
        "BoolValue" | "BytesValue" | "DoubleValue" | "FloatValue" | "Int32Value" | "Int64Value"
        | "StringValue" | "UInt32Value" | "UInt64Value" => Special::Wrapper,
        "Duration" | "FieldMask" | "ListValue" | "Struct" | "Timestamp" | "Value" => Special::Other,
        _ => return None,
    })
}

fn name(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}
