//! TOML 1.0.

use super::node::{Content, DEPTH_MAX, Entry, Node, Refused};
use serde_json::{Number, Value};
use std::ops::Range;
use toml_edit::{Document, Item, Key, TableLike, Value as Toml};

/// Parses a text.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Refused>> {
    let document = Document::parse(text).map_err(|e| {
        let span = e.span().unwrap_or(0..0);
        vec![match e.message().contains("duplicate key") {
            true => Refused::new(span, "duplicate-key", "this key is here twice")
                .hint("keep one of them"),
            false => Refused::new(
                span,
                "syntax",
                format!(
                    "not valid TOML: {}",
                    e.message().replace('\n', ", ").to_lowercase()
                ),
            )
            .hint("texts are quoted in TOML; keys of a map stand under its [header]"),
        }]
    })?;
    table(document.as_table(), 0..0, 0).map_err(|refused| vec![refused])
}

fn table(table: &dyn TableLike, span: Range<usize>, depth: usize) -> Result<Node, Refused> {
    let mut entries = Vec::new();
    for (name, item) in table.iter() {
        let key = table
            .key(name)
            .and_then(Key::span)
            .unwrap_or_else(|| span.clone());
        entries.push(Entry {
            key: name.into(),
            value: self::item(item, &key, depth + 1)?,
            span: key,
        });
    }
    Ok(Node {
        content: Content::Map(entries),
        span,
    })
}

fn item(item: &Item, parent: &Range<usize>, depth: usize) -> Result<Node, Refused> {
    let span = item.span().unwrap_or_else(|| parent.clone());
    if depth > DEPTH_MAX {
        let message = format!("nested deeper than {DEPTH_MAX} levels");
        return Err(Refused::new(span, "too-deep", message));
    }
    match item {
        Item::None => Ok(Node {
            content: Content::Scalar(Value::Null),
            span,
        }),
        Item::Table(t) => table(t, span, depth),
        Item::ArrayOfTables(all) => {
            let items: Result<_, _> = all
                .iter()
                .map(|t| table(t, t.span().unwrap_or_else(|| span.clone()), depth + 1))
                .collect();
            Ok(Node {
                content: Content::List(items?),
                span,
            })
        }
        Item::Value(v) => value(v, span, depth),
    }
}

fn value(value: &Toml, span: Range<usize>, depth: usize) -> Result<Node, Refused> {
    let scalar = match value {
        Toml::String(text) => Value::String(text.value().clone()),
        Toml::Integer(n) => Value::from(*n.value()),
        Toml::Boolean(b) => Value::from(*b.value()),
        Toml::Datetime(time) => Value::String(time.value().to_string()),
        Toml::Float(n) => match Number::from_f64(*n.value()) {
            Some(n) => Value::Number(n),
            None => return Err(Refused::new(span, "syntax", "not a finite number")),
        },
        Toml::InlineTable(t) => return table(t, span, depth),
        Toml::Array(items) => {
            let nodes: Result<_, _> = items
                .iter()
                .map(|item| {
                    let span = item.span().unwrap_or_else(|| span.clone());
                    match depth < DEPTH_MAX {
                        true => self::value(item, span, depth + 1),
                        false => Err(Refused::new(
                            span,
                            "too-deep",
                            format!("nested deeper than {DEPTH_MAX} levels"),
                        )),
                    }
                })
                .collect();
            return Ok(Node {
                content: Content::List(nodes?),
                span,
            });
        }
    };
    Ok(Node {
        content: Content::Scalar(scalar),
        span,
    })
}
