//! Secrets that stand in the file itself: masked wherever the file is shown, and warned of.

use crate::diagnostic::Diagnostics;
use crate::document::{Document, Pointer, Spot, child};
use crate::schema::resolve;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_adapter::Registry;

/// Nesting of schemas that is followed.
const DEPTH_MAX: usize = 32;
/// Keys that hold secrets by their name, whatever the adapter says.
const NAMES: [&str; 7] = [
    "secret",
    "password",
    "passwd",
    "token",
    "credential",
    "authorization",
    "cookie",
];

/// Masks every secret that is written out.
pub(crate) fn mask(document: &mut Document, registry: &Registry, out: &mut Diagnostics) {
    let (declared, suspected) = places(&document.written, registry);
    for pointer in suspected {
        document.mask(&pointer);
    }
    let mut written = declared;
    written.retain(|pointer| document.mask(pointer));
    // Only now: a warning shows its whole line, and other secrets may stand on it.
    for pointer in written {
        let message = "a secret stands in the file";
        let found = document.warning(&pointer, Spot::Value, "literal-secret", message);
        out.push(found.hint("write a reference: ${env:NAME} or ${file:PATH}"));
    }
}

fn places(written: &Value, registry: &Registry) -> (BTreeSet<Pointer>, BTreeSet<Pointer>) {
    let mut generator = SchemaGenerator::default();
    let schemas = |list: Vec<(&'static str, schemars::Schema)>| -> BTreeMap<_, _> {
        list.into_iter()
            .map(|(kind, schema)| (kind, schema.to_value()))
            .collect()
    };
    let sources = schemas(registry.source_schemas(&mut generator));
    let sinks = schemas(registry.sink_schemas(&mut generator));
    let mut search = Search {
        definitions: generator.definitions(),
        declared: BTreeSet::new(),
        suspected: BTreeSet::new(),
    };
    let entries = |section: &str| -> Vec<(String, &Value)> {
        let map = written.get(section).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .map(|(name, value)| (child(&format!("/{section}"), name), value))
            .collect()
    };
    let sinks_of = entries("subscriptions")
        .into_iter()
        .filter_map(|(base, subscription)| {
            Some((child(&base, "sink"), subscription.get("sink")?, &sinks))
        });
    let all = entries("sources")
        .into_iter()
        .map(|(base, source)| (base, source, &sources));
    for (base, settings, schemas) in all.chain(sinks_of) {
        let kind = settings
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(schema) = schemas.get(kind) {
            search.declared(schema, settings, &base, 0);
        }
        search.suspected(settings, &base, false);
    }
    (search.declared, search.suspected)
}

struct Search<'a> {
    definitions: &'a Map<String, Value>,
    declared: BTreeSet<Pointer>,
    suspected: BTreeSet<Pointer>,
}

impl Search<'_> {
    /// What the adapter's schema calls a secret.
    fn declared(&mut self, schema: &Value, value: &Value, at: &str, depth: usize) {
        let reference = schema
            .get("$ref")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if reference.contains("/Secret") && value.is_string() {
            self.declared.insert(at.into());
        }
        let Some(schema) = resolve(schema, self.definitions).filter(|_| depth < DEPTH_MAX) else {
            return;
        };
        for choice in ["anyOf", "oneOf", "allOf"] {
            for schema in schema[choice].as_array().into_iter().flatten() {
                self.declared(schema, value, at, depth + 1);
            }
        }
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let schema = schema["properties"]
                        .get(key)
                        .or_else(|| schema.get("additionalProperties"));
                    if let Some(schema) = schema {
                        self.declared(schema, value, &child(at, key), depth + 1);
                    }
                }
            }
            Value::Array(items) => {
                for (i, value) in items.iter().enumerate() {
                    self.declared(&schema["items"], value, &format!("{at}/{i}"), depth + 1);
                }
            }
            _ => {}
        }
    }

    /// What looks like a secret by its key, by the credentials it stands among, or by its form: also
    /// where the key is wrong.
    fn suspected(&mut self, value: &Value, at: &str, named: bool) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let lower = key.to_ascii_lowercase();
                    let secret = NAMES.iter().any(|name| lower.contains(name))
                        || lower.ends_with("key")
                        || (at.ends_with("/auth") && key != "api-keys");
                    self.suspected(value, &child(at, key), secret);
                }
            }
            Value::Array(items) => {
                for (i, value) in items.iter().enumerate() {
                    self.suspected(value, &format!("{at}/{i}"), named);
                }
            }
            Value::String(text) if named || has_password(text) => {
                self.suspected.insert(at.into());
            }
            _ => {}
        }
    }
}

/// Whether a URL holds a user and a password.
fn has_password(text: &str) -> bool {
    let authority = text
        .split_once("://")
        .map(|(_, rest)| rest.split(['/', '?', '#']).next());
    let user = authority
        .flatten()
        .and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}
