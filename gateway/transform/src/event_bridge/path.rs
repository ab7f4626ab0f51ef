//! JSON paths, as far as EventBridge documents them: dots, indices, wildcards.

use crate::OUTPUT_MAX;
use crate::read::{InvalidTransform, Node};
use crate::step::Reason;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Longest path, in bytes.
const PATH_MAX: usize = 256;
/// Most bytes of JSON that are looked through for the paths of one event.
const WORK_MAX: usize = 64 << 20;

/// A path into the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Member(String),
    Element(usize),
    /// Every element, or the value of every member.
    All,
}

/// How much may still be looked through.
pub(super) struct Work(usize);

impl Default for Work {
    fn default() -> Self {
        Self(WORK_MAX)
    }
}

impl Path {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, InvalidTransform> {
        let text = node.text(PATH_MAX)?;
        let Some(rest) = text.strip_prefix('$') else {
            let refusal = node.refusal("a path begins with `$`").at(0);
            return Err(refusal.hint("such as `$.detail.state`"));
        };
        let mut parts = Vec::new();
        let mut rest = rest;
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let (part, len) = part(rest).ok_or_else(|| {
                let refusal = node.refusal("the path is not understood from here on");
                refusal
                    .at(at)
                    .hint("EventBridge has `.name` (letters, digits, `-`, `_`, `/`), `[0]`, `[*]`")
            })?;
            parts.push(part);
            rest = &rest[len..];
        }
        Ok(Self(parts))
    }

    /// The path to a member of the envelope.
    pub(super) fn member(name: &str) -> Self {
        Self(vec![Part::Member(name.to_owned())])
    }

    /// The JSON at the path. With a wildcard it is a list of all that is there.
    pub(super) fn select(
        &self,
        view: &RawValue,
        work: &mut Work,
    ) -> Result<Option<String>, Reason> {
        let mut found = Vec::new();
        walk(view, &self.0, work, &mut found)?;
        if found.iter().map(|json| json.len()).sum::<usize>() > OUTPUT_MAX {
            return Err(Reason::too_large());
        }
        Ok(match self.0.contains(&Part::All) {
            true => Some(format!("[{}]", found.join(","))),
            false => found.first().map(|json| (*json).to_owned()),
        })
    }
}

/// The first part of the path, and its length.
fn part(rest: &str) -> Option<(Part, usize)> {
    if let Some(inner) = rest.strip_prefix('[') {
        let end = inner.find(']')?;
        let part = match &inner[..end] {
            "*" => Part::All,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Part::Element(digits.parse().ok()?)
            }
            _ => return None,
        };
        return Some((part, end + 2));
    }
    let name = rest.strip_prefix('.')?;
    if name.starts_with('*') {
        return Some((Part::All, 2));
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/');
    let end = name.find(|c| !allowed(c)).unwrap_or(name.len());
    (end > 0).then(|| (Part::Member(name[..end].to_owned()), end + 1))
}

fn walk<'v>(
    value: &'v RawValue,
    parts: &[Part],
    work: &mut Work,
    found: &mut Vec<&'v str>,
) -> Result<(), Reason> {
    let Some((part, rest)) = parts.split_first() else {
        found.push(value.get());
        return Ok(());
    };
    let left = work.0.checked_sub(value.get().len());
    work.0 = left.ok_or_else(|| {
        Reason::new(format!(
            "its paths look through more than {} MiB",
            WORK_MAX >> 20
        ))
    })?;
    for below in below(value, part)? {
        walk(below, rest, work, found)?;
    }
    Ok(())
}

/// What a part leads to: nothing where the value is of another kind.
fn below<'v>(value: &'v RawValue, part: &Part) -> Result<Vec<&'v RawValue>, Reason> {
    let fits = match value.get().as_bytes().first() {
        Some(b'{') => !matches!(part, Part::Element(_)),
        Some(b'[') => !matches!(part, Part::Member(_)),
        _ => false,
    };
    if !fits {
        return Ok(Vec::new());
    }
    Below(part)
        .deserialize(&mut serde_json::Deserializer::from_str(value.get()))
        .map_err(|error| Reason::new(format!("`data` is not well-formed JSON: {error}")))
}

struct Below<'p>(&'p Part);

impl<'v> DeserializeSeed<'v> for Below<'_> {
    type Value = Vec<&'v RawValue>;

    fn deserialize<D: serde::Deserializer<'v>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'v> Visitor<'v> for Below<'_> {
    type Value = Vec<&'v RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map or a list")
    }

    fn visit_map<A: MapAccess<'v>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match self.0 {
                Part::All => found.push(map.next_value()?),
                // Of members that occur twice the last counts.
                Part::Member(name) if *name == key => found = vec![map.next_value()?],
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'v>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(element) = seq.next_element::<&RawValue>()? {
            match self.0 {
                Part::All => found.push(element),
                Part::Element(wanted) if *wanted == at => found.push(element),
                _ => {}
            }
            at += 1;
        }
        Ok(found)
    }
}
