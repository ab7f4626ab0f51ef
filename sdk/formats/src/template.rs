//! Texts with places to fill in: how one attribute is made from a message.
//!
//! `{detail.id}` stands for a scalar of the message, `{^region}` for one of the document around it,
//! `{@x-request-id}` for a header, `{#}` for a digest of the data. `{a|b}` takes the first that is
//! there, `{key~last/}` the part behind the last `/`, `{key~lower}` the text in lower case,
//! `{key~bare}` the text without the quotes around it, `{key~mapA=B}` B where the text is A. `{#a}` is a
//! digest of what stands at `a`.

use crate::SpecError;
use http::HeaderName;
use std::borrow::Cow;

/// A template taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    /// The first of these that is there.
    Place(Vec<(Origin, Vec<Change>)>),
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A path in the message.
    Message(String),
    /// A path in the document that the message is an element of.
    Envelope(String),
    /// A header of the request.
    Header(HeaderName),
    /// The digest of the data.
    Digest,
    /// The digest of a part of it.
    DigestOf(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Message(path) | Origin::Envelope(path) => f.write_str(path),
            Origin::Header(name) => write!(f, "header {name}"),
            Origin::Digest => f.write_str("digest"),
            Origin::DigestOf(path) => write!(f, "digest of {path}"),
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Lower,
    Before(String),
    After(String),
    Last(String),
    Bare,
    Map(String, String),
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, SpecError> {
        let refuse = |reason: &str| {
            Err(SpecError {
                template: text.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some((place, behind)) = after.split_once('}') else {
                return refuse("a `{` is never closed");
            };
            let mut alternatives = Vec::new();
            for alternative in place.split('|') {
                let mut steps = alternative.split('~');
                let origin = match origin(steps.next().unwrap_or_default()) {
                    Ok(origin) => origin,
                    Err(reason) => return refuse(reason),
                };
                let Some(changes) = steps.map(change).collect() else {
                    return refuse("after `~` comes lower, bare, mapA=B, before…, after… or last…");
                };
                alternatives.push((origin, changes));
            }
            parts.push(Part::Place(alternatives));
            rest = behind;
        }
        if rest.contains('}') {
            return refuse("a `}` without `{`");
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Every origin that is asked for.
    pub(crate) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0
            .iter()
            .flat_map(|part| match part {
                Part::Text(_) => &[],
                Part::Place(alternatives) => alternatives.as_slice(),
            })
            .map(|(origin, _)| origin)
    }

    /// The text, where every place can be filled.
    pub(crate) fn fill<'v>(
        &self,
        value: impl Fn(&Origin) -> Option<Cow<'v, str>>,
    ) -> Option<Cow<'v, str>> {
        let part = |part: &Part| match part {
            Part::Text(text) => Some(Cow::Owned(text.clone())),
            Part::Place(alternatives) => alternatives.iter().find_map(|(origin, changes)| {
                let filled = changes
                    .iter()
                    .try_fold(value(origin)?, |text, change| change.of(text))?;
                Some(filled).filter(|text| !text.is_empty())
            }),
        };
        match &self.0[..] {
            [one] => part(one),
            several => several
                .iter()
                .map(part)
                .collect::<Option<String>>()
                .map(Cow::Owned),
        }
    }
}

fn origin(text: &str) -> Result<Origin, &'static str> {
    if let Some(name) = text.strip_prefix('@') {
        return match HeaderName::try_from(name) {
            Ok(name) => Ok(Origin::Header(name)),
            Err(_) => Err("after `@` comes the name of a header"),
        };
    }
    if text == "#" {
        return Ok(Origin::Digest);
    }
    let (path, make): (&str, fn(String) -> Origin) = match text.split_at_checked(1) {
        Some(("^", path)) => (path, Origin::Envelope),
        Some(("#", path)) => (path, Origin::DigestOf),
        _ => (text, Origin::Message),
    };
    match path.split('.').any(str::is_empty) {
        true => Err("a path is names with dots between them, such as `detail.id`"),
        false => Ok(make(path.to_owned())),
    }
}

fn change(text: &str) -> Option<Change> {
    let behind = |word: &str| {
        text.strip_prefix(word)
            .filter(|rest| !rest.is_empty())
            .map(str::to_owned)
    };
    match text {
        "lower" => return Some(Change::Lower),
        "bare" => return Some(Change::Bare),
        _ => {}
    }
    if let Some((from, to)) = text.strip_prefix("map").and_then(|map| map.split_once('=')) {
        return Some(Change::Map(from.to_owned(), to.to_owned()));
    }
    behind("before")
        .map(Change::Before)
        .or_else(|| behind("after").map(Change::After))
        .or_else(|| behind("last").map(Change::Last))
}

impl Change {
    fn of<'v>(&self, text: Cow<'v, str>) -> Option<Cow<'v, str>> {
        let part = |found: Option<&str>| found.map(str::to_owned).map(Cow::Owned);
        match self {
            Change::Lower => Some(text.to_lowercase().into()),
            Change::Before(mark) => part(text.split_once(mark.as_str()).map(|(part, _)| part)),
            Change::After(mark) => part(text.split_once(mark.as_str()).map(|(_, part)| part)),
            Change::Last(mark) => part(text.rsplit(mark.as_str()).next()),
            Change::Bare => match text
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
            {
                Some(bare) => Some(bare.to_owned().into()),
                None => Some(text),
            },
            Change::Map(from, to) => (text == from.as_str()).then(|| to.clone().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_places() {
        let value = |origin: &Origin| match origin {
            Origin::Message(path) => match path.as_str() {
                "a" => Some("One/Two/Three".into()),
                "n" => Some("7".into()),
                "q" => Some("\"quoted\"".into()),
                _ => None,
            },
            Origin::Envelope(_) => Some("around".into()),
            Origin::Header(name) => (name == "x-id").then(|| "h".into()),
            Origin::Digest => Some("digest".into()),
            Origin::DigestOf(path) => Some(format!("digest of {path}").into()),
        };
        let table = [
            ("plain", Some("plain")),
            ("{a}", Some("One/Two/Three")),
            ("x.{n}.{@x-id}", Some("x.7.h")),
            ("{missing}", None),
            ("x{missing}", None),
            ("{missing|n}", Some("7")),
            ("{missing|@x-none|#}", Some("digest")),
            ("{^a}-{n}", Some("around-7")),
            ("{a~last/}", Some("Three")),
            ("{a~before/}", Some("One")),
            ("{a~after/~lower}", Some("two/three")),
            ("{a~before:|n}", Some("7")),
            ("{q~bare}{n~bare}", Some("quoted7")),
            ("{n~map8=eight|n~map7=seven}", Some("seven")),
            ("{n~map8=eight}", None),
            ("{#a.b}", Some("digest of a.b")),
            ("", Some("")),
        ];
        for (template, expected) in table {
            let filled = Template::parse(template).unwrap().fill(value);
            assert_eq!(filled.as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for wrong in [
            "{",
            "a{b",
            "}",
            "a}b",
            "{}",
            "{a.}",
            "{a~upper}",
            "{a~before}",
            "{@é}",
            "{@}",
            "{^}",
            "{a|}",
        ] {
            let error = Template::parse(wrong).unwrap_err();
            assert_eq!(error.template, wrong);
        }
    }
}
