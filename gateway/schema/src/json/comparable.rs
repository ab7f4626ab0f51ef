//! What comparing two versions may cost: alternatives multiply, and members and options are held against each other.

use super::keywords::{BY_NAME, DATA};
use jsonschema::{Draft, Uri, uri};
use serde_json::{Map, Value};

/// Most alternatives that one value has at once.
const ALTERNATIVES_MAX: usize = 200;
/// Most members of an object, or alternatives of one keyword, that are told apart.
const MEMBERS_MAX: usize = 500;
/// Most options of an `enum`.
const OPTIONS_MAX: usize = 4_000;
/// Deepest chain of references for the same value.
const DEPTH_MAX: usize = 64;

/// # Errors
/// Why it cannot be compared in bounded time.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let draft = Draft::default().detect(schema);
    let root = Document {
        schema,
        draft,
        base: draft
            .create_resource_ref(schema)
            .id()
            .and_then(|id| uri::from_str(id).ok()),
        alone: !parts(schema).any(|part| embeds(part, draft)),
    };
    within(schema, &root)
}

struct Document<'v> {
    schema: &'v Value,
    draft: Draft,
    /// Where it says to be.
    base: Option<Uri<String>>,
    /// It embeds no other one, which would be a base of its own.
    alone: bool,
}

fn within(schema: &Value, root: &Document<'_>) -> Result<(), String> {
    match schema {
        Value::Array(items) => items.iter().try_for_each(|item| within(item, root)),
        Value::Object(map) => {
            let count = |key: &str| match map.get(key) {
                Some(Value::Object(members)) => members.len(),
                Some(Value::Array(items)) => items.len(),
                _ => 0,
            };
            let large = [
                ("properties", MEMBERS_MAX),
                ("patternProperties", MEMBERS_MAX),
                ("required", MEMBERS_MAX),
                ("enum", OPTIONS_MAX),
            ]
            .into_iter()
            .find(|&(key, most)| count(key) > most);
            if let Some((key, most)) = large {
                return Err(format!("`{key}` has more than {most} entries"));
            }
            let reference = map.get("$ref").and_then(Value::as_str);
            if let Some(reference) = reference.filter(|it| root.target(it).is_none()) {
                return Err(format!(
                    "what `{reference:.200}` refers to, or a document within it, is not followed there"
                ));
            }
            if alternatives(map, root, 0) > ALTERNATIVES_MAX {
                return Err(format!(
                    "one value has more than {ALTERNATIVES_MAX} alternatives at once"
                ));
            }
            parts(schema).try_for_each(|part| within(part, root))
        }
        _ => Ok(()),
    }
}

/// What stands in a schema and may be one: no data, and what is below names of the author's choice for itself.
fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    let keywords = schema.as_object().into_iter().flatten();
    let keywords = keywords.filter(|(key, _)| !DATA.contains(&key.as_str()));
    keywords.flat_map(|(key, value)| -> Box<dyn Iterator<Item = &Value>> {
        match value {
            Value::Object(named) if BY_NAME.contains(&key.as_str()) => Box::new(named.values()),
            value => Box::new(std::iter::once(value)),
        }
    })
}

/// How many alternatives a value has by a schema; what stands together multiplies.
fn alternatives(map: &Map<String, Value>, root: &Document<'_>, depth: usize) -> usize {
    if depth > DEPTH_MAX {
        return usize::MAX;
    }
    let of = |schema: &Value| match schema {
        Value::Object(map) => alternatives(map, root, depth + 1),
        _ => 1,
    };
    let items = |value: &'_ Value| -> Vec<usize> {
        value.as_array().into_iter().flatten().map(of).collect()
    };
    let mut all: usize = 1;
    for (key, value) in map {
        let times = match key.as_str() {
            "allOf" => items(value).into_iter().fold(1, usize::saturating_mul),
            "anyOf" | "oneOf" => items(value)
                .into_iter()
                .fold(0, usize::saturating_add)
                .max(1),
            "not" | "then" | "else" => of(value),
            "if" => of(value).saturating_add(1),
            "$ref" => {
                let target = value.as_str().and_then(|to| root.target(to));
                target.map_or(usize::MAX, of)
            }
            _ => 1,
        };
        all = all.saturating_mul(times);
        if all > ALTERNATIVES_MAX {
            return all;
        }
    }
    all
}

impl<'v> Document<'v> {
    /// What a reference means, where that can be told.
    fn target(&self, reference: &str) -> Option<&'v Value> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !self.alone || !(document.is_empty() || self.is(document)) {
            return None;
        }
        match fragment.is_empty() || fragment.starts_with('/') {
            true => self.schema.pointer(&percent(fragment)),
            false => anchored(self.schema, fragment, self.draft),
        }
    }

    /// Whether a reference to this document, as a whole or beside it, is one to itself.
    fn is(&self, document: &str) -> bool {
        let resolved = |to: &str| {
            let base = self.base.as_ref()?;
            uri::resolve_against(&base.borrow(), to).ok()
        };
        resolved(document).is_some_and(|to| Some(to) == resolved(""))
    }
}

fn embeds(schema: &Value, draft: Draft) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(|item| embeds(item, draft)),
        Value::Object(map) => {
            let draft = draft.detect(schema);
            let id = map.get(draft.id_keyword()).and_then(Value::as_str);
            id.is_some_and(|id| !id.starts_with('#'))
                || parts(schema).any(|part| embeds(part, draft))
        }
        _ => false,
    }
}

