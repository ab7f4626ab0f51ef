//! Why a command failed: exit code, one line, and what to do about it.

use super::term::Term;
use serde_json::{Value, json};
use tradewind_config::Diagnostics;

/// A failed command.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    message: String,
    hint: Option<String>,
    /// The message is made for a screen already.
    rendered: bool,
    /// The same for programs.
    findings: Option<Box<Value>>,
}

impl Failure {
    /// Exit code 1.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
            hint: None,
            rendered: false,
            findings: None,
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
    /// As [`Failure::config`], from what is wrong with the file.
    pub(super) fn invalid(findings: &Diagnostics, term: &Term) -> Self {
        Self {
            findings: serde_json::to_value(findings).ok().map(Box::new),
            ..Self::config(findings.render(term.colour()))
        }
    }
    /// Exit code 1, where what was printed says it all.
    pub(super) fn silent() -> Self {
        Self::new("")
    }
    /// Tells in what it happened.
    pub(super) fn within(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
    /// Adds what to do.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// For programs.
    pub(super) fn value(&self) -> Value {
        match &self.findings {
            Some(findings) => json!({
                "error": "the configuration is not valid", "hint": self.hint, "findings": findings
            }),
            None => json!({ "error": self.message, "hint": self.hint }),
        }
    }
    /// Writes it to stderr.
    pub(super) fn print(&self, term: &Term) {
        if self.message.is_empty() {
            return;
        }
        if term.json() {
            term.note(&self.value().to_string());
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
        // Who closed the pipe of what has no end has read enough.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self {
                code: 0,
                ..Self::new("")
            };
        }
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_failures_too() {
        let failure = Failure::new("no gateway at x").hint("is it running?");
        let expected = json!({ "error": "no gateway at x", "hint": "is it running?" });
        assert_eq!(failure.value(), expected);
        let nothing = json!({ "error": "gone", "hint": null });
        assert_eq!(Failure::usage("gone").value(), nothing);
    }

    #[test]
    fn a_bad_configuration_lists_its_findings() {
        let loaded = tradewind_config::load_str(
            "bad.yaml",
            "sources: { a: { kind: htpt, path: /a } }",
            &crate::registry(),
            &tradewind_config::System,
        );
        let failure = Failure::invalid(&loaded.unwrap_err(), &Term::new(Default::default()));
        assert_eq!(failure.code, 78);
        assert_eq!(failure.value()["findings"][0]["code"], "unknown-kind");
    }
}
