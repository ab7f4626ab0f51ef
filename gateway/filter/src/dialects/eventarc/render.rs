//! From a formula back to event filters.

use crate::dialects::render::{Said, Target};
use crate::ir::{How, Path, Predicate, Test};
use serde_json::{Value, json};

/// Attributes that are equal, all of them.
pub(super) struct Criteria;

impl Target for Criteria {
    type Part = Vec<Value>;

    fn predicate(&self, predicate: &Predicate, negated: bool) -> Said<Self::Part> {
        match (&predicate.path, &predicate.test) {
            (Path::Attribute(name), Test::Text(text))
                if !negated && text.how == How::Exact && !text.fold && !text.text.is_empty() =>
            {
                Said::exactly(vec![json!({ "attribute": &**name, "value": &*text.text })])
            }
            _ => Said::no(format!(
                "{} {}",
                predicate.path,
                predicate.test.words(negated)
            )),
        }
    }

    fn all(&self, parts: Vec<Self::Part>) -> Result<Self::Part, String> {
        Ok(parts.into_iter().flatten().collect())
    }

    fn any(&self, mut parts: Vec<Self::Part>) -> Result<Self::Part, String> {
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => Err("alternatives".into()),
        }
    }

    fn whole(&self, part: Option<Self::Part>) -> Value {
        // A list of no filters is refused; every event has this one.
        part.map_or_else(
            || json!([{ "attribute": "specversion", "value": "1.0" }]),
            Value::Array,
        )
    }
}
