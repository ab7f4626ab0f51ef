//! Why a command failed: exit code, one line, and what to do about it.

use crate::term::Term;
use serde_json::{Value, json};
use std::path::Path;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// Exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
            hint: None,
        }
    }

    /// Exit code 2: the command was called wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            ..Self::new(message)
        }
    }

    /// Something about a file.
    pub(crate) fn at(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// For programs.
    pub(crate) fn value(&self) -> Value {
        json!({ "error": self.message, "hint": self.hint })
    }

    /// Writes it to stderr.
    pub(crate) fn print(&self, term: &Term) {
        if term.json() {
            term.note(&self.value().to_string());
            return;
        }
        term.note(&format!("{}: {}", term.red("error"), self.message));
        if let Some(hint) = &self.hint {
            term.note(&format!("{}: {hint}", term.bold("hint")));
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
