//! Access predicates: what must hold for a filter to be worth a look, as keys of a table.

use crate::eval::PathId;
use crate::ir::{How, Number, Range, Test};
use std::hash::{BuildHasher, Hasher};

/// Longest part of a text that a filter is filed under, in bytes.
const AFFIX_MAX: usize = 64;

/// What a key is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Kind {
    Exact,
    Prefix,
    Suffix,
    FoldedExact,
    FoldedPrefix,
    FoldedSuffix,
    Literal,
    Number,
    /// A cell of a grid over numbers.
    Cell,
    Bool,
    Null,
    Exists,
    Composite,
    /// There is no value at all.
    Absent,
    /// A value of another type.
    NoNumber,
    NoText,
    NoBool,
}

impl Kind {
    pub(super) const COUNT: usize = 17;
}

/// A way to a filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Access {
    Key {
        path: PathId,
        kind: Kind,
        bytes: Vec<u8>,
        /// Level of the grid.
        level: i16,
        /// The test holds wherever the key is met.
        sure: bool,
    },
    /// Numbers from here on, or down from here.
    From {
        path: PathId,
        at: Number,
    },
    To {
        path: PathId,
        at: Number,
    },
}

/// The width of a cell of the grid, as a power of two, in which a range covers two cells at most.
fn level(width: f64) -> i16 {
    width.log2().ceil() as i16 + 1
}

/// The cell that a number lies in.
pub(super) fn cell(value: f64, level: i16) -> [u8; 10] {
    let cell = (value / 2f64.powi(i32::from(level))).floor() + 0.0;
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&level.to_be_bytes());
    bytes[2..].copy_from_slice(&cell.to_bits().to_be_bytes());
    bytes
}

pub(super) fn hash(state: &impl BuildHasher, path: PathId, kind: Kind, bytes: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write_u64(u64::from(path) << 8 | kind as u64);
    hasher.write(bytes);
    hasher.finish()
}

/// The ways to a test: one of them is met wherever it holds.
pub(super) fn ways(path: PathId, test: &Test) -> Vec<Access> {
    let key = |kind, bytes: &[u8], sure| Access::Key {
        path,
        kind,
        bytes: bytes.to_vec(),
        level: 0,
        sure,
    };
    let exists = |sure| vec![key(Kind::Exists, b"", sure)];
    match test {
        Test::Exists => exists(true),
        Test::Composite => vec![key(Kind::Composite, b"", true)],
        Test::Null => vec![key(Kind::Null, b"", true)],
        Test::Bool(value) => vec![key(Kind::Bool, &[u8::from(*value)], true)],
        Test::Literal(text) => vec![key(Kind::Literal, text.as_bytes(), true)],
        Test::Number(range) => of_range(path, range),
        Test::Text(text) => {
            let bytes = text.text.as_bytes();
            let kind = match (text.how, text.fold) {
                (How::Exact, false) => Kind::Exact,
                (How::Exact, true) => Kind::FoldedExact,
                (How::Prefix, false) => Kind::Prefix,
                (How::Prefix, true) => Kind::FoldedPrefix,
                (How::Suffix, false) => Kind::Suffix,
                (How::Suffix, true) => Kind::FoldedSuffix,
                (How::Contains, _) => return exists(false),
            };
            match text.how {
                How::Exact => vec![key(kind, bytes, true)],
                _ if bytes.is_empty() => exists(false),
                how => vec![key(kind, affix(bytes, how), bytes.len() <= AFFIX_MAX)],
            }
        }
        Test::Wildcard(pattern) => match &*pattern.parts {
            [only] => vec![key(Kind::Exact, only.as_bytes(), true)],
            // The longer end tells more apart.
            [first, .., last] if first.len() + last.len() > 0 => {
                let (kind, part, how) = match first.len() >= last.len() {
                    true => (Kind::Prefix, first, How::Prefix),
                    false => (Kind::Suffix, last, How::Suffix),
                };
                vec![key(kind, affix(part.as_bytes(), how), false)]
            }
            _ => exists(false),
        },
        Test::Cidr(_) | Test::NoneOf(_) => exists(false),
    }
}

/// The ways to the contrary of a test: one of them is met wherever it does not hold. `None` where
/// nearly every value would be one.
pub(super) fn contraries(path: PathId, test: &Test) -> Option<Vec<Access>> {
    let key = |kind, bytes: &[u8], sure| Access::Key {
        path,
        kind,
        bytes: bytes.to_vec(),
        level: 0,
        sure,
    };
    let mut ways = vec![key(Kind::Absent, b"", true)];
    match test {
        Test::Exists => ways.push(key(Kind::Composite, b"", false)),
        Test::Composite => ways.push(key(Kind::Exists, b"", false)),
        Test::Bool(value) => {
            ways.push(key(Kind::NoBool, b"", false));
            ways.push(key(Kind::Bool, &[u8::from(!value)], false));
        }
        Test::Number(Range {
            low: None,
            high: None,
        }) => ways.push(key(Kind::NoNumber, b"", false)),
        Test::Text(text) if text.text.is_empty() && text.how == How::Prefix => {
            ways.push(key(Kind::NoText, b"", false));
        }
        _ => return None,
    }
    Some(ways)
}

fn affix(bytes: &[u8], how: How) -> &[u8] {
    let len = bytes.len().min(AFFIX_MAX);
    match how {
        How::Suffix => &bytes[bytes.len() - len..],
        _ => &bytes[..len],
    }
}

fn of_range(path: PathId, range: &Range) -> Vec<Access> {
    match (range.low, range.high) {
        (None, None) => vec![Access::Key {
            path,
            kind: Kind::Exists,
            bytes: Vec::new(),
            level: 0,
            sure: false,
        }],
        (Some(low), None) => vec![Access::From { path, at: low.at }],
        (None, Some(high)) => vec![Access::To { path, at: high.at }],
        (Some(low), Some(high)) if low.at == high.at => vec![Access::Key {
            path,
            kind: Kind::Number,
            bytes: low.at.get().to_bits().to_be_bytes().to_vec(),
            level: 0,
            sure: low.inclusive && high.inclusive,
        }],
        (Some(low), Some(high)) => {
            let width = high.at.get() - low.at.get();
            // An empty range, or one too wide for a grid.
            if !(width > 0.0 && width.is_finite()) {
                return vec![Access::From { path, at: low.at }];
            }
            let level = level(width);
            let mut cells = vec![
                cell(low.at.get(), level).to_vec(),
                cell(high.at.get(), level).to_vec(),
            ];
            cells.dedup();
            let cells = cells.into_iter().map(|bytes| Access::Key {
                path,
                kind: Kind::Cell,
                bytes,
                level,
                sure: false,
            });
            cells.collect()
        }
    }
}
