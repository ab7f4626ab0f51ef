//! Values to types, with every error found, not only the first.
//!
//! Serde stops at the first error. So the offending entry is noted and taken out, and the rest is
//! tried again, until it fits or nothing more can be told.

use crate::diagnostic::Diagnostics;
use crate::document::{Document, Pointer, Spot, child};
use crate::phrase::{self, Phrase};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Most errors reported for one object.
const ERRORS_MAX: usize = 50;

/// Why an attempt failed: the offending place relative to the value, and serde's or the adapter's
/// words.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) path: String,
    pub(crate) message: String,
}

/// A part of a document on its way to a type.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) document: &'a Document,
    /// Where `value` stands in the document.
    pub(crate) base: &'a str,
    pub(crate) value: Value,
    /// Keys that are valid here besides those that the type knows.
    pub(crate) also: &'a [&'a str],
}

impl Part<'_> {
    /// Deserialises; what is wrong goes to `out`. `None` where nothing is left that fits.
    pub(crate) fn decode<T: DeserializeOwned>(self, out: &mut Diagnostics) -> Option<T> {
        self.attempt(out, |value| {
            serde_path_to_error::deserialize(value).map_err(|e| Trouble {
                path: e.path().to_string(),
                message: e.inner().to_string(),
            })
        })
    }

    /// As [`Part::decode`], by any constructor.
    pub(crate) fn attempt<T>(
        mut self,
        out: &mut Diagnostics,
        make: impl Fn(&Value) -> Result<T, Trouble>,
    ) -> Option<T> {
        let mut taken: Vec<Pointer> = Vec::new();
        let mut numbers: Vec<Pointer> = Vec::new();
        // Keys that were misspelt: they are not missing.
        let mut meant: Vec<String> = Vec::new();
        for _ in 0..ERRORS_MAX {
            let trouble = match make(&self.value) {
                Ok(made) => return Some(made),
                Err(trouble) => trouble,
            };
            let relative = resolve(&self.value, &trouble.path);
            let pointer = format!("{}{relative}", self.base);
            if !numbers.contains(&relative) && self.reads_as_number(&relative, &pointer) {
                numbers.push(relative);
                continue;
            }
            let message = self.document.veil(&pointer, trouble.message);
            let phrase = phrase::of(&message, self.also_at(&relative));
            if !self.follows(&phrase, &relative, &taken, &meant) {
                self.report(&phrase, &relative, &pointer, out);
            }
            meant.extend(phrase.suggested());
            match self.take(&relative) {
                Some(entry) => taken.push(entry),
                None if !out.has_errors() => {
                    // Nobody has said why: what is not built must not seem to be.
                    self.report(&phrase, &relative, &pointer, out);
                    return None;
                }
                None => return None,
            }
        }
        None
    }

    fn report(&self, phrase: &Phrase, relative: &str, pointer: &str, out: &mut Diagnostics) {
        // An unknown variant may be the key of a map. Serde names the map for some unknown keys, and
        // the key itself for others.
        let key = phrase.unknown.as_ref().or_else(|| {
            let map = self.value.pointer(relative)?.as_object()?;
            phrase.variant.as_ref().filter(|key| map.contains_key(*key))
        });
        let (place, spot) = match key {
            Some(key) if !relative.ends_with(&child("", key)) => (child(pointer, key), Spot::Key),
            Some(_) => (pointer.to_string(), Spot::Key),
            None => (pointer.to_string(), Spot::Value),
        };
        let diagnostic = self
            .document
            .error(&place, spot, phrase.code, phrase.message.clone());
        out.push(match &phrase.hint {
            Some(hint) => diagnostic.hint(hint.clone()),
            None => diagnostic,
        });
    }

    fn also_at(&self, relative: &str) -> &[&str] {
        match relative.matches('/').count() {
            0 | 1 => self.also,
            _ => &[],
        }
    }

    /// Whether an error comes of what was taken out before, and says nothing new.
    fn follows(
        &self,
        phrase: &Phrase,
        relative: &str,
        taken: &[Pointer],
        meant: &[String],
    ) -> bool {
        match &phrase.missing {
            Some(key) => {
                let place = child(relative, key);
                meant.contains(key) || self.document.has(&format!("{}{place}", self.base))
            }
            None => {
                let below = format!("{relative}/");
                phrase.unknown.is_none()
                    && phrase.variant.is_none()
                    && taken.iter().any(|place| place.starts_with(&below))
            }
        }
    }

    /// A reference stands for text; where text does not fit, a number or a boolean may.
    fn reads_as_number(&mut self, relative: &str, pointer: &str) -> bool {
        if !self.document.is_reference(pointer) {
            return false;
        }
        let Some(value) = self.value.pointer_mut(relative) else {
            return false;
        };
        match value
            .as_str()
            .and_then(|text| serde_json::from_str(text.trim()).ok())
        {
            Some(number @ (Value::Number(_) | Value::Bool(_))) => {
                *value = number;
                true
            }
            _ => false,
        }
    }

    /// Takes the nearest enclosing map entry out: elements of lists would shift the others.
    fn take(&mut self, relative: &str) -> Option<Pointer> {
        let mut at = relative;
        loop {
            let (parent, key) = at.rsplit_once('/')?;
            let key = key.replace("~1", "/").replace("~0", "~");
            if let Some(Value::Object(map)) = self.value.pointer_mut(parent) {
                return map.remove(&key).map(|_| at.to_string());
            }
            at = parent;
        }
    }
}

/// Serde's path (`auth.api-keys[0]`) as a pointer, as far as it leads in `value`.
pub(crate) fn resolve(value: &Value, path: &str) -> Pointer {
    let mut pointer = String::new();
    let mut value = value;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let step = match value {
            Value::Array(items) => rest
                .strip_prefix('[')
                .and_then(|r| r.split_once(']'))
                .and_then(|(index, r)| {
                    let index: usize = index.parse().ok()?;
                    Some((index.to_string(), items.get(index)?, r))
                }),
            // Keys may hold dots themselves: the longest that fits.
            Value::Object(map) => map
                .iter()
                .filter_map(|(key, value)| {
                    let r = rest.strip_prefix(key.as_str())?;
                    let whole = r.is_empty() || r.starts_with(['.', '[']);
                    whole.then_some((key.clone(), value, r))
                })
                .max_by_key(|(key, _, _)| key.len()),
            _ => None,
        };
        let Some((key, next, after)) = step else {
            break;
        };
        pointer = child(&pointer, &key);
        (value, rest) = (next, after);
    }
    pointer
}
