//! What policies look at, read from their syntax trees.

use crate::question::{FACTS, Reads};
use serde_json::Value;

/// What a policy looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    /// Facts of the event that it reads.
    pub(crate) reads: Reads,
    /// Length of its patterns: evaluation takes this many steps per character of a value, at most.
    pub(crate) patterns: usize,
}

impl Looks {
    /// Of a policy, as Cedar writes it in JSON.
    pub(crate) fn of(policy: &Value) -> Self {
        let mut looks = Self::default();
        looks.visit(policy);
        looks
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.patterns = self.patterns.saturating_add(other.patterns);
        for (mine, theirs) in self.reads.0.iter_mut().zip(other.reads.0) {
            *mine |= theirs;
        }
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), context_attribute(value)) {
                        ("." | "has", Some(attribute)) => self.read(attribute),
                        // The context as a whole, whatever becomes of it.
                        ("Var", _) if value == "context" => self.reads = Reads([true; FACTS.len()]),
                        ("like", _) => {
                            let pattern = value.get("pattern").and_then(Value::as_array);
                            self.patterns += pattern.map_or(0, Vec::len);
                            self.visit(value);
                        }
                        _ => self.visit(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            _ => {}
        }
    }

    fn read(&mut self, attribute: &str) {
        for (fact, read) in FACTS.iter().zip(&mut self.reads.0) {
            *read |= *fact == attribute;
        }
    }
}

/// The attribute in `context.attribute` or `context has attribute`.
fn context_attribute(access: &Value) -> Option<&str> {
    let of = access.get("left")?.get("Var")?;
    let attribute = access.get("attr")?.as_str()?;
    (of == "context").then_some(attribute)
}
