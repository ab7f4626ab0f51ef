//! Reading definitions: where the reader is, and how much it may still take.

use crate::{Dialects, Formula};
use serde_json::Value;

/// How deep a filter may nest.
pub const DEPTH_MAX: usize = 32;
/// How many predicates one filter may hold.
pub const PREDICATES_MAX: usize = 1000;
/// How long an expression may be, in bytes.
pub const EXPRESSION_MAX: usize = 64 << 10;

/// Why a filter definition was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", .hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default())]
pub struct InvalidFilter {
    /// JSON pointer to the offending part, relative to the definition.
    pub pointer: String,
    /// Which part of it.
    pub part: Part,
    /// Where in the text under the pointer, in bytes; `None` for all of it.
    pub offset: Option<usize>,
    /// What is wrong with it.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What is wrong at a place of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name under which a value stands.
    Key,
    /// The value.
    Value,
}

impl InvalidFilter {
    /// At a place in an expression, which has no pointer yet.
    pub fn at(offset: usize, reason: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            part: Part::Value,
            offset: Some(offset),
            reason: reason.into(),
            hint: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What a dialect reads its definition with.
#[derive(Debug)]
pub struct Reader<'d> {
    dialects: &'d Dialects,
    path: Vec<String>,
    depth: usize,
    predicates: usize,
}

impl<'d> Reader<'d> {
    pub(crate) fn new(dialects: &'d Dialects) -> Self {
        Self {
            dialects,
            path: Vec::new(),
            depth: 0,
            predicates: 0,
        }
    }

    /// Runs `read` one step further down; an error keeps the path that led to it.
    pub fn at<T>(
        &mut self,
        step: impl ToString,
        read: impl FnOnce(&mut Self) -> Result<T, InvalidFilter>,
    ) -> Result<T, InvalidFilter> {
        self.path.push(step.to_string());
        let read = read(self)?;
        self.path.pop();
        Ok(read)
    }

    /// The error that the value here is wrong.
    pub fn refusal(&self, reason: impl Into<String>) -> InvalidFilter {
        self.placed(InvalidFilter {
            pointer: String::new(),
            part: Part::Value,
            offset: None,
            reason: reason.into(),
            hint: None,
        })
    }

    /// The value here is wrong.
    pub fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, InvalidFilter> {
        Err(self.refusal(reason))
    }

    /// The name of what stands here is wrong.
    pub fn refuse_key<T>(&self, reason: impl Into<String>) -> Result<T, InvalidFilter> {
        Err(InvalidFilter {
            part: Part::Key,
            ..self.refusal(reason)
        })
    }

    /// An error within the expression that stands here.
    pub fn placed(&self, error: InvalidFilter) -> InvalidFilter {
        let escape = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        InvalidFilter {
            pointer: self.path.iter().map(escape).collect(),
            ..error
        }
    }

    /// The expression that must stand here.
    pub fn expression<'v>(&self, name: &str, body: &'v Value) -> Result<&'v str, InvalidFilter> {
        match body {
            Value::String(text) if text.len() <= EXPRESSION_MAX => Ok(text),
            Value::String(_) => self.refuse(format!(
                "an expression holds at most {} KiB",
                EXPRESSION_MAX >> 10
            )),
            other => self.refuse(format!(
                "`{name}` takes an expression as a text, found {}",
                kind(other)
            )),
        }
    }

    /// A filter of any dialect: a map that names it.
    pub fn filter(&mut self, definition: &Value) -> Result<Formula, InvalidFilter> {
        let Value::Object(map) = definition else {
            return self.refuse(format!(
                "expected a map that names a filter dialect, such as `exact: {{type: …}}`, found {}",
                kind(definition)
            ));
        };
        // Unknown names first: several keys are most often attributes where the dialect belongs.
        let mut found = Vec::with_capacity(1);
        for (name, body) in map {
            match self.dialects.named(name) {
                Some(dialect) => found.push((dialect, name, body)),
                None => return self.at(name, |reader| reader.no_dialect(name, body)),
            }
        }
        match found[..] {
            [(dialect, name, body)] => self.at(name, |reader| dialect.parse(body, reader)),
            [] => self.refuse(
                "empty filter: name a dialect, such as `exact: {type: …}`, or leave the filter out \
                 to match everything",
            ),
            _ => self.refuse(
                "a filter names one dialect only: write a list of filters, or join them under `all`",
            ),
        }
    }

    /// The body of a filter in the dialect of this name.
    pub fn in_dialect(&mut self, name: &str, body: &Value) -> Result<Formula, InvalidFilter> {
        match self.dialects.named(name) {
            Some(dialect) => dialect.parse(body, self),
            None => self.no_dialect(name, body),
        }
    }

    /// A list of filters of any dialect.
    pub fn members(&mut self, members: &[Value]) -> Result<Vec<Formula>, InvalidFilter> {
        members
            .iter()
            .enumerate()
            .map(|(index, member)| self.at(index, |reader| reader.filter(member)))
            .collect()
    }

    /// One level deeper, of [`DEPTH_MAX`].
    pub fn nested<T>(
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

    /// Counts predicates, up to [`PREDICATES_MAX`].
    pub fn count(&mut self, predicates: usize) -> Result<(), InvalidFilter> {
        self.predicates = self.predicates.saturating_add(predicates);
        if self.predicates > PREDICATES_MAX {
            return self.refuse(format!(
                "a filter holds at most {PREDICATES_MAX} comparisons"
            ));
        }
        Ok(())
    }

    fn no_dialect<T>(&self, name: &str, body: &Value) -> Result<T, InvalidFilter> {
        let (later, reason) = self.dialects.unknown(name);
        let attribute = !later && text_of(body).is_some() && check_name(name).is_ok();
        let hint = match attribute {
            true => format!("; to compare an attribute write `exact: {{{name}: …}}`"),
            false => String::new(),
        };
        self.refuse_key(format!("{reason}{hint}"))
    }
}

/// Whether an event can have an attribute of this name (CloudEvents 1.0, "Naming Conventions").
pub(crate) fn check_name(name: &str) -> Result<(), String> {
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
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A JSON type in the words of error messages.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
