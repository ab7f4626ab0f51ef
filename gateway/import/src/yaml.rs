//! YAML as templates have it: tags stand for functions.

use crate::document::Places;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Deepest nesting, and most values with aliases expanded.
const DEEP: usize = 64;
const NODES_MAX: usize = 500_000;
/// Most bytes that anchors and aliases may copy, and what each value counts for besides its text.
const COPIES_MAX: usize = 64 << 20;
const NODE: usize = 64;

type Refused = (usize, String);

/// The value of a text, and the lines of its parts.
pub(crate) fn parse(text: &str) -> Result<(Value, BTreeMap<String, usize>), Refused> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
        bytes: 0,
        copied: 0,
        places: Places::default(),
    };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if root.is_some() => {
                return Err((span.start.line(), "a second YAML document".into()));
            }
            event => root = Some(reader.node(event, span, Some(""), 0)?),
        }
    }
    Ok((root.unwrap_or_default(), reader.places.take()))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Values, with how many nodes and bytes they have.
    anchors: BTreeMap<usize, (Value, usize, usize)>,
    nodes: usize,
    /// What the texts so far have, and what was copied.
    bytes: usize,
    copied: usize,
    places: Places,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Refused> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err((
                error.marker().line(),
                format!("not valid YAML: {}", error.info().to_lowercase()),
            )),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        pointer: Option<&str>,
        depth: usize,
    ) -> Result<Value, Refused> {
        let line = span.start.line();
        if depth > DEEP {
            return Err((line, format!("nested deeper than {DEEP} levels")));
        }
        self.count(1, line)?;
        let before = (self.nodes, self.bytes);
        self.places.add(pointer.map(str::to_owned), line);
        let (value, anchor, tag) = match event {
            Event::Alias(anchor) => {
                let Some(&(_, nodes, bytes)) = self.anchors.get(&anchor) else {
                    return Err((line, "alias of a value that is not finished".into()));
                };
                self.count(nodes, line)?;
                self.copy(nodes, bytes, line)?;
                self.bytes += bytes;
                return Ok(self.anchors[&anchor].0.clone());
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.bytes += text.len();
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = match plain {
                    true => scalar(&text),
                    false => Value::String(text.into_owned()),
                };
                (value, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => {
                            let at = Places::below(pointer, items.len());
                            items.push(self.node(event, span, at.as_deref(), depth + 1)?);
                        }
                    }
                }
                (Value::Array(items), anchor, tag)
            }
            Event::MappingStart(anchor, tag) => (self.map(pointer, depth)?, anchor, tag),
            other => return Err((line, format!("unexpected {other:?}"))),
        };
        let value = match tag {
            Some(tag) => function(&tag, value),
            None => value,
        };
        if anchor > 0 {
            // Anchors may stand in each other.
            let (nodes, bytes) = (self.nodes - before.0, self.bytes - before.1);
            self.copy(nodes, bytes, line)?;
            self.anchors.insert(anchor, (value.clone(), nodes, bytes));
        }
        Ok(value)
    }

    fn map(&mut self, pointer: Option<&str>, depth: usize) -> Result<Value, Refused> {
        let mut map = Map::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Value::Object(map)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err((span.start.line(), "a key must be a text".into())),
            };
            self.bytes += key.len();
            let at = Places::below(pointer, &key);
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, at.as_deref(), depth + 1)?;
            // Where the key stands is where people look.
            self.places.add(at, span.start.line());
            if map.insert(key.clone(), value).is_some() {
                return Err((span.start.line(), format!("key `{key}` is here twice")));
            }
        }
    }

    fn copy(&mut self, nodes: usize, bytes: usize, line: usize) -> Result<(), Refused> {
        self.copied += bytes + nodes * NODE;
        match self.copied > COPIES_MAX {
            true => Err((
                line,
                format!(
                    "anchors and aliases copy more than {} MiB",
                    COPIES_MAX >> 20
                ),
            )),
            false => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize, line: usize) -> Result<(), Refused> {
        self.nodes += nodes;
        match self.nodes > NODES_MAX {
            true => Err((line, format!("more than {NODES_MAX} values"))),
            false => Ok(()),
        }
    }
}

/// `!Ref x` is `{Ref: x}`, `!Sub x` is `{Fn::Sub: x}`.
fn function(tag: &Tag, value: Value) -> Value {
    if tag.is_yaml_core_schema() {
        return value;
    }
    let name = match tag.suffix.trim_start_matches('!') {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    };
    Value::Object(Map::from_iter([(name, value)]))
}

fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    // Account numbers begin with zeros: those are texts.
    let digits = text.trim_start_matches('-');
    let counts = digits.len() == 1 || !digits.starts_with('0') || digits.starts_with("0.");
    let number = match text.parse::<i64>() {
        Ok(number) => Some(Number::from(number)),
        Err(_) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            text.parse().ok().and_then(Number::from_f64)
        }
        Err(_) => None,
    };
    match number.filter(|_| counts) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}
