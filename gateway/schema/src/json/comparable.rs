//! What comparing two versions may cost: alternatives multiply, and members and options are held against each other.

use serde_json::{Map, Value};

/// Most alternatives that one value has at once.
const ALTERNATIVES_MAX: usize = 200;
/// Most members of an object, or alternatives of one keyword, that are told apart.
const MEMBERS_MAX: usize = 500;
/// Most options of an `enum`.
const OPTIONS_MAX: usize = 4_000;
/// Keywords that hold schemas by names of the author's choice.
const BY_NAME: [&str; 6] = [
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];
/// Deepest chain of references for the same value.
const DEPTH_MAX: usize = 64;

/// # Errors
/// Why it cannot be compared in bounded time.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    within(schema, schema)
}

fn within(schema: &Value, root: &Value) -> Result<(), String> {
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
            if alternatives(map, root, 0) > ALTERNATIVES_MAX {
                return Err(format!(
                    "one value has more than {ALTERNATIVES_MAX} alternatives at once"
                ));
            }
            map.iter().try_for_each(|(key, value)| match value {
                Value::Object(named) if BY_NAME.contains(&key.as_str()) => {
                    named.values().try_for_each(|value| within(value, root))
                }
                _ if matches!(key.as_str(), "enum" | "const" | "default" | "examples") => Ok(()),
                value => within(value, root),
            })
        }
        _ => Ok(()),
    }
}

/// How many alternatives a value has by a schema; what stands together multiplies.
fn alternatives(map: &Map<String, Value>, root: &Value, depth: usize) -> usize {
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
                let pointer = value.as_str().and_then(|to| to.strip_prefix('#'));
                let target = pointer.and_then(|pointer| root.pointer(pointer));
                target.map_or(1, of)
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
