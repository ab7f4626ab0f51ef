//! Why a command failed: exit code, one line, and what to do about it.

use super::term::Term;

/// A failed command.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    message: String,
    hint: Option<String>,
    /// The message is made for a screen already.
    rendered: bool,
}

impl Failure {
    /// Exit code 1.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
            hint: None,
            rendered: false,
        }
    }
    /// Exit code 2: the command was called wrongly.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            ..Self::new(message)
        }
    }
    /// Exit code 78: the configuration is not valid. `message` is made for a screen.
    pub(super) fn config(message: impl Into<String>) -> Self {
        Self {
            code: 78,
            rendered: true,
            ..Self::new(message)
        }
    }
    /// Adds what to do.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Writes it to stderr.
    pub(super) fn print(&self, term: &Term) {
        if self.message.is_empty() {
            return;
        }
        if self.rendered {
            term.note(&self.message);
        } else {
            term.note(&format!("{}: {}", term.red("error"), self.message));
        }
        if let Some(hint) = &self.hint {
            term.note(&format!("{}: {hint}", term.bold("hint")));
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // Who closed the pipe has read enough.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self {
                code: 0,
                ..Self::new("")
            };
        }
        Self::new(error.to_string())
    }
}
