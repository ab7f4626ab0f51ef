//! From a formula back to a Trigger's `filters`.

use crate::dialects::render::{Said, Target};
use crate::ir::{How, Path, Predicate, Test};
use serde_json::{Map, Value, json};

/// Filters joined by AND.
pub(super) struct Filters;

/// What every event has.
const REQUIRED: [&str; 4] = ["id", "source", "specversion", "type"];

impl Target for Filters {
    type Part = Value;

    fn predicate(&self, predicate: &Predicate, negated: bool) -> Said<Value> {
        let words = || format!("{} {}", predicate.path, predicate.test.words(negated));
        let Path::Attribute(name) = &predicate.path else {
            return Said::no(format!("{}: only attributes are seen", words()));
        };
        let not = |filter: Value| json!({ "not": filter });
        match (&predicate.test, negated) {
            (Test::NoneOf(tests), false) => {
                let filters: Option<Vec<_>> = tests
                    .iter()
                    .map(|test| compared(name, test).map(not))
                    .collect();
                match filters {
                    Some(filters) if REQUIRED.contains(&&**name) => {
                        Said::exactly(join("all", filters))
                    }
                    Some(filters) => {
                        Said::weaker(join("all", filters), format!("that {name} exists"))
                    }
                    None => Said::no(words()),
                }
            }
            (test, negated) => match compared(name, test) {
                Some(filter) if negated => Said::exactly(not(filter)),
                Some(filter) => Said::exactly(filter),
                None => Said::no(words()),
            },
        }
    }

    fn all(&self, parts: Vec<Value>) -> Result<Value, String> {
        Ok(join("all", parts))
    }

    fn any(&self, parts: Vec<Value>) -> Result<Value, String> {
        Ok(join("any", parts))
    }

    fn whole(&self, part: Option<Value>) -> Value {
        match part {
            None => json!({ "filters": [] }),
            Some(Value::Object(map)) if map.contains_key("all") => json!({ "filters": map["all"] }),
            Some(other) => json!({ "filters": [other] }),
        }
    }
}

/// Nested lists of the same kind become one.
fn join(name: &str, parts: Vec<Value>) -> Value {
    let mut members = Vec::new();
    for part in parts {
        match part.get(name) {
            Some(Value::Array(inner)) => members.extend(inner.iter().cloned()),
            _ => members.push(part),
        }
    }
    match members.len() {
        1 => members.remove(0),
        _ => Value::Object(Map::from_iter([(name.to_owned(), Value::Array(members))])),
    }
}

fn compared(name: &str, test: &Test) -> Option<Value> {
    let Test::Text(text) = test else { return None };
    let how = match text.how {
        How::Exact => "exact",
        How::Prefix => "prefix",
        How::Suffix => "suffix",
        How::Contains => return None,
    };
    if text.fold || text.text.is_empty() {
        return None;
    }
    let one = Map::from_iter([(name.to_owned(), (&*text.text).into())]);
    Some(Value::Object(Map::from_iter([(
        how.to_owned(),
        Value::Object(one),
    )])))
}
