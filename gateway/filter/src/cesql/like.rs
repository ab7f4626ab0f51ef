//! Patterns of `LIKE` (CESQL 1.0.0 §3.4.3).

use crate::ir::{How, Test, Text, Wildcard};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    written: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Char(char),
    /// `_`
    One,
    /// `%`
    Any,
}

impl Pattern {
    pub(super) fn new(value: &str, written: String) -> Self {
        let mut pieces = Vec::with_capacity(value.len());
        let mut chars = value.chars().peekable();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '\\' => match chars.next_if(|next| matches!(next, '%' | '_')) {
                    Some(escaped) => Piece::Char(escaped),
                    None => Piece::Char('\\'),
                },
                '%' if pieces.last() == Some(&Piece::Any) => continue,
                '%' => Piece::Any,
                '_' => Piece::One,
                other => Piece::Char(other),
            });
        }
        Self { pieces, written }
    }

    /// As it was written, quotes included.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// Whether the whole text is like it. After a `%` only the latest one is ever tried again, so the
    /// work is bounded by the product of the lengths.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut at = 0;
        let mut rest = text.chars();
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = rest.clone();
            let next = ahead.next();
            match (self.pieces.get(at), next) {
                (Some(Piece::Any), _) => {
                    at += 1;
                    again = Some((at, rest.clone()));
                    continue;
                }
                (None, None) => return true,
                (Some(Piece::One), Some(_)) => {
                    at += 1;
                    rest = ahead;
                    continue;
                }
                (Some(Piece::Char(wanted)), Some(c)) if *wanted == c => {
                    at += 1;
                    rest = ahead;
                    continue;
                }
                _ => {}
            }
            let Some((from, skipped)) = &mut again else {
                return false;
            };
            if skipped.next().is_none() {
                return false;
            }
            at = *from;
            rest = skipped.clone();
        }
    }

    /// How many steps `matches` takes at most.
    pub(super) fn steps(&self, text: &str) -> usize {
        text.len().saturating_mul(self.pieces.len() + 1) / 16
    }

    /// The same as a test, unless it has a `_`.
    pub(super) fn as_test(&self) -> Option<Test> {
        let mut parts = vec![String::new()];
        for piece in &self.pieces {
            match piece {
                Piece::Char(c) => parts.last_mut()?.push(*c),
                Piece::Any => parts.push(String::new()),
                Piece::One => return None,
            }
        }
        let text = |how, text: &str| Test::Text(Text::new(how, text));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(match parts[..] {
            [only] => Test::exact(only),
            [prefix, ""] => text(How::Prefix, prefix),
            ["", suffix] => text(How::Suffix, suffix),
            ["", inside, ""] => text(How::Contains, inside),
            _ => Test::Wildcard(Wildcard {
                parts: parts.iter().map(|part| (*part).into()).collect(),
            }),
        })
    }
}

/// The text as a part of a pattern: it stands for itself.
pub(super) fn escaped(text: &str) -> String {
    text.replace('%', "\\%").replace('_', "\\_")
}
