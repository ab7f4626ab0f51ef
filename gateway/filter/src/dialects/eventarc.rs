//! `eventarc`: the event filters of a Google Eventarc trigger.

mod render;

use crate::ir::{Expression, Fault, Formula, How, Opaque, Path, Test, Text};
use crate::read::{check_name, kind};
use crate::{Dialect, InvalidFilter, Reader, Rendering, View, Words};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Attributes that are equal, or that a path pattern fits; all of them must hold.
#[derive(Debug)]
pub(super) struct Eventarc;

impl Dialect for Eventarc {
    fn name(&self) -> &'static str {
        "eventarc"
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        super::text::json(body, reader, |body, reader| {
            match body {
            Value::Array(criteria) if !criteria.is_empty() => {
                let criteria: Result<Vec<_>, _> = criteria
                    .iter()
                    .enumerate()
                    .map(|(index, one)| reader.at(index, |reader| criterion(one, reader)))
                    .collect();
                Ok(Formula::all(criteria?))
            }
            Value::Object(map) if !map.is_empty() => {
                let exact: Result<Vec<_>, _> = map
                    .iter()
                    .map(|(name, value)| {
                        reader.at(name, |reader| lowered(name, value, false, reader))
                    })
                    .collect();
                Ok(Formula::all(exact?))
            }
            other => reader.refuse(format!(
                "`eventarc` takes a list of {{attribute, value, operator}}, or a map of attribute to \
                 value, found {}",
                kind(other)
            )),
        }
        })
    }

    fn render(&self, formula: &Formula) -> Rendering {
        super::render::render(&render::Criteria, formula)
    }
}

fn criterion(one: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
    let Value::Object(map) = one else {
        return reader.refuse(format!(
            "an event filter is a map with attribute and value, found {}",
            kind(one)
        ));
    };
    let known = |key: &&String| matches!(key.as_str(), "attribute" | "value" | "operator");
    if let Some(other) = map.keys().find(|key| !known(key)) {
        return reader.at(other, |reader| {
            reader.refuse_key(format!(
                "unknown key `{other}` (there are: attribute, value, operator)"
            ))
        });
    }
    let pattern = match map.get("operator") {
        None | Some(Value::Null) => false,
        Some(Value::String(operator)) if operator.is_empty() => false,
        Some(Value::String(operator)) if operator == "match-path-pattern" => true,
        Some(other) => {
            return reader.at("operator", |reader| {
                reader.refuse(format!(
                    "unknown operator {other} (there is: match-path-pattern)"
                ))
            });
        }
    };
    let name = member(map, "attribute", reader)?;
    let Value::String(name) = name else {
        return reader.at("attribute", |reader| {
            reader.refuse(format!("an attribute is a text, found {}", kind(name)))
        });
    };
    if let Err(reason) = check_name(&name.to_ascii_lowercase()) {
        return reader.at("attribute", |reader| reader.refuse(reason));
    }
    let value = member(map, "value", reader)?;
    reader.at("value", |reader| lowered(name, value, pattern, reader))
}

fn member<'v>(
    map: &'v Map<String, Value>,
    key: &str,
    reader: &Reader<'_>,
) -> Result<&'v Value, InvalidFilter> {
    map.get(key)
        .ok_or_else(|| reader.refusal(format!("`{key}` is missing")))
}

