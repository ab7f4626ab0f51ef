//! One schema of a schema and those that it refers to: each name is defined where it is met first.

use crate::InvalidSchema;
use crate::format::Definition;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Types that need no definition.
const PRIMITIVES: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

/// Read by us in any case: for Avro's own reading a name in the text has a meaning, and no depth is too deep.
pub(super) fn inline(from: &Definition) -> Result<Value, InvalidSchema> {
    let mut inliner = Inliner::default();
    for reference in &from.references {
        let schema = read(&reference.text).map_err(|reason| {
            InvalidSchema::new(format!("the reference `{}` {reason}", reference.name))
        })?;
        inliner.learn(&schema, "");
    }
    let schema =
        read(&from.text).map_err(|reason| InvalidSchema::new(format!("the schema {reason}")))?;
    match from.references.is_empty() {
        true => Ok(schema),
        false => Ok(inliner.expand(&schema, "")),
    }
}

fn read(text: &str) -> Result<Value, String> {
    tradewind_event::json::value(text.as_bytes()).map_err(|error| format!("is not JSON: {error}"))
}

#[derive(Default)]
struct Inliner {
    /// What is defined by documents that are referred to: the namespace around it, and the definition.
    known: BTreeMap<String, (String, Value)>,
    /// What stands in the schema already.
    defined: BTreeSet<String>,
}

impl Inliner {
    /// Remembers all definitions of a document.
    fn learn(&mut self, schema: &Value, space: &str) {
        match schema {
            Value::Array(variants) => variants.iter().for_each(|one| self.learn(one, space)),
            Value::Object(map) => {
                let mut within = space.to_owned();
                if let Some((name, own)) = name_of(map, space) {
                    let definition = (space.to_owned(), schema.clone());
                    self.known.entry(name).or_insert(definition);
                    within = own;
                }
                for part in parts(map) {
                    self.learn(part, &within);
                }
            }
            _ => {}
        }
    }

    fn expand(&mut self, schema: &Value, space: &str) -> Value {
        match schema {
            Value::String(name) => self.named(name, space),
            Value::Array(variants) => {
                let all = variants.iter().map(|one| self.expand(one, space));
                Value::Array(all.collect())
            }
            Value::Object(map) => self.object(map, space),
            other => other.clone(),
        }
    }

    fn named(&mut self, name: &str, space: &str) -> Value {
        let full = full(name, space);
        let undefined = !PRIMITIVES.contains(&name) && !self.defined.contains(&full);
        let found = undefined.then(|| self.known.get(&full).cloned()).flatten();
        let Some((around, definition)) = found else {
            return name.into();
        };
        let mut expanded = self.expand(&definition, &around);
        // What it took from the document around it, it has to say here.
        if let Value::Object(map) = &mut expanded
            && !map.contains_key("namespace")
            && around != space
            && !map["name"].as_str().unwrap_or_default().contains('.')
        {
            map.insert("namespace".into(), around.into());
        }
        expanded
    }

    fn object(&mut self, map: &Map<String, Value>, space: &str) -> Value {
        let mut within = space.to_owned();
        if let Some((name, own)) = name_of(map, space) {
            if !self.defined.insert(name.clone()) {
                return name.into();
            }
            within = own;
        }
        let mut out = map.clone();
        let record = map.get("fields").is_some();
        for (key, value) in &mut out {
            match (key.as_str(), &mut *value) {
                ("fields", Value::Array(fields)) => {
                    for field in fields.iter_mut().filter_map(Value::as_object_mut) {
                        if let Some(ty) = field.get_mut("type") {
                            *ty = self.expand(ty, &within);
                        }
                    }
                }
                ("items" | "values", value) => *value = self.expand(value, &within),
                // `{"type": "shop.Address"}` stands for what it names.
                ("type", value) if !record => *value = self.expand(value, &within),
                _ => {}
            }
        }
        Value::Object(out)
    }
}

/// The full name of what is defined, and its namespace.
fn name_of(map: &Map<String, Value>, space: &str) -> Option<(String, String)> {
    let ty = map.get("type")?.as_str()?;
    if !matches!(ty, "record" | "error" | "enum" | "fixed") {
        return None;
    }
    let name = map.get("name")?.as_str()?;
    let space = map
        .get("namespace")
        .and_then(Value::as_str)
        .unwrap_or(space);
    let name = full(name, space);
    let own = name.rsplit_once('.').map_or("", |(space, _)| space);
    let own = own.to_owned();
    Some((name, own))
}

fn full(name: &str, space: &str) -> String {
    match name.contains('.') || space.is_empty() {
        true => name.into(),
        false => format!("{space}.{name}"),
    }
}

/// The schemas within a schema.
fn parts(map: &Map<String, Value>) -> Vec<&Value> {
    let fields = map.get("fields").and_then(Value::as_array);
    let fields = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field.get("type"));
    let direct = ["items", "values", "type"]
        .into_iter()
        .filter_map(|key| map.get(key));
    fields
        .chain(direct.filter(|part| !part.is_string()))
        .collect()
}
