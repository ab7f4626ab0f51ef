//! `pub-sub`: filter expressions of Google Pub/Sub subscriptions.

mod lex;
mod parse;
mod render;

use crate::{Dialect, Formula, InvalidFilter, Reader, Rendering};
use serde_json::Value;

/// An expression over the attributes of the message that would carry the event.
#[derive(Debug)]
pub(super) struct PubSub;

impl Dialect for PubSub {
    fn name(&self) -> &'static str {
        "pub-sub"
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        let text = reader.expression(self.name(), body)?;
        let (formula, predicates) =
            parse::expression(text).map_err(|error| reader.placed(error))?;
        reader.count(predicates)?;
        Ok(formula)
    }

    fn render(&self, formula: &Formula) -> Rendering {
        super::render::render(&render::Expressions, formula)
    }
}