fn lowered(
    name: &str,
    value: &Value,
    pattern: bool,
    reader: &mut Reader<'_>,
) -> Result<Formula, InvalidFilter> {
    // `serviceName` of a trigger is the attribute `servicename` of its events.
    let attribute = name.to_ascii_lowercase();
    if let Err(reason) = check_name(&attribute) {
        return reader.refuse_key(reason);
    }
    let Value::String(value) = value else {
        return reader.refuse(format!("a value is a text, found {}", kind(value)));
    };
    if value.is_empty() {
        return reader.refuse("a value must not be empty");
    }
    reader.count(1)?;
    let path = Path::attribute(attribute.as_str());
    if !pattern {
        return Ok(Formula::test(path, Test::exact(value.as_str())));
    }
    let pattern = match PathPattern::read(&attribute, value) {
        Ok(pattern) => pattern,
        Err(reason) => return reader.refuse(reason),
    };
    let words = format!("{name} fits {value}");
    // The part before the first wildcard, for the index.
    let start = Test::Text(Text::new(How::Prefix, pattern.start()));
    let fits = Formula::Opaque(Opaque {
        expression: Arc::new(pattern),
        wanted: true,
    });
    let both = Formula::All(vec![Formula::test(path, start), fits]);
    Ok(Words::told(words, both))
}

/// Segments between slashes.
#[derive(Debug)]
struct PathPattern {
    attribute: String,
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, PartialEq)]
enum Segment {
    /// One segment, with anything in the place of each star.
    One(Vec<String>),
    /// Any number of segments.
    Many,
}

impl PathPattern {
    fn read(attribute: &str, pattern: &str) -> Result<Self, String> {
        let segments: Vec<_> = pattern
            .split('/')
            .map(segment)
            .collect::<Result<_, String>>()?;
        if segments.iter().filter(|one| **one == Segment::Many).count() > 1 {
            return Err("a path pattern holds `**` at most once".into());
        }
        Ok(Self {
            attribute: attribute.into(),
            text: format!("{attribute} fits '{}'", pattern.replace('\'', "''")),
            segments,
        })
    }

    /// What every path that fits begins with.
    fn start(&self) -> String {
        let mut start = String::new();
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::One(parts) => {
                    start += if index == 0 { "" } else { "/" };
                    start += &parts[0];
                    if parts.len() > 1 {
                        break;
                    }
                }
                // It may stand for no segment at all, and for the slash before it.
                Segment::Many => break,
            }
        }
        start
    }

    fn fits(&self, path: &str) -> bool {
        let path: Vec<_> = path.split('/').collect();
        let all = |segments: &[Segment], path: &[&str]| {
            segments.len() == path.len()
                && segments.iter().zip(path).all(|(one, text)| match one {
                    Segment::One(parts) => one_fits(parts, text),
                    Segment::Many => false,
                })
        };
        match self.segments.iter().position(|one| *one == Segment::Many) {
            None => all(&self.segments, &path),
            Some(many) => {
                let (before, after) = (&self.segments[..many], &self.segments[many + 1..]);
                path.len() >= before.len() + after.len()
                    && all(before, &path[..before.len()])
                    && all(after, &path[path.len() - after.len()..])
            }
        }
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    let inner = match text.strip_prefix('{') {
        None if text.contains(['{', '}']) => {
            return Err(format!("a capture fills a segment: `{text}`"));
        }
        None => text,
        Some(rest) => {
            let capture = rest
                .strip_suffix('}')
                .filter(|capture| !capture.contains(['{', '}']))
                .ok_or_else(|| format!("a capture fills a segment: `{text}`"))?;
            let (name, pattern) = capture.split_once('=').unwrap_or((capture, "*"));
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(format!("`{name}` is no name of a capture"));
            }
            pattern
        }
    };
    match inner {
        "**" => Ok(Segment::Many),
        other if other.contains("**") => Err(format!("`**` fills a segment: `{text}`")),
        other => Ok(Segment::One(other.split('*').map(str::to_owned).collect())),
    }
}

fn one_fits(parts: &[String], text: &str) -> bool {
    let parts = parts.iter().map(|part| part.as_str().into()).collect();
    crate::Wildcard { parts }.matches(text)
}

impl Expression for PathPattern {
    fn dialect(&self) -> &'static str {
        "eventarc"
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn evaluate(&self, view: &View<'_>) -> Result<bool, Fault> {
        Ok(view
            .event()
            .attribute(&self.attribute)
            .is_some_and(|actual| self.fits(&actual.to_canonical())))
    }
}
