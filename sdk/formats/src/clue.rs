//! What gives a format away.

use crate::pick::pick_any;
use crate::{Message, form};

/// One thing that holds for every message of a format.
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
    /// The request has this header.
    Header(&'a str),
}

impl Clue<'_> {
    fn path(&self) -> &str {
        match self {
            Clue::Is(path, _)
            | Clue::Begins(path, _)
            | Clue::Contains(path, _)
            | Clue::Has(path)
            | Clue::Lacks(path) => path,
            Clue::Header(_) => "",
        }
    }
}

/// The first of several candidates whose clues all hold; one without clues is never found. The body
/// is read once, whatever their number.
pub(crate) fn first<'c, T>(
    message: &Message<'_>,
    candidates: &'c [T],
    clues: impl Fn(&'c T) -> &'c [Clue<'c>],
) -> Option<&'c T> {
    let all = candidates.iter().map(&clues);
    let mut paths: Vec<&str> = all
        .flatten()
        .map(Clue::path)
        .filter(|path| !path.is_empty())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let body = form::json(message);
    let found = pick_any(&body, &paths).unwrap_or_default();
    let at = |path: &str| {
        let index = paths.binary_search(&path).ok()?;
        found.get(index)?.as_deref()
    };
    candidates.iter().find(|candidate| {
        let clues = clues(candidate);
        !clues.is_empty()
            && clues.iter().all(|clue| match *clue {
                Clue::Is(path, text) => at(path) == Some(text),
                Clue::Begins(path, text) => at(path).is_some_and(|value| value.starts_with(text)),
                Clue::Contains(path, text) => at(path).is_some_and(|value| value.contains(text)),
                Clue::Has(path) => at(path).is_some(),
                Clue::Lacks(path) => at(path).is_none(),
                Clue::Header(name) => message.headers.contains_key(name),
            })
    })
}
