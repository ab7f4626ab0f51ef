//! Definitions as written in configuration, checked and turned into predicates.

use crate::InvalidFilter;
use crate::dialect::{Dialect, NoDialect};
use crate::predicate::{Comparison, Predicate};
use serde_json::{Map, Value};

/// How deep `all`, `any` and `not` may nest.
pub const DEPTH_MAX: usize = 32;
/// How many attribute comparisons one filter may hold.
pub const PREDICATES_MAX: usize = 1000;

/// Reads a whole definition.
pub(crate) fn read(definition: &Value) -> Result<Predicate, InvalidFilter> {
    let mut reader = Reader {
        path: Vec::new(),
        depth: 0,
        predicates: 0,
    };
    match definition {
        Value::Null => Ok(Predicate::All(Vec::new())),
        Value::Array(members) => Ok(Predicate::All(reader.members(members)?)),
        one => reader.filter(one),
    }
}

/// Where the reader is, and how much it has seen.
struct Reader {
    path: Vec<String>,
    depth: usize,
    predicates: usize,
}

impl Reader {
    /// Runs `read` one step further down; an error keeps the path that led to it.
    fn at<T>(
        &mut self,
        step: impl ToString,
        read: impl FnOnce(&mut Self) -> Result<T, InvalidFilter>,
    ) -> Result<T, InvalidFilter> {
        self.path.push(step.to_string());
        let read = read(self)?;
        self.path.pop();
        Ok(read)
    }

    fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, InvalidFilter> {
        let escape = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        Err(InvalidFilter {
            pointer: self.path.iter().map(escape).collect(),
            reason: reason.into(),
        })
    }

    fn filter(&mut self, definition: &Value) -> Result<Predicate, InvalidFilter> {
        let Value::Object(map) = definition else {
            return self.refuse(format!(
                "expected a map that names a filter dialect, such as `exact: {{type: …}}`, found {}",
                kind(definition)
            ));
        };
        // Unknown names first: several keys are most often attributes where the dialect belongs.
        let mut dialects = Vec::with_capacity(1);
        for (name, body) in map {
            let dialect = self.at(name, |reader| reader.dialect(name, body))?;
            dialects.push((dialect, name, body));
        }
        match dialects[..] {
            [(dialect, name, body)] => self.at(name, |reader| reader.body(dialect, name, body)),
            [] => self.refuse(
                "empty filter: name a dialect, such as `exact: {type: …}`, or leave the filter out \
                 to match everything",
            ),
            _ => self.refuse(
                "a filter names one dialect only: write a list of filters, or join them under `all`",
            ),
        }
    }

    fn dialect(&self, name: &str, body: &Value) -> Result<Dialect, InvalidFilter> {
        Dialect::named(name).or_else(|no| {
            let attribute = no == NoDialect::Unknown && text_of(body).is_some();
            let hint = match attribute && check_name(name).is_ok() {
                true => format!("; to compare an attribute write `exact: {{{name}: …}}`"),
                false => String::new(),
            };
            self.refuse(format!("{}{hint}", no.reason(name)))
        })
    }

    fn body(
        &mut self,
        dialect: Dialect,
        name: &str,
        body: &Value,
    ) -> Result<Predicate, InvalidFilter> {
        match (dialect, body) {
            (Dialect::Compare(comparison), Value::Object(map)) => self.comparisons(comparison, map),
            (Dialect::Compare(_), other) => self.refuse(format!(
                "`{name}` takes a map of attribute to value, found {}",
                kind(other)
            )),
            (Dialect::All | Dialect::Any, Value::Array(members)) if members.is_empty() => {
                self.refuse(format!("`{name}` needs at least one filter"))
            }
            (Dialect::All, Value::Array(members)) => {
                self.nested(|reader| Ok(Predicate::All(reader.members(members)?)))
            }
            (Dialect::Any, Value::Array(members)) => {
                self.nested(|reader| Ok(Predicate::Any(reader.members(members)?)))
            }
            (Dialect::All | Dialect::Any, other) => self.refuse(format!(
                "`{name}` takes a list of filters, found {}",
                kind(other)
            )),
            (Dialect::Not, member) => {
                self.nested(|reader| Ok(Predicate::Not(Box::new(reader.filter(member)?))))
            }
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, InvalidFilter>,
    ) -> Result<T, InvalidFilter> {
        if self.depth == DEPTH_MAX {
            return self.refuse(format!("a filter nests at most {DEPTH_MAX} levels deep"));
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn members(&mut self, members: &[Value]) -> Result<Vec<Predicate>, InvalidFilter> {
        members
            .iter()
            .enumerate()
            .map(|(index, member)| self.at(index, |reader| reader.filter(member)))
            .collect()
    }

    fn comparisons(
        &mut self,
        comparison: Comparison,
        map: &Map<String, Value>,
    ) -> Result<Predicate, InvalidFilter> {
        if map.is_empty() {
            return self.refuse("at least one attribute is needed");
        }
        let mut comparisons = map
            .iter()
            .map(|(name, value)| self.at(name, |reader| reader.comparison(comparison, name, value)))
            .collect::<Result<Vec<_>, _>>()?;
        match comparisons.len() {
            1 => Ok(comparisons.remove(0)),
            _ => Ok(Predicate::All(comparisons)),
        }
    }

    fn comparison(
        &mut self,
        comparison: Comparison,
        name: &str,
        value: &Value,
    ) -> Result<Predicate, InvalidFilter> {
        if let Err(reason) = check_name(name) {
            return self.refuse(reason);
        }
        let Some(value) = text_of(value) else {
            return self.refuse(format!(
                "the value of `{name}` must be a text, an integer or a boolean, found {}",
                kind(value)
            ));
        };
        if value.is_empty() {
            return self.refuse(format!("the value of `{name}` must not be empty"));
        }
        self.predicates += 1;
        if self.predicates > PREDICATES_MAX {
            return self.refuse(format!(
                "a filter holds at most {PREDICATES_MAX} comparisons"
            ));
        }
        Ok(Predicate::Attribute {
            name: name.to_owned(),
            comparison,
            value,
        })
    }
}

/// Whether an event can have an attribute of this name (CloudEvents 1.0, "Naming Conventions").
fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() {
        return Err("an attribute name must not be empty".into());
    }
    if name == "data" {
        return Err("`data` is no attribute: these dialects see attributes only".into());
    }
    if name.chars().all(allowed) {
        return Ok(());
    }
    let lower = name.to_ascii_lowercase();
    let hint = match lower.chars().all(allowed) {
        true => format!(", did you mean `{lower}`?"),
        false => String::new(),
    };
    Err(format!(
        "`{name}` is no attribute name: it may hold a to z and 0 to 9 only{hint}"
    ))
}

/// The canonical text that an attribute is compared with. Unquoted YAML integers and booleans count
/// as what was written.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
