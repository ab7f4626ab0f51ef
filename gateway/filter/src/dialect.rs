//! Dialects: how a filter is written, and written again in another way.

use crate::dialects;
use crate::ir::Formula;
use crate::{InvalidFilter, Reader};
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// A way to write filters.
///
/// # Contract
/// - `parse` and `render` are pure and total: malformed input is an [`InvalidFilter`], never a panic.
/// - Depth, length and count are bounded: nesting goes through [`Reader::nested`], predicates are
///   counted by [`Reader::count`].
/// - What `parse` takes, it takes again after `render`, with the same meaning.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// The key that names it in configuration.
    fn name(&self) -> &'static str;
    /// Lowers a definition, the value under the name.
    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter>;
    /// The formula in this dialect, as the value under the name.
    fn render(&self, formula: &Formula) -> Rendering {
        let _ = formula;
        Rendering::impossible(format!("nothing is translated to `{}`", self.name()))
    }
}

/// A formula in another dialect.
#[derive(Debug, Clone, PartialEq)]
pub enum Rendering {
    /// It means the same.
    Exact(Value),
    /// It lets through more.
    Superset {
        /// The definition.
        definition: Value,
        /// What could not be said.
        reasons: Vec<String>,
    },
    /// The dialect cannot say it, nor anything useful that is weaker.
    Impossible {
        /// What could not be said.
        reasons: Vec<String>,
    },
}

impl Rendering {
    /// Impossible for one reason.
    pub fn impossible(reason: impl Into<String>) -> Self {
        Rendering::Impossible {
            reasons: vec![reason.into()],
        }
    }

    /// `exact`, `superset` or `impossible`.
    pub fn verdict(&self) -> &'static str {
        match self {
            Rendering::Exact(_) => "exact",
            Rendering::Superset { .. } => "superset",
            Rendering::Impossible { .. } => "impossible",
        }
    }

    /// The definition, if there is one.
    pub fn definition(&self) -> Option<&Value> {
        match self {
            Rendering::Exact(definition) | Rendering::Superset { definition, .. } => {
                Some(definition)
            }
            Rendering::Impossible { .. } => None,
        }
    }
}

/// The dialects that a filter may be written in.
#[derive(Debug, Clone)]
pub struct Dialects {
    known: Vec<Arc<dyn Dialect>>,
}

/// Known elsewhere under these names, so that whoever writes one is not told of a misspelling.
const LATER: [&str; 2] = ["cesql", "jq"];

impl Dialects {
    /// Every dialect of this release.
    pub fn standard() -> &'static Self {
        static STANDARD: LazyLock<Dialects> = LazyLock::new(|| Dialects {
            known: dialects::all(),
        });
        &STANDARD
    }

    /// The same with one more; it takes the place of one of the same name.
    #[must_use]
    pub fn with(mut self, dialect: Arc<dyn Dialect>) -> Self {
        self.known.retain(|known| known.name() != dialect.name());
        self.known.push(dialect);
        self
    }

    /// The same with functions that `sql` expressions may call.
    #[must_use]
    pub fn with_functions(self, functions: crate::cesql::Functions) -> Self {
        self.with(Arc::new(crate::cesql::Sql::new(Arc::new(functions))))
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().map(|dialect| dialect.name())
    }

    /// The dialect of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Dialect>> {
        self.known.iter().find(|dialect| dialect.name() == name)
    }

    /// Lowers a whole definition, as written in configuration: a map that names its dialect, a list
    /// of them joined by AND, or `null`, which matches everything.
    pub fn parse(&self, definition: &Value) -> Result<Formula, InvalidFilter> {
        let mut reader = Reader::new(self);
        match definition {
            Value::Null => Ok(Formula::yes()),
            Value::Array(members) => Ok(Formula::All(reader.members(members)?)),
            one => reader.filter(one),
        }
    }

    pub(crate) fn unknown(&self, name: &str) -> (bool, String) {
        let available = self.names().collect::<Vec<_>>().join(", ");
        if LATER.contains(&name) {
            let reason = format!(
                "the filter dialect `{name}` is not available in this version (there are: {available})"
            );
            return (true, reason);
        }
        let near = self.nearest(name);
        let reason = format!("unknown filter dialect `{name}`{near} (there are: {available})");
        (false, reason)
    }

    fn nearest(&self, unknown: &str) -> String {
        let unknown = unknown.to_ascii_lowercase();
        self.names()
            .map(|name| (strsim::damerau_levenshtein(name, &unknown), name))
            .filter(|(distance, name)| *distance <= name.len() / 2)
            .min()
            .map(|(_, name)| format!(", did you mean `{name}`?"))
            .unwrap_or_default()
    }
}
