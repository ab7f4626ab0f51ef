//! What gives a format away.

use crate::pick::pick_any;
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

impl Clue<'_> {
    fn path(&self) -> &str {
        match self {
            Clue::Is(path, _)
            | Clue::Begins(path, _)
            | Clue::Contains(path, _)
            | Clue::Has(path)
            | Clue::Lacks(path) => path,
            Clue::Header(_) | Clue::Members(_) => "",
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
        .flat_map(|clue| clue.path().split('|'))
        .filter(|path| !path.is_empty())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let body = form::json(message);
    let found = pick_any(&body, &paths).unwrap_or_default();
    let at = |path: &str| {
        path.split('|').find_map(|path| {
            let index = paths.binary_search(&path).ok()?;
            found.get(index)?.as_deref()
        })
    };
    let members = LazyCell::new(|| split::members(&body));
    candidates.iter().find(|candidate| {
        let clues = clues(candidate);
        !clues.is_empty()
            && clues.iter().all(|clue| match *clue {
                Clue::Is(path, text) => at(path) == Some(text),
                Clue::Begins(path, text) => at(path).is_some_and(|value| value.starts_with(text)),
                Clue::Contains(path, text) => at(path).is_some_and(|value| value.contains(text)),
                Clue::Has(path) => at(path).is_some(),
                Clue::Lacks(path) => at(path).is_none(),
                Clue::Members(names) => members.as_ref().is_some_and(|members| {
                    members.len() == names.len()
                        && names.iter().all(|name| members.iter().any(|m| m == name))
                }),
                Clue::Header(name) => message.headers.contains_key(name),
            })
    })
}