fn anchored<'v>(schema: &'v Value, anchor: &str, draft: Draft) -> Option<&'v Value> {
    match schema {
        Value::Array(items) => items.iter().find_map(|item| anchored(item, anchor, draft)),
        Value::Object(map) => {
            let text = |key| map.get(key).and_then(Value::as_str);
            let own = ["$anchor", "$dynamicAnchor"]
                .into_iter()
                .any(|key| text(key) == Some(anchor))
                || text(draft.id_keyword()).and_then(|id| id.strip_prefix('#')) == Some(anchor);
            match own {
                true => Some(schema),
                false => parts(schema).find_map(|part| anchored(part, anchor, draft)),
            }
        }
        _ => None,
    }
}

/// A fragment without its percent signs.
fn percent(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let mut ahead = rest.clone();
        match (byte, ahead.next().and_then(hex), ahead.next().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.extend(u8::try_from(high * 16 + low));
                rest = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_multiplies_is_counted() {
        let two = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
        let texts: Vec<String> = (0..OPTIONS_MAX + 1).map(|n| n.to_string()).collect();
        let members: Map<String, Value> = texts[..MEMBERS_MAX + 1]
            .iter()
            .map(|name| (name.clone(), json!({})))
            .collect();
        for (schema, comparable) in [
            (json!(true), true),
            (
                json!({ "properties": { "a": two, "b": two, "c": two } }),
                true,
            ),
            (json!({ "allOf": vec![two.clone(); 7] }), true),
            (json!({ "allOf": vec![two.clone(); 8] }), false),
            (json!({ "items": { "allOf": vec![two.clone(); 8] } }), false),
            (json!({ "oneOf": vec![json!({}); 200] }), true),
            (json!({ "oneOf": vec![json!({}); 201] }), false),
            (
                json!({ "$defs": { "a": two }, "allOf": vec![json!({ "$ref": "#/$defs/a" }); 8] }),
                false,
            ),
            (json!({ "allOf": [{ "$ref": "#" }] }), false),
            // By an anchor, by the name of the document, and with percent signs.
            (
                json!({ "$defs": { "a": { "$anchor": "b", "anyOf": two["anyOf"] } }, "allOf": vec![json!({ "$ref": "#b" }); 8] }),
                false,
            ),
            (
                json!({ "$id": "http://x/s", "$defs": { "a%": two }, "allOf": vec![json!({ "$ref": "http://x/s#/$defs/a%25" }); 8] }),
                false,
            ),
            (
                json!({ "$id": "http://x/s", "$defs": { "a": two }, "$ref": "http://x/s#/$defs/a" }),
                true,
            ),
            // The name is relative to that of the document.
            (
                json!({ "$id": "https://x/a/order.json", "$defs": { "a": two }, "$ref": "order.json#/$defs/a" }),
                true,
            ),
            (
                json!({ "$id": "https://x/a/order.json#", "$defs": { "a": two }, "allOf": vec![json!({ "$ref": "/a/order.json#/$defs/a" }); 8] }),
                false,
            ),
            (
                json!({ "$schema": "http://json-schema.org/draft-04/schema#", "id": "https://x/order.json", "definitions": { "a": two }, "items": { "$ref": "./order.json#/definitions/a" } }),
                true,
            ),
            (
                json!({ "$id": "https://x/a/order.json", "$defs": { "a": two }, "$ref": "/order.json#/$defs/a" }),
                false,
            ),
            (
                json!({ "$defs": { "a": two }, "$ref": "order.json#/$defs/a" }),
                false,
            ),
            // An embedded document has definitions of its own.
            (
                json!({ "$ref": "http://x/h", "$defs": { "h": { "$id": "http://x/h", "$ref": "#/$defs/a", "$defs": { "a": two } } } }),
                false,
            ),
            (
                json!({ "$defs": { "h": { "$id": "http://x/h", "type": "string" } } }),
                true,
            ),
            // What is called as an embedded document is none in data, as a member, or in another draft.
            (
                json!({ "$defs": { "m": two }, "properties": { "id": two, "$id": two, "t": { "$ref": "#/$defs/m" } }, "examples": [{ "id": "o-1", "t": 3 }], "x-owner": { "id": "o-1" } }),
                true,
            ),
            (
                json!({ "$defs": { "m": two }, "items": { "$ref": "#/$defs/m", "default": { "$id": "o" }, "const": { "$id": "o" }, "enum": [{ "$id": "o" }] } }),
                true,
            ),
            (
                json!({ "$schema": "http://json-schema.org/draft-04/schema#", "definitions": { "m": two, "h": { "id": "http://x/h" } }, "items": { "$ref": "#/definitions/m" } }),
                false,
            ),
            (
                json!({ "$schema": "http://json-schema.org/draft-04/schema#", "definitions": { "m": two, "h": { "$id": "http://x/h" } }, "items": { "$ref": "#/definitions/m" } }),
                true,
            ),
            (
                json!({ "$defs": { "m": two, "default": { "$id": "http://x/h" } }, "items": { "$ref": "#/$defs/m" } }),
                false,
            ),
            // Nor is an anchor.
            (
                json!({ "default": { "$anchor": "b" }, "$defs": { "a": { "$anchor": "b", "anyOf": two["anyOf"] } }, "allOf": vec![json!({ "$ref": "#b" }); 8] }),
                false,
            ),
            (
                json!({ "properties": { "enum": { "enum": texts } } }),
                false,
            ),
            (json!({ "enum": texts[1..] }), true),
            (json!({ "enum": texts }), false),
            (json!({ "properties": members }), false),
        ] {
            assert_eq!(check(&schema).is_ok(), comparable, "{schema:.100}");
        }
    }
}
