//! The names of the dialects.

use crate::predicate::Comparison;

/// What this version evaluates.
const AVAILABLE: [&str; 6] = ["exact", "prefix", "suffix", "all", "any", "not"];

/// Known elsewhere under these names, so that whoever writes one is not told of a misspelling.
const LATER: [&str; 6] = ["sql", "cesql", "event-bridge", "event-grid", "cel", "jq"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Compare(Comparison),
    All,
    Any,
    Not,
}

/// Why a name is no dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoDialect {
    Later,
    Unknown,
}

impl Dialect {
    pub(crate) fn named(name: &str) -> Result<Self, NoDialect> {
        match name {
            "exact" => Ok(Dialect::Compare(Comparison::Exact)),
            "prefix" => Ok(Dialect::Compare(Comparison::Prefix)),
            "suffix" => Ok(Dialect::Compare(Comparison::Suffix)),
            "all" => Ok(Dialect::All),
            "any" => Ok(Dialect::Any),
            "not" => Ok(Dialect::Not),
            later if LATER.contains(&later) => Err(NoDialect::Later),
            _ => Err(NoDialect::Unknown),
        }
    }
}

impl NoDialect {
    pub(crate) fn reason(self, name: &str) -> String {
        let available = AVAILABLE.join(", ");
        match self {
            NoDialect::Later => format!(
                "the filter dialect `{name}` is not available in this version (there are: {available})"
            ),
            NoDialect::Unknown => format!(
                "unknown filter dialect `{name}`{} (there are: {available})",
                suggestion(name)
            ),
        }
    }
}

fn suggestion(unknown: &str) -> String {
    let unknown = unknown.to_ascii_lowercase();
    AVAILABLE
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, &unknown), name))
        .filter(|(distance, name)| *distance <= name.len() / 2)
        .min()
        .map(|(_, name)| format!(", did you mean `{name}`?"))
        .unwrap_or_default()
}
