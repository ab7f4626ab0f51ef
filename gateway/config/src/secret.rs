//! Secrets that stand in the file itself: masked wherever the file is shown, and warned of.

pub(crate) mod form;

use crate::diagnostic::Diagnostics;
use crate::document::{Document, Pointer, Spot, child};
use crate::model::SchemaRegistry;
use crate::schema::resolve;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use tradewind_adapter::Registry;

/// Nesting of schemas that is followed.
const DEPTH_MAX: usize = 32;
/// Keys that hold secrets by their name, whatever the adapter says.
pub(crate) const NAMES: [&str; 9] = [
    "secret",
    "passw",
    "pasw",
    "token",
    "credential",
    "authorization",
    "cookie",
    "bearer",
    "signing",
];
/// What may stand at `auth` instead of credentials.
const NO_AUTH: &str = "none-i-understand";
/// Sections whose entries have names of their own.
const NAMED: [&str; 5] = [
    "schema-registries",
    "streams",
    "sources",
    "routes",
    "subscriptions",
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
    let engines = schemas(registry.engine_schemas(&mut generator));
    let registries = generator.subschema_for::<SchemaRegistry>().to_value();
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
    let sinks_of = ["subscriptions", "routes"]
        .into_iter()
        .flat_map(entries)
        .filter_map(|(base, entry)| {
            Some((child(&base, "sink"), entry.get("sink")?, &sinks, "kind"))
        });
    let all = entries("sources")
        .into_iter()
        .map(|(base, source)| (base, source, &sources, "kind"));
    let engines_of = entries("streams")
        .into_iter()
        .map(|(base, stream)| (base, stream, &engines, "engine"));
    for (base, settings, schemas, key) in all.chain(sinks_of).chain(engines_of) {
        let kind = settings
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(schema) = schemas.get(kind) {
            search.declared(schema, settings, &base, 0);
        }
    }
    for (base, settings) in entries("schema-registries") {
        search.declared(&registries, settings, &base, 0);
    }
    for (section, value) in written.as_object().into_iter().flatten() {
        search.section(section, value);
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
        let known = schema["properties"].as_object();
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let schema = schema["properties"]
                        .get(key)
                        .or_else(|| schema.get("additionalProperties"))
                        .filter(|schema| **schema != Value::Bool(false));
                    let place = child(at, key);
                    match (schema, known) {
                        (Some(schema), _) => self.declared(schema, value, &place, depth + 1),
                        (None, Some(known)) if is_misspelt_secret(key, known) => {
                            self.suspected(value, &place, true);
                        }
                        _ => {}
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

    /// What looks like a secret in a section of the file.
    fn section(&mut self, section: &str, value: &Value) {
        let base = child("", section);
        match value {
            // A whole key instead of its digest, in one way or another.
            Value::Object(keys) if section == "api-keys" => {
                for (name, key) in keys {
                    let base = child(&base, name);
                    let Value::Object(map) = key else {
                        self.suspected(key, &base, true);
                        continue;
                    };
                    for (key, value) in map {
                        let secret = !matches!(
                            key.as_str(),
                            "id" | "sha256" | "expires" | "scopes" | "owner" | "why"
                        );
                        self.suspected(value, &child(&base, key), secret);
                    }
                }
            }
            // Members of data are called `password` there, and hold what such a member looks like.
            Value::Object(_) if section == "schemas" => {}
            Value::Object(entries) if NAMED.contains(&section) => {
                for (name, value) in entries {
                    self.suspected(value, &child(&base, name), false);
                }
            }
            value => {
                let secret = matches!(section, "api-keys" | "admin-auth") || is_secret(section);
                self.suspected(value, &base, secret);
            }
        }
    }

    /// What looks like a secret by its key, by the credentials it stands among, or by its form: also
    /// where the key is wrong.
    fn suspected(&mut self, value: &Value, at: &str, named: bool) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    // These are names of keys, and an error about them has to show them. What is said of
                    // tokens are names of issuers and claims.
                    let names = (at.ends_with("/auth") || at == "/admin-auth")
                        && match key.as_str() {
                            "api-keys" | "jwt" | "certificates" => true,
                            "basic" => value.is_array(),
                            _ => false,
                        };
                    // Nor are names of headers, and times.
                    let asked = at.ends_with("auth/authorizer");
                    let names = names
                        || asked && matches!(key.as_str(), "headers" | "cache" | "timeout")
                        || at.ends_with("auth/authorizer/sink") && key == "kind";
                    let secret = !names && (named || is_secret(key) || is_address(key, value));
                    self.suspected(value, &child(at, key), secret);
                }
            }
            Value::Array(items) => {
                for (i, value) in items.iter().enumerate() {
                    self.suspected(value, &format!("{at}/{i}"), named);
                }
            }
            // Nor is it a secret where it is misspelt, and the error has to show it.
            Value::String(text)
                if at.ends_with("auth")
                    && (text == "none" || strsim::damerau_levenshtein(text, NO_AUTH) <= 4) => {}
            Value::String(text) if has_password(text) || form::is_secret(text) => {
                // Whatever the key is called. A whole key instead of its digest is refused anyway.
                match at.starts_with("/api-keys/") {
                    true => self.suspected.insert(at.into()),
                    false => self.declared.insert(at.into()),
                };
            }
            Value::String(text) if named || has_query(text) || has_user(text) => {
                self.suspected.insert(at.into());
            }
            Value::Number(_) if named => {
                self.suspected.insert(at.into());
            }
            _ => {}
        }
    }
}

/// Whether what stands at this key is a secret, all that is below it included.
fn is_secret(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    lower == "auth"
        || lower.ends_with("key")
        || NAMES.iter().any(|name| lower.contains(name))
        || lower.split('-').any(is_nearly_secret)
}

/// Whether a word was meant to be one of [`NAMES`]: a key that is misspelt is shown with its line.
fn is_nearly_secret(word: &str) -> bool {
    let near = |name: &&str| strsim::damerau_levenshtein(word, name) <= 1;
    matches!(word, "ke" | "ky" | "kye") || NAMES.iter().any(near)
}

/// Whether a key that is not known is most like one that holds a secret: its line is shown with the error.
fn is_misspelt_secret(key: &str, known: &Map<String, Value>) -> bool {
    let near = |name: &&String| strsim::damerau_levenshtein(key, name);
    let nearest = known.keys().filter(|name| near(name) <= 2).min_by_key(near);
    let holds = |name: &String| known[name].to_string().contains("/Secret\"");
    nearest.is_some_and(holds)
}

/// Whether what should be an address holds a user or a query, and perhaps is none in another way.
fn is_address(key: &str, value: &Value) -> bool {
    let lower = key.to_ascii_lowercase();
    let url = |word: &str| strsim::damerau_levenshtein(word, "url") <= 1;
    let address = lower == "endpoint" || lower.split('-').any(url);
    address && value.to_string().contains(['@', '?'])
}

/// Whether a URL holds a query, which may be a token or hold one.
fn has_query(text: &str) -> bool {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let query = rest.and_then(|rest| rest.split_once('?'));
    query.is_some_and(|(_, query)| {
        query.contains('=') || !query.is_empty() && !text.contains(char::is_whitespace)
    })
}

/// Whether a URL holds a user, which may be a token.
fn has_user(text: &str) -> bool {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    !text.contains(char::is_whitespace) && authority.is_some_and(|text| text.contains('@'))
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
