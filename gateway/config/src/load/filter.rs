//! Filters: where in the file their errors lie.

use super::refusal::Refusal;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::{Document, Spot};
use crate::env::Env;
use serde_json::Value;
use std::sync::Arc;
use tradewind_filter::{Filter, InvalidFilter, Part};

/// Reads and compiles the filter in `text`, written as under `filter:` of a subscription; TOML where
/// the name ends in `.toml`, else YAML or JSON. Returns the definition too.
///
/// # Errors
/// What is wrong with it, with the place in the text.
pub fn filter(name: &str, text: &str, env: &dyn Env) -> Result<(Value, Arc<Filter>), Diagnostics> {
    let mut out = Diagnostics::default();
    let document = Document::parse(name, text, env, &mut out)?;
    if out.has_errors() {
        return Err(out);
    }
    match tradewind_filter::compile(&document.value) {
        Ok(filter) => Ok((document.value, filter)),
        Err(invalid) => Err(refused(&document, "", &invalid).into()),
    }
}

/// Reads a text that is no configuration with the same syntax, without references.
///
/// # Errors
/// Why it cannot be read.
pub fn value(name: &str, text: &str) -> Result<Value, Diagnostics> {
    let mut out = Diagnostics::default();
    Ok(Document::parse(name, text, &crate::env::System, &mut out)?.written)
}

/// The finding that a definition at `base` does not compile.
pub(super) fn refused(document: &Document, base: &str, invalid: &InvalidFilter) -> Diagnostic {
    Refusal {
        code: "invalid-filter",
        place: format!("{base}{}", invalid.pointer),
        spot: match invalid.part {
            Part::Key => Spot::Key,
            Part::Value => Spot::Value,
        },
        offset: invalid.offset,
        reason: &invalid.reason,
        hint: invalid.hint.clone(),
    }
    .locate(document)
}
