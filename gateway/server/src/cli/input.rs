//! Texts from a file, from stdin, or from the command line itself.

use crate::cli::failure::Failure;
use serde_json::{Map, Value};
use std::io::Read;
use std::path::Path;

/// Largest text, in bytes.
const MAX: u64 = 8 << 20;
/// Dialects whose definition is an expression.
const EXPRESSIONS: [&str; 3] = ["sql", "pub-sub", "cel"];

/// A text and where it came from.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) text: String,
}

impl Input {
    /// `what` names a text that stands in the command line.
    pub(super) fn read(what: &str, argument: &str) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::new(format!("cannot read {argument}: {error}"));
        let input: Box<dyn Read> = match argument {
            "-" => Box::new(std::io::stdin()),
            path if Path::new(path).is_file() => {
                Box::new(std::fs::File::open(path).map_err(failed)?)
            }
            text if text.contains([' ', '{', '[', ':', '=']) || text.is_empty() => {
                return Ok(Self {
                    name: format!("<{what}>"),
                    text: text.into(),
                });
            }
            path => {
                return Err(Failure::new(format!("no file {path}"))
                    .hint("name a file, - for stdin, or write the text itself"));
            }
        };
        let mut text = String::new();
        input
            .take(MAX + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.len() as u64 > MAX {
            return Err(Failure::new(format!("{argument} is larger than 8 MiB")));
        }
        let name = match argument {
            "-" => "<stdin>".into(),
            path => path.into(),
        };
        Ok(Self { name, text })
    }

    /// As what stands under `dialect`.
    pub(super) fn definition(&self, dialect: &str) -> Result<Value, Failure> {
        let body = match EXPRESSIONS.contains(&dialect) {
            true => Value::String(self.text.trim().into()),
            // A text is JSON to the dialects that have it, which then know the place of an error.
            false => match self.text.trim_start().starts_with(['{', '[']) {
                true if serde_json::from_str::<Value>(&self.text).is_ok() => {
                    serde_json::from_str(&self.text).unwrap_or_default()
                }
                _ => tradewind_config::value(&self.name, &self.text)
                    .map_err(|findings| Failure::config(findings.render(false)))?,
            },
        };
        Ok(Value::Object(Map::from_iter([(dialect.to_owned(), body)])))
    }

    /// Line and column of a byte.
    pub(super) fn place(&self, offset: usize) -> String {
        let skipped = self.text.len() - self.text.trim_start().len();
        let at = self
            .text
            .floor_char_boundary((skipped + offset).min(self.text.len()));
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        format!("line {line}, column {column}")
    }
}
