//! A JSON Schema that recorded data suggests.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most different texts that are taken for a set of words.
const WORDS_MAX: usize = 8;
/// Fewest samples that show a set of words.
const WORDS_SAMPLES: u64 = 20;
/// Most members of an object that are told apart.
const MEMBERS_MAX: usize = 500;

/// A schema that all these values pass, as narrow as they suggest; an object without samples for none.
pub fn infer<'v>(values: impl IntoIterator<Item = &'v Value>) -> Value {
    let mut seen = Seen::default();
    for value in values {
        seen.see(value);
    }
    let language = json!("https://json-schema.org/draft/2020-12/schema");
    let mut schema = Map::from_iter([("$schema".to_owned(), language)]);
    if let Value::Object(seen) = seen.schema() {
        schema.extend(seen);
    }
    Value::Object(schema)
}

/// What was seen at one place.
#[derive(Default)]
struct Seen {
    count: u64,
    types: BTreeSet<&'static str>,
    objects: u64,
    members: BTreeMap<String, Seen>,
    /// Too many different names: a map rather than a record.
    map: Option<Box<Seen>>,
    items: Option<Box<Seen>>,
    texts: u64,
    words: BTreeMap<String, u64>,
    many: bool,
}

impl Seen {
    fn see(&mut self, value: &Value) {
        self.count += 1;
        let ty = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(n) if n.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(text) => {
                self.text(text);
                "string"
            }
            Value::Array(items) => {
                let seen = self.items.get_or_insert_default();
                items.iter().for_each(|item| seen.see(item));
                "array"
            }
            Value::Object(map) => {
                self.object(map);
                "object"
            }
        };
        self.types.insert(ty);
    }

    fn text(&mut self, text: &str) {
        self.texts += 1;
        if self.many {
            return;
        }
        *self.words.entry(text.to_owned()).or_default() += 1;
        if self.words.len() > WORDS_MAX || text.len() > 64 {
            self.many = true;
            self.words.clear();
        }
    }

    fn object(&mut self, map: &Map<String, Value>) {
        self.objects += 1;
        for (name, value) in map {
            match &mut self.map {
                Some(any) => any.see(value),
                None => self.members.entry(name.clone()).or_default().see(value),
            }
        }
        if self.members.len() > MEMBERS_MAX {
            self.fold();
        }
    }

    /// Takes all members for those of a map.
    fn fold(&mut self) {
        let mut any = self.map.take().unwrap_or_default();
        for (_, seen) in std::mem::take(&mut self.members) {
            any.merge(seen);
        }
        self.map = Some(any);
    }

    fn merge(&mut self, other: Seen) {
        self.count += other.count;
        self.types.extend(other.types);
        self.objects += other.objects;
        for (name, seen) in other.members {
            self.members.entry(name).or_default().merge(seen);
        }
        for (own, seen) in [(&mut self.map, other.map), (&mut self.items, other.items)] {
            if let Some(seen) = seen {
                own.get_or_insert_default().merge(*seen);
            }
        }
        // A map on one side, or too many names on both together.
        if self.map.is_some() || self.members.len() > MEMBERS_MAX {
            self.fold();
        }
        self.texts += other.texts;
        self.many = true;
        self.words.clear();
    }

    fn schema(mut self) -> Value {
        if self.types.contains("number") {
            self.types.remove("integer");
        }
        let mut out = Map::new();
        let types: Vec<Value> = self.types.iter().map(|ty| json!(ty)).collect();
        match types.len() {
            0 => {}
            1 => drop(out.insert("type".into(), types[0].clone())),
            _ => drop(out.insert("type".into(), Value::Array(types))),
        }
        // A word that came once in many samples is no word of a set.
        let set = self.texts >= WORDS_SAMPLES && !self.many && self.words.values().all(|n| *n > 1);
        if set && self.types.len() == 1 {
            out.insert("enum".into(), self.words.keys().cloned().collect());
        }
        if let Some(items) = self.items.filter(|items| items.count > 0) {
            out.insert("items".into(), items.schema());
        }
        if let Some(any) = self.map {
            out.insert("additionalProperties".into(), any.schema());
        } else if self.objects > 0 {
            let always = self
                .members
                .iter()
                .filter(|(_, seen)| seen.count == self.objects);
            let required: Vec<&String> = always.map(|(name, _)| name).collect();
            if !required.is_empty() {
                out.insert("required".into(), json!(required));
            }
            let members = self
                .members
                .into_iter()
                .map(|(name, seen)| (name, seen.schema()));
            out.insert("properties".into(), Value::Object(members.collect()));
        }
        Value::Object(out)
    }
}
