//! `event-bridge`: Amazon EventBridge event patterns, over the EventBridge envelope.

mod absence;
mod lower;
mod parse;
mod pattern;
mod render;

use super::text;
use crate::ir::Predicate;
use crate::{Dialect, Formula, InvalidFilter, Reader, Rendering};
use serde_json::Value;

/// EventBridge event patterns.
#[derive(Debug)]
pub(super) struct EventBridge;

impl Dialect for EventBridge {
    fn name(&self) -> &'static str {
        "event-bridge"
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        text::json(body, reader, |body, reader| {
            let pattern = parse::pattern(body, reader)?;
            Ok(lower::formula(&pattern))
        })
    }

    fn render(&self, formula: &Formula) -> Rendering {
        super::render::render(&render::Patterns, formula)
    }
}

/// Whether a predicate asks whether an event came from EventBridge.
pub(super) fn asks_for_envelope(predicate: &Predicate) -> bool {
    *predicate == lower::detail_type()
}
