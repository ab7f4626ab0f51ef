//! The OpenAPI 3.1 document, made from the list of endpoints and the schemas beside this file.

use super::endpoint::Endpoint;
use serde_json::{Map, Value, json};

const SCHEMAS: &str = include_str!("schemas.json");

/// The document that `/openapi.json` serves.
pub fn document() -> Value {
    describe(&super::router::endpoints())
}

/// The keys of a schema that describes a body.
pub(super) fn keys(schema: &str) -> Vec<String> {
    let all: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    let properties = all[schema]["properties"].as_object();
    let properties = properties.into_iter().flat_map(Map::keys);
    properties.cloned().collect()
}

fn describe(endpoints: &[Endpoint]) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints {
        let entry = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        entry[endpoint.method] = operation(endpoint);
    }
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tradewind admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Looks into a running gateway and steers it. Served on a Unix socket of \
                mode 0600, or on loopback with a token.",
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut parameters: Vec<Value> = endpoint
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(endpoint.query.iter().map(|(name, what)| {
        json!({ "name": name, "in": "query", "description": what, "schema": { "type": "string" } })
    }));
    let content = |schema: &str| match schema {
        "text" => json!({ "text/plain": { "schema": { "type": "string" } } }),
        "Happening" => json!({
            "application/x-ndjson": { "schema": reference(schema) },
            "text/event-stream": { "schema": reference(schema) },
        }),
        "CloudEvent" => json!({ "application/cloudevents+json": { "schema": reference(schema) } }),
        "[CloudEvent]" => {
            json!({ "application/cloudevents-batch+json": { "schema": reference(schema) } })
        }
        other => json!({ "application/json": { "schema": reference(other) } }),
    };
    let mut operation = json!({
        "operationId": identifier(endpoint),
        "summary": endpoint.summary,
        "responses": {
            "200": { "description": "done", "content": content(endpoint.answer) },
            "default": {
                "description": "a problem (RFC 9457)",
                "content": { "application/problem+json": { "schema": reference("Problem") } },
            },
        },
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(schema) = endpoint.body {
        operation["requestBody"] = json!({ "content": content(schema) });
    }
    operation
}

/// `[Name]` is an array of `Name`.
fn reference(schema: &str) -> Value {
    match schema.strip_prefix('[').and_then(|s| s.strip_suffix(']')) {
        Some(item) => json!({ "type": "array", "items": reference(item) }),
        None => json!({ "$ref": format!("#/components/schemas/{schema}") }),
    }
}

fn identifier(endpoint: &Endpoint) -> String {
    let mut id = endpoint.method.to_owned();
    let parts = endpoint
        .path
        .trim_start_matches("/v1")
        .split(['/', '-', '{', '}', '.'])
        .filter(|part| !part.is_empty());
    for part in parts {
        let (first, rest) = part.split_at(1);
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
    }
    // `/xregistry/` stands beside `/xregistry`.
    if endpoint.path.ends_with('/') {
        id.push_str("Base");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    found.insert(target.clone());
                }
                map.values().for_each(|v| references(v, found));
            }
            Value::Array(items) => items.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_resolves_and_every_operation_has_its_own_id() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 5);
        for target in found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target}");
        }
        let mut ids = BTreeSet::new();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                assert!(ids.insert(id.clone()), "{id} twice");
            }
        }
    }
}
