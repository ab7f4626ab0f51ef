//! How data breaks its schema. Nothing here shows a value of the data.

use serde_json::Value;
use std::fmt;

/// Longest part of a name of the data that is shown, in characters.
const NAME_MAX: usize = 128;

/// One rule that the data breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where in the data: a JSON pointer, or names of fields. Empty for all of it.
    pub path: String,
    /// The rule, by the name that the schema language has for it.
    pub rule: String,
    /// What the schema wants, if it says more than the name of the rule.
    pub expected: Option<String>,
    /// Kind and size of what was found.
    pub found: String,
}

impl Violation {
    pub(crate) fn new(path: &str, rule: &str, found: impl Into<String>) -> Self {
        Self {
            path: short(path),
            rule: rule.to_owned(),
            expected: None,
            found: found.into(),
        }
    }

    #[must_use]
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(short(&expected.into()));
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path.as_str() {
            "" => "data",
            path => path,
        };
        write!(f, "{path} breaks `{}`: ", self.rule)?;
        if let Some(expected) = &self.expected {
            write!(f, "expected {expected}, ")?;
        }
        write!(f, "found {}", self.found)
    }
}

/// Kind and size of a value.
pub(crate) fn shape(value: &Value) -> String {
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "a boolean".into(),
        Value::Number(n) if n.is_f64() => "a fractional number".into(),
        Value::Number(_) => "an integer".into(),
        Value::String(s) => format!("a text of {}", counted(s.chars().count(), "character")),
        Value::Array(items) => format!("a list of {}", counted(items.len(), "item")),
        Value::Object(map) => format!("an object of {}", counted(map.len(), "member")),
    }
}

/// Cut, and without what would break a line, a header, or the type String of CloudEvents: an event carries it.
fn short(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_control() || is_noncharacter(c) => '?',
        c => c,
    };
    let mut out: String = text.chars().take(NAME_MAX).map(shown).collect();
    if text.chars().nth(NAME_MAX).is_some() {
        out.push_str("...");
    }
    out
}

/// What Unicode keeps for no character.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff)
}
