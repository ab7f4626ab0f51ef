//! Errors and warnings with a place in a file, for people and for programs.

use crate::secret::form;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use serde::Serialize;
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but is probably not what was meant, or not safe.
    Warning,
    /// It can be used, and might be better.
    Note,
}

impl Severity {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding. Never holds what a reference (`${env:NAME}`) stands for, nor a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is; all findings of a code are equally bad.
    pub severity: Severity,
    /// Stable slug, for instance `unknown-key`.
    pub code: &'static str,
    /// What is wrong, on one line.
    pub message: String,
    /// The file as it was named.
    pub file: String,
    /// Line, from 1; 0 where the finding has no place (the file cannot be read).
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length of the marked text in characters.
    pub length: usize,
    /// The key, for instance `subscriptions.deploy.retry`; empty for the whole file.
    pub path: String,
    /// The line of the file, secrets masked.
    pub source_line: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A finding about a whole file.
    pub(crate) fn of_file(file: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: file.into(),
            line: 0,
            column: 0,
            length: 0,
            path: String::new(),
            source_line: String::new(),
            hint: None,
        }
    }

    /// A finding at a byte of a file that is no configuration.
    pub(crate) fn in_text(
        file: &str,
        text: &str,
        offset: usize,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let at = text.floor_char_boundary(offset.min(text.len()));
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        Self {
            line: text[..at].matches('\n').count() + 1,
            column: text[start..at].chars().count() + 1,
            length: 1,
            source_line: line.into(),
            ..Self::of_file(file, code, message)
        }
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Several lines for a screen: message, place, source line with carets, hint.
    pub fn render(&self, colour: bool) -> String {
        let renderer = match colour {
            true => Renderer::styled(),
            false => Renderer::plain(),
        }
        .decor_style(DecorStyle::Ascii);
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code);
        let place = (self.line > 0).then(|| {
            Snippet::source(self.source_line.as_str())
                .line_start(self.line)
                .path(self.file.as_str())
                .annotation(AnnotationKind::Primary.span(self.marked()))
        });
        let hint = self
            .hint
            .as_deref()
            .map(|hint| Level::HELP.with_name("hint").message(hint));
        let group = match place {
            Some(place) => title.element(place),
            None => title.element(annotate_snippets::Origin::path(self.file.as_str())),
        };
        renderer.render(&[group.elements(hint)])
    }

    /// The marked text as a range of bytes of the source line.
    fn marked(&self) -> std::ops::Range<usize> {
        let byte = |column: usize| {
            self.source_line
                .char_indices()
                .nth(column)
                .map_or(self.source_line.len(), |(at, _)| at)
        };
        let start = self.column.saturating_sub(1);
        byte(start)..byte(start + self.length)
    }
}

/// One line for a log: `file:line:column: message (hint: ...)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message)?,
            _ => write!(
                f,
                "{}:{}:{}: {}",
                self.file, self.line, self.column, self.message
            )?,
        }
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

/// All findings of a load, in the order of the file; for programs a list of those that are not allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    allowed: Vec<Allowed>,
}

/// A finding that is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// What would have been found.
    pub finding: Diagnostic,
    /// Why it is meant, where somebody said so.
    pub why: Option<String>,
    /// Whether the file itself says so.
    pub in_file: bool,
}

impl Serialize for Diagnostics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.found.serialize(serializer)
    }
}

impl Diagnostics {
    /// The findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }
    /// The warnings among them.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|one| one.severity == Severity::Warning)
    }
    /// Those that are allowed.
    pub fn allowed(&self) -> &[Allowed] {
        &self.allowed
    }
    /// Sets findings of a code aside; errors stay.
    pub fn allow(&mut self, code: &str) {
        self.set_aside(code, None, None, false);
    }
    /// Sets findings of a code aside, at one place and below it or everywhere; errors stay. Gives how many.
    pub(crate) fn set_aside(
        &mut self,
        code: &str,
        at: Option<&str>,
        why: Option<&str>,
        in_file: bool,
    ) -> usize {
        let meant = |one: &Diagnostic| {
            one.code == code
                && one.severity != Severity::Error
                && at.is_none_or(|at| {
                    let rest = one.path.strip_prefix(at);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                })
        };
        let (set_aside, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.found).into_iter().partition(meant);
        self.found = kept;
        let count = set_aside.len();
        self.allowed
            .extend(set_aside.into_iter().map(|finding| Allowed {
                finding,
                why: why.map(str::to_owned),
                in_file,
            }));
        count
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.worst() == Some(Severity::Error)
    }
    /// How bad the worst of them is.
    pub fn worst(&self) -> Option<Severity> {
        self.found.iter().map(|one| one.severity).min()
    }
    /// Why a configuration is refused: its errors, or all findings where there are none. For a
    /// screen, separated by empty lines.
    pub fn render(&self, colour: bool) -> String {
        let errors = self.has_errors();
        self.rendered(colour, |d| d.severity == Severity::Error || !errors)
    }
    /// As [`Diagnostics::render`], with every finding.
    pub fn render_all(&self, colour: bool) -> String {
        self.rendered(colour, |_| true)
    }
    fn rendered(&self, colour: bool, shown: impl Fn(&Diagnostic) -> bool) -> String {
        let shown = self.found.iter().filter(|d| shown(d));
        let all: Vec<String> = shown.map(|d| d.render(colour)).collect();
        all.join("\n\n")
    }
    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        // Keys of maps are shown too, and a secret may stand there.
        for text in [
            &mut diagnostic.message,
            &mut diagnostic.path,
            &mut diagnostic.source_line,
        ] {
            *text = form::mask(text);
        }
        diagnostic.hint = diagnostic.hint.as_deref().map(form::mask);
        self.found.push(diagnostic);
    }
    /// In the order of the file; findings of one place keep the order in which they were made.
    pub(crate) fn sort(&mut self) {
        self.found.sort_by_key(|d| (d.line, d.column));
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            found: vec![diagnostic],
            allowed: Vec::new(),
        }
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line per finding.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.found.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
