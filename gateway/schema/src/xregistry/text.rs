//! Texts of schemas in documents, and the names of their languages there.

use crate::{Definition, Registered};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

/// The media type of a schema's text.
pub fn content_type(format: &str) -> &'static str {
    match format {
        "json-schema" => "application/schema+json",
        "avro" => "application/json",
        _ => "text/plain",
    }
}

/// What the language of a text is called in a registry.
pub(super) fn format(registered: &Registered, definition: &Definition) -> String {
    let text = &definition.text;
    match registered.format {
        "avro" => "Avro/1.12.0".into(),
        "protobuf" => match text.contains("\"proto2\"") || !text.contains("syntax") {
            true => "Protobuf/2".into(),
            false => "Protobuf/3".into(),
        },
        _ => {
            let dialect = tradewind_event::json::value(text.as_bytes()).ok();
            let dialect = dialect.as_ref().and_then(|schema| schema.get("$schema"));
            let dialect = dialect.and_then(Value::as_str).unwrap_or_default();
            let known = ["draft-04", "draft-06", "draft-07", "draft/2019-09"];
            let found = known.into_iter().find(|draft| dialect.contains(draft));
            format!("JsonSchema/{}", found.unwrap_or("draft/2020-12"))
        }
    }
}

/// Writes a text where readers find it as it was written: a value of JSON, or base64 where that would change it.
pub(super) fn put(entity: &mut Map<String, Value>, format: &str, text: &str) {
    let plain = match format {
        "protobuf" => Some(Value::from(text)),
        _ => serde_json::from_str(text)
            .ok()
            .filter(|_| numbers_stay(text)),
    };
    match plain {
        Some(value) => entity.insert("schema".into(), value),
        None => entity.insert("schemabase64".into(), STANDARD.encode(text).into()),
    };
}

/// Reads a text, as it is written in the configuration.
pub(super) fn get(entity: &Value, format: &str) -> Result<Value, String> {
    if let Some(schema) = entity.get("schema") {
        // In the configuration a string is the text itself, and in a document it may be a value.
        return Ok(match schema {
            Value::String(text) if format != "protobuf" && !is_document(text) => {
                schema.to_string().into()
            }
            other => other.clone(),
        });
    }
    let Some(coded) = entity.get("schemabase64").and_then(Value::as_str) else {
        return Err("its text is not in the document, and nothing is fetched".into());
    };
    let bytes = STANDARD
        .decode(coded)
        .map_err(|e| format!("its `schemabase64` is no base64: {e}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "its `schemabase64` is no text".to_owned())?;
    Ok(text.into())
}

/// Whether a string holds a whole schema.
fn is_document(text: &str) -> bool {
    let parsed = tradewind_event::json::value(text.as_bytes());
    parsed
        .is_ok_and(|value| !matches!(value, Value::String(_)) || text.trim_start().starts_with('"'))
}

/// Whether all numbers of a text are written the same once they were read.
fn numbers_stay(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[at..];
        if rest.starts_with('"') {
            rest = after_string(rest);
            continue;
        }
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)))
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let same = serde_json::from_str::<Number>(number).is_ok_and(|n| n.to_string() == number);
        if !same {
            return false;
        }
        rest = after;
    }
    true
}

fn after_string(text: &str) -> &str {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}
