//! Findings with their place, and what of the file they may show.

use super::node::Refused;
use super::{Document, Mark, Spot, dotted, interpolate};
use crate::diagnostic::{Diagnostic, Severity};
use crate::secret::NAMES;
use serde_json::Value;
use std::ops::Range;

impl Document {
    /// An error at a place.
    pub(crate) fn error(
        &self,
        pointer: &str,
        spot: Spot,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.finding(Severity::Error, pointer, spot, code, message.into())
    }

    /// A warning at a place.
    pub(crate) fn warning(
        &self,
        pointer: &str,
        spot: Spot,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.finding(Severity::Warning, pointer, spot, code, message.into())
    }

    /// What might be better at a place.
    pub(crate) fn note(
        &self,
        pointer: &str,
        spot: Spot,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.finding(Severity::Note, pointer, spot, code, message.into())
    }

    fn finding(
        &self,
        severity: Severity,
        pointer: &str,
        spot: Spot,
        code: &'static str,
        message: String,
    ) -> Diagnostic {
        let mut known = pointer;
        let mark = loop {
            match (self.marks.get(known), known.rfind('/')) {
                (Some(mark), _) => break Some(mark),
                (None, Some(end)) => known = &known[..end],
                (None, None) => break None,
            }
        };
        let span = match mark {
            Some(Mark {
                key: Some(key),
                compound,
                ..
            }) if spot == Spot::Key || *compound || known != pointer => key.clone(),
            Some(Mark {
                key: None,
                compound: true,
                ..
            })
            | None
                if known.is_empty() =>
            {
                let start = self.text.len() - self.text.trim_start().len();
                start..start
            }
            Some(mark) => mark.value.clone(),
            None => 0..0,
        };
        let message = self.veil(pointer, message);
        let mut diagnostic = self.locate(span, severity, code, message);
        diagnostic.path = dotted(pointer);
        diagnostic
    }

    /// The character at a byte of the text that `pointer` names, where the file holds that text as it
    /// is: plain, in quotes, or as the lines of a block.
    pub(crate) fn within(&self, pointer: &str, offset: usize) -> Option<Range<usize>> {
        let Value::String(text) = self.written.pointer(pointer)? else {
            return None;
        };
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let span = self.marks.get(pointer)?.value.clone();
        let raw = self.text.get(span.clone())?;
        let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        // The first line of this content that is as far down as it is in the text.
        let earlier = text[..start]
            .lines()
            .filter(|other| other.contains(line))
            .count();
        let at = raw
            .match_indices(line)
            .nth(if line.is_empty() { 0 } else { earlier })?
            .0;
        let from = span.start + at + (offset - start);
        let length = self
            .text
            .get(from..)?
            .chars()
            .next()
            .map_or(0, char::len_utf8);
        Some(from..from + length)
    }

    /// Takes what the references of the object at `pointer` stand for out of a message: an adapter may
    /// tell of one key what it read in another.
    pub(crate) fn veil(&self, pointer: &str, mut message: String) -> String {
        let object: String = pointer.split('/').take(3).collect::<Vec<_>>().join("/");
        let inside = self.hidden.iter().filter(|(place, _)| {
            let rest = place.strip_prefix(object.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let mut withheld = false;
        for (text, shown) in inside.flat_map(|(_, hidden)| &hidden.texts) {
            message = interpolate::veil(message, text, shown);
            withheld |= interpolate::leaks(&message, text, shown);
        }
        match withheld {
            true => {
                "the value is not valid here (details withheld: it comes from a reference)".into()
            }
            false => message,
        }
    }

    pub(crate) fn locate(
        &self,
        span: Range<usize>,
        severity: Severity,
        code: &'static str,
        message: String,
    ) -> Diagnostic {
        let start = self
            .text
            .floor_char_boundary(span.start.min(self.text.len()));
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |at| start + at);
        let end = self
            .text
            .floor_char_boundary(span.end.clamp(start, line_end));
        let line = self.masked(line_start..line_end);
        Diagnostic {
            severity,
            code,
            message,
            file: self.file.clone(),
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            length: self.text[start..end].chars().count().max(1),
            path: String::new(),
            source_line: line.trim_end_matches('\r').into(),
            hint: None,
        }
    }

    /// A stretch of the file with its literal secrets masked, character by character.
    fn masked(&self, range: Range<usize>) -> String {
        let secrets: Vec<&Range<usize>> = self
            .hidden
            .iter()
            .filter(|(_, hidden)| hidden.literal)
            .filter_map(|(pointer, _)| self.marks.get(pointer).map(|mark| &mark.value))
            .collect();
        self.text[range.clone()]
            .char_indices()
            .map(|(at, c)| {
                let secret = secrets
                    .iter()
                    .any(|span| span.contains(&(range.start + at)));
                if secret && !c.is_whitespace() { '*' } else { c }
            })
            .collect()
    }

    /// Why the text is no document.
    pub(crate) fn refused(&self, refused: Refused) -> Diagnostic {
        let mut diagnostic =
            self.locate(refused.span, Severity::Error, refused.code, refused.message);
        // The keys are not known yet, so that a line which looks like a secret is not shown.
        let line = diagnostic.source_line.to_ascii_lowercase();
        let mut words = NAMES.iter().chain(&["key", "auth"]);
        let secret = words.any(|word| line.contains(word));
        // So does one with the user or the query of an address.
        if (secret || line.contains(['@', '?']))
            && let Some(at) = diagnostic.source_line.find([':', '='])
        {
            let (head, tail) = diagnostic.source_line.split_at(at + 1);
            let masked: String = tail
                .chars()
                .map(|c| if c == ' ' { c } else { '*' })
                .collect();
            diagnostic.source_line = format!("{head}{masked}");
        }
        match refused.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}
