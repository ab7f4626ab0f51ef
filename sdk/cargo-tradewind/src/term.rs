//! Where words go.

use std::io::{IsTerminal, Write};

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON document a line.
    Json,
}

/// Standard output and error of this process.
#[derive(Debug)]
pub(crate) struct Term {
    output: Output,
    colour: bool,
}

impl Term {
    pub(crate) fn new(output: Output) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            output,
            colour: wanted && std::io::stderr().is_terminal(),
        }
    }

    pub(crate) fn json(&self) -> bool {
        self.output == Output::Json
    }

    /// Data. Who closed the pipe has read enough.
    pub(crate) fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).ok();
    }

    /// Everything else.
    pub(crate) fn note(&self, text: &str) {
        writeln!(std::io::stderr().lock(), "{text}").ok();
    }

    /// What may be wrong, and goes on.
    pub(crate) fn warn(&self, text: &str) {
        if !self.json() {
            self.note(&format!("{}: {text}", self.bold("warning")));
        }
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.paint("31;1", text)
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}
