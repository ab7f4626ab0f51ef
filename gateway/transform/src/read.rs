//! Reading definitions: where the reader is, and what is wrong there.

use serde_json::{Map, Value};

/// Why a definition was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", .hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default())]
pub struct InvalidTransform {
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

impl InvalidTransform {
    #[must_use]
    pub(crate) fn key(mut self) -> Self {
        self.part = Part::Key;
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A part of a definition.
pub(crate) struct Node<'v> {
    pub(crate) value: &'v Value,
    pointer: String,
}

impl<'v> Node<'v> {
    pub(crate) fn root(value: &'v Value) -> Self {
        Self {
            value,
            pointer: String::new(),
        }
    }

    pub(crate) fn child(&self, step: impl ToString, value: &'v Value) -> Self {
        let step = step.to_string().replace('~', "~0").replace('/', "~1");
        Self {
            value,
            pointer: format!("{}/{step}", self.pointer),
        }
    }

    pub(crate) fn refusal(&self, reason: impl Into<String>) -> InvalidTransform {
        InvalidTransform {
            pointer: self.pointer.clone(),
            part: Part::Value,
            offset: None,
            reason: reason.into(),
            hint: None,
        }
    }

    /// The text that must stand here.
    pub(crate) fn text(&self, max: usize) -> Result<&'v str, InvalidTransform> {
        match self.value {
            Value::String(text) if text.len() <= max => Ok(text),
            Value::String(_) => Err(self.refusal(format!("it holds at most {max} bytes"))),
            other => Err(self.refusal(format!("expected a text, found {}", kind(other)))),
        }
    }

    /// The map that must stand here.
    pub(crate) fn map(&self) -> Result<&'v Map<String, Value>, InvalidTransform> {
        match self.value {
            Value::Object(map) => Ok(map),
            other => Err(self.refusal(format!("expected a map, found {}", kind(other)))),
        }
    }

    /// That there are no other keys.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), InvalidTransform> {
        let Some((key, value)) = self
            .map()?
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        else {
            return Ok(());
        };
        Err(self.child(key, value).unknown("key", key, known).key())
    }

    /// The refusal of a name that is none of the `known`.
    pub(crate) fn unknown(&self, what: &str, name: &str, known: &[&str]) -> InvalidTransform {
        let refusal = self.refusal(format!("unknown {what} `{name}`"));
        match near(name, known) {
            Some(near) => refusal.hint(format!("did you mean `{near}`?")),
            None => refusal.hint(format!("there are: {}", known.join(", "))),
        }
    }
}

/// The known name that was probably meant.
pub(crate) fn near<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |known: &&str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
    let nearest = known.iter().copied().min_by_key(|k| distance(k))?;
    (distance(&nearest) <= 1 + nearest.len() / 4).then_some(nearest)
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
