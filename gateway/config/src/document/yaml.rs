//! YAML 1.2, core schema: one document, text keys, no tags, no duplicates.

use super::node::{Content, DEPTH_MAX, Entry, NODES_MAX, Node, Refused};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// Parses a text; an empty one is an empty map.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Refused>> {
    let mut starts = vec![0];
    starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let mut loader = Loader {
        text,
        starts,
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
        duplicates: Vec::new(),
    };
    let root = loader.document().map_err(|refused| vec![refused])?;
    match loader.duplicates.is_empty() {
        true => Ok(root),
        false => Err(loader.duplicates),
    }
}

struct Loader<'a> {
    text: &'a str,
    starts: Vec<usize>,
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    duplicates: Vec<Refused>,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Refused> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn syntax(&self, error: &ScanError) -> Refused {
        let at = self.byte(error.marker());
        let rest = &self.text[self.starts[error
            .marker()
            .line()
            .saturating_sub(1)
            .min(self.starts.len() - 1)]..];
        let refused = Refused::new(
            at..at,
            "syntax",
            format!("not valid YAML: {}", error.info().to_lowercase()),
        );
        match rest.trim_start_matches(' ').starts_with('\t') {
            true => refused.hint("YAML is indented by spaces, never by tabs"),
            false => refused,
        }
    }

    /// Markers count characters; everything else here counts bytes.
    fn byte(&self, marker: &Marker) -> usize {
        let line = marker.line().saturating_sub(1);
        let Some(&start) = self.starts.get(line) else {
            return self.text.len();
        };
        let rest = &self.text[start..];
        start
            + rest
                .char_indices()
                .nth(marker.col())
                .map_or(rest.len(), |(at, _)| at)
    }

    fn span(&self, span: Span) -> Range<usize> {
        let start = self.byte(&span.start);
        let end = self.byte(&span.end).max(start);
        start..start + self.text[start..end].trim_end().len()
    }

    fn document(&mut self) -> Result<Node, Refused> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                _ if root.is_some() => {
                    let span = self.span(span);
                    return Err(Refused::new(span, "syntax", "a second YAML document")
                        .hint("one file holds one document: remove the `---`"));
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        Ok(root.unwrap_or(Node {
            content: Content::Map(Vec::new()),
            span: 0..0,
        }))
    }

    fn count(&mut self, nodes: usize, span: &Range<usize>) -> Result<(), Refused> {
        self.nodes += nodes;
        match self.nodes > NODES_MAX {
            false => Ok(()),
            true => Err(Refused::new(
                span.clone(),
                "too-large",
                format!("more than {NODES_MAX} values, aliases expanded"),
            )),
        }
    }

    fn node(&mut self, event: Event<'a>, mark: Span, depth: usize) -> Result<Node, Refused> {
        let mut span = self.span(mark);
        if depth > DEPTH_MAX {
            return Err(Refused::new(
                span,
                "too-deep",
                format!("nested deeper than {DEPTH_MAX} levels"),
            ));
        }
        self.count(1, &span)?;
        let (content, anchor) = match event {
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Refused::new(
                        span,
                        "syntax",
                        "alias of a value that is not finished",
                    )
                    .hint("an alias `*name` may not stand inside its own anchor `&name`"));
                };
                self.count(size(&node), &span)?;
                if height(&node) + depth > DEPTH_MAX {
                    return Err(Refused::new(
                        span,
                        "too-deep",
                        format!("nested deeper than {DEPTH_MAX} levels"),
                    ));
                }
                return Ok(node);
            }
            Event::Scalar(_, _, _, Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag)) => {
                let tag = match tag.is_yaml_core_schema() {
                    true => format!("!!{}", tag.suffix.trim_start_matches('!')),
                    false => tag.to_string(),
                };
                return Err(
                    Refused::new(span, "syntax", format!("tag `{tag}` is not supported"))
                        .hint("write the value plainly; quote it to make it a text"),
                );
            }
            Event::Scalar(text, style, anchor, None) => {
                (Content::Scalar(scalar(text, style)), anchor)
            }
            Event::SequenceStart(anchor, None) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, None) => (self.map(depth)?, anchor),
            other => {
                return Err(Refused::new(
                    span,
                    "syntax",
                    format!("unexpected {other:?}"),
                ));
            }
        };
        if matches!(content, Content::Scalar(Value::Null)) && span.is_empty() {
            // `key:` with nothing behind it has no place of its own.
            span = span.start..span.start;
        }
        let node = Node { content, span };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Content, Refused> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, mark) => items.push(self.node(event, mark, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, Refused> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, mark) = self.next()?;
            let span = self.span(mark);
            let key = match event {
                Event::MappingEnd => return Ok(Content::Map(entries)),
                Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<" => {
                    return Err(Refused::new(span, "syntax", "merge keys are not supported")
                        .hint("write the keys out; YAML 1.2 has no `<<`"));
                }
                Event::Scalar(text, _, _, None) => text.into_owned(),
                _ => {
                    return Err(Refused::new(span, "syntax", "a key must be a text")
                        .hint("quote the key if it begins with a special character"));
                }
            };
            let (event, mark) = self.next()?;
            let value = self.node(event, mark, depth + 1)?;
            if let Some(first) = known.get(&key) {
                let line = self.starts.partition_point(|start| start <= first);
                self.duplicates.push(
                    Refused::new(span, "duplicate-key", format!("key `{key}` is here twice")).hint(
                        format!("it stands in line {line} already: keep one of them"),
                    ),
                );
                continue;
            }
            known.insert(key.clone(), span.start);
            entries.push(Entry { key, span, value });
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 1,
        Content::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Map(entries) => 1 + entries.iter().map(|e| size(&e.value)).sum::<usize>(),
    }
}

fn height(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 0,
        Content::List(items) => 1 + items.iter().map(height).max().unwrap_or(0),
        Content::Map(entries) => 1 + entries.iter().map(|e| height(&e.value)).max().unwrap_or(0),
    }
}

/// Core schema: only plain scalars are anything but text.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(&text).map_or_else(|| Value::String(text.into_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return u64::from_str_radix(octal, 8).ok().map(Number::from);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(n) = text.parse::<u64>() {
        return Some(n.into());
    }
    if let Ok(n) = text.parse::<i64>() {
        return Some(n.into());
    }
    let float = digits
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    text.parse::<f64>()
        .ok()
        .filter(|_| float)
        .and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("7", json!(7)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("0x1f", json!(31)),
            ("0o17", json!(15)),
            ("010", json!(10)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            (".5", json!(0.5)),
            ("18446744073709551615", json!(u64::MAX)),
            ("true", json!(true)),
            ("~", Value::Null),
            ("no", json!("no")),
            ("1_000", json!("1_000")),
            ("12:30", json!("12:30")),
            ("1.2.3", json!("1.2.3")),
            (".inf", json!(".inf")),
            ("15s", json!("15s")),
            ("-", json!("-")),
        ] {
            assert_eq!(scalar(text.into(), ScalarStyle::Plain), expected, "{text}");
        }
        assert_eq!(scalar("7".into(), ScalarStyle::DoubleQuoted), json!("7"));
    }
}
