//! What gives a format away.

use crate::pick::Paths;
use crate::{Message, form, split};
use std::cell::LazyCell;

/// One thing that holds for every message of a format. A path may be several with `|` between them:
/// the first that is there counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clue<'a> {
    /// The scalar at this path is this text.
    Is(&'a str, &'a str),
    /// The scalar at this path begins with this text.
    Begins(&'a str, &'a str),
    /// The scalar at this path contains this text.
    Contains(&'a str, &'a str),
    /// There is a scalar at this path.
    Has(&'a str),
    /// There is none.
    Lacks(&'a str),
    /// The body is an object with these members and no others, whatever they hold.
    Members(&'a [&'a str]),
    /// The request has this header.
    Header(&'a str),
}

/// Clues of several candidates, taken apart once: each body is read once, whatever their number.
#[derive(Debug)]
pub(crate) struct Detector {
    paths: Paths,
    candidates: Vec<Vec<Test>>,
}

#[derive(Debug)]
enum Test {
    /// What the first of these slots that is filled must be.
    Scalar(Vec<usize>, Scalar),
    Members(&'static [&'static str]),
    Header(&'static str),
}

#[derive(Debug)]
enum Scalar {
    Is(&'static str),
    Begins(&'static str),
    Contains(&'static str),
    Has,
    Lacks,
}

impl Detector {
    /// One without clues is never found.
    pub(crate) fn new(candidates: impl Iterator<Item = &'static [Clue<'static>]>) -> Self {
        let mut paths: Vec<&str> = Vec::new();
        let mut slots = |path: &'static str| -> Vec<usize> {
            let slot = |path| {
                let known = paths.iter().position(|known| *known == path);
                known.unwrap_or_else(|| {
                    paths.push(path);
                    paths.len() - 1
                })
            };
            path.split('|').map(slot).collect()
        };
        let mut test = |clue: &Clue<'static>| match *clue {
            Clue::Is(path, text) => Test::Scalar(slots(path), Scalar::Is(text)),
            Clue::Begins(path, text) => Test::Scalar(slots(path), Scalar::Begins(text)),
            Clue::Contains(path, text) => Test::Scalar(slots(path), Scalar::Contains(text)),
            Clue::Has(path) => Test::Scalar(slots(path), Scalar::Has),
            Clue::Lacks(path) => Test::Scalar(slots(path), Scalar::Lacks),
            Clue::Members(names) => Test::Members(names),
            Clue::Header(name) => Test::Header(name),
        };
        let candidates = candidates
            .map(|clues| clues.iter().map(&mut test).collect())
            .collect();
        Self {
            paths: Paths::new(&paths),
            candidates,
        }
    }

    /// Which is the first whose clues all hold.
    pub(crate) fn find(&self, message: &Message<'_>) -> Option<usize> {
        let body = form::json(message);
        let found = self.paths.pick_any(&body).unwrap_or_default();
        let members = LazyCell::new(|| split::members(&body));
        let holds = |test: &Test| match test {
            Test::Scalar(slots, wanted) => {
                let value = slots.iter().find_map(|slot| found.get(*slot)?.as_deref());
                match *wanted {
                    Scalar::Is(text) => value == Some(text),
                    Scalar::Begins(text) => value.is_some_and(|value| value.starts_with(text)),
                    Scalar::Contains(text) => value.is_some_and(|value| value.contains(text)),
                    Scalar::Has => value.is_some(),
                    Scalar::Lacks => value.is_none(),
                }
            }
            Test::Members(names) => members.as_ref().is_some_and(|members| {
                members.len() == names.len()
                    && names.iter().all(|name| members.iter().any(|m| m == name))
            }),
            Test::Header(name) => message.headers.contains_key(*name),
        };
        let mut candidates = self.candidates.iter();
        candidates.position(|tests| !tests.is_empty() && tests.iter().all(holds))
    }
}
