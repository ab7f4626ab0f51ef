//! Why a text of policies is refused.

use std::fmt;

/// Longest message, in characters.
const LINE_MAX: usize = 240;

/// What is wrong with a text of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPolicy {
    /// Where in the text, in bytes; `None` for all of it.
    pub offset: Option<usize>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

impl InvalidPolicy {
    pub(crate) fn whole(reason: impl Into<String>, hint: &str) -> Self {
        Self {
            offset: None,
            reason: reason.into(),
            hint: Some(hint.to_owned()),
        }
    }

    pub(crate) fn at(offset: usize, reason: impl Into<String>, hint: &str) -> Self {
        Self {
            offset: Some(offset),
            ..Self::whole(reason, hint)
        }
    }

    /// As Cedar tells it, at `otherwise` where it names no place.
    pub(crate) fn told(told: &dyn miette::Diagnostic, otherwise: Option<usize>) -> Self {
        let label = told.labels().and_then(|mut labels| labels.next());
        let expected = label.as_ref().and_then(|label| label.label());
        let help = told.help().map(|help| help.to_string());
        Self {
            offset: label
                .as_ref()
                .map(miette::LabeledSpan::offset)
                .or(otherwise),
            reason: one_line(&told.to_string()),
            hint: help
                .or_else(|| expected.map(str::to_owned))
                .map(|hint| one_line(&hint)),
        }
    }
}

/// Without the parser's own numbers, and no longer than a screen takes.
fn one_line(text: &str) -> String {
    let text = match text
        .strip_prefix("for policy `policy")
        .and_then(|rest| rest.split_once("`, "))
    {
        Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => text,
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LINE_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidPolicy {}
