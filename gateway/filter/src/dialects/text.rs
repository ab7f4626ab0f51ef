//! Definitions that are JSON, also where they come as a text.

use crate::{InvalidFilter, Reader};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Reads `body`; where it is a text, the JSON in it, and an error tells the place in the text.
pub(super) fn json<T>(
    body: &Value,
    reader: &mut Reader<'_>,
    read: impl FnOnce(&Value, &mut Reader<'_>) -> Result<T, InvalidFilter>,
) -> Result<T, InvalidFilter> {
    let Value::String(_) = body else {
        return read(body, reader);
    };
    let text = reader.expression("json", body)?;
    let outer = reader.refusal("").pointer;
    let parsed: Value = serde_json::from_str(text).map_err(|error| {
        let offset = offset_of(text, error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        reader.placed(InvalidFilter::at(offset, format!("no JSON: {reason}")))
    })?;
    read(&parsed, reader).map_err(|error| {
        let inner = error.pointer.strip_prefix(&outer).unwrap_or_default();
        InvalidFilter {
            offset: Some(locate(text, inner).unwrap_or_default()),
            pointer: outer,
            ..error
        }
    })
}

/// The byte that a line and a column of serde_json name.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut offset = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Where the value that a JSON pointer names begins.
fn locate(text: &str, pointer: &str) -> Option<usize> {
    let mut at: &RawValue = serde_json::from_str(text).ok()?;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let below = at.get();
        at = match below.as_bytes().first() {
            Some(b'[') => {
                let members: Vec<&RawValue> = serde_json::from_str(below).ok()?;
                members.get(step.parse::<usize>().ok()?)?
            }
            _ => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(below).ok()?;
                members.get(&step)?
            }
        };
    }
    (at.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)
}
