//! Transforms: where in the file their errors lie.

use super::refusal::Refusal;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::{Document, Spot};
use crate::env::Env;
use tradewind_transform::{InvalidTransform, Part, Transform};

/// Reads and compiles the transform in `text`, written as under `transform:` of a subscription; TOML
/// where the name ends in `.toml`, else YAML or JSON.
///
/// # Errors
/// What is wrong with it, with the place in the text.
pub fn transform(name: &str, text: &str, env: &dyn Env) -> Result<Transform, Diagnostics> {
    let mut out = Diagnostics::default();
    let document = Document::parse(name, text, env, &mut out)?;
    if out.has_errors() {
        return Err(out);
    }
    tradewind_transform::compile(&document.value)
        .map_err(|invalid| refused(&document, "", &invalid).into())
}

/// The finding that a definition at `base` does not compile.
pub(super) fn refused(document: &Document, base: &str, invalid: &InvalidTransform) -> Diagnostic {
    Refusal {
        code: "invalid-transform",
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
