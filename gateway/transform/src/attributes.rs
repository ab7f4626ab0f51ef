//! `set` and `remove`: attributes.

use crate::jinja::{Templates, Writes, could_be_attribute};
use crate::read::{InvalidTransform, Node};
use crate::step::{About, Reason, Step};
use serde_json::Value;
use tradewind_event::{Attribute, EXTENSIONS_MAX, Event};

/// Longest attribute that a template may make, in bytes: it may have to go into a header.
const ATTRIBUTE_MAX: usize = 8 << 10;

/// Sets attributes, all of them from the event as it was before.
#[derive(Debug)]
pub(crate) struct Set {
    templates: Templates,
    values: Vec<(String, Given)>,
}

#[derive(Debug)]
enum Given {
    Boolean(bool),
    Integer(i32),
    Template,
}

impl Set {
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, InvalidTransform> {
        let mut set = Self {
            templates: Templates::new(Writes::Text),
            values: Vec::new(),
        };
        for (name, value) in node.map()? {
            let node = node.child(name, value);
            follows_from_data(name, &node)?;
            let given = match value {
                Value::Bool(value) => {
                    fits(name, Attribute::Boolean(*value), &node)?;
                    Given::Boolean(*value)
                }
                Value::Number(number) => {
                    let Some(value) = number.as_i64().and_then(|n| i32::try_from(n).ok()) else {
                        return Err(node.refusal("an attribute holds whole numbers of 32 bits"));
                    };
                    fits(name, Attribute::Integer(value), &node)?;
                    Given::Integer(value)
                }
                _ => {
                    set.text(name, &node)?;
                    Given::Template
                }
            };
            set.values.push((name.clone(), given));
        }
        Ok(set)
    }

    fn text(&mut self, name: &str, node: &Node<'_>) -> Result<(), InvalidTransform> {
        let reads_event = self.templates.add(name, node)?;
        if reads_event {
            let sample = match name {
                "time" => "2000-01-01T00:00:00Z",
                "dataschema" => "https://example.com/",
                _ => "x",
            };
            return fits(name, Attribute::String(sample), node);
        }
        if name == "id" {
            let refusal = node.refusal("every event would have the same `id`");
            return Err(refusal.hint("receivers know a repetition by `id` and `source`"));
        }
        match self.templates.constant(name, ATTRIBUTE_MAX) {
            Ok(text) => fits(name, Attribute::String(&text), node),
            Err(reason) => Err(node.refusal(reason.0)),
        }
    }
}

/// Whether an event can have this attribute.
fn fits(name: &str, value: Attribute<'_>, node: &Node<'_>) -> Result<(), InvalidTransform> {
    if name == "specversion" {
        return Err(node.refusal("`specversion` is always 1.0"));
    }
    let any = Event::builder("1", "/", "t").build();
    match any.and_then(|event| event.with_attribute(name, value)) {
        Ok(_) => Ok(()),
        Err(invalid) => {
            let refusal = node.refusal(invalid.to_string());
            Err(match could_be_attribute(name) {
                true => refusal,
                false => refusal.key(),
            })
        }
    }
}

fn follows_from_data(name: &str, node: &Node<'_>) -> Result<(), InvalidTransform> {
    if name != "datacontenttype" {
        return Ok(());
    }
    let refusal = node.refusal("`datacontenttype` says what `data` is");
    Err(refusal.hint("reshape `data` with `template: {text: …, content-type: …}`"))
}

impl Step for Set {
    fn apply(&self, event: &Event, _: &About<'_>) -> Result<Event, Reason> {
        let scope = self.templates.scope(event)?;
        let mut out = event.clone();
        for (name, given) in &self.values {
            let text;
            let value = match given {
                Given::Boolean(value) => Attribute::Boolean(*value),
                Given::Integer(value) => Attribute::Integer(*value),
                Given::Template => {
                    let bytes = self.templates.render(name, &scope, ATTRIBUTE_MAX);
                    let bytes = bytes.map_err(|r| Reason::new(format!("`{name}`: {}", r.0)))?;
                    text = String::from_utf8(bytes).map_err(|e| Reason::new(e.to_string()))?;
                    Attribute::String(&text)
                }
            };
            out = out.with_attribute(name, value)?;
        }
        if out.extensions().count() > EXTENSIONS_MAX {
            let reason = format!("the result has more than {EXTENSIONS_MAX} extension attributes");
            return Err(Reason::new(reason));
        }
        Ok(out)
    }
}

/// Removes attributes; one that is not there is no failure.
#[derive(Debug)]
pub(crate) struct Remove {
    names: Vec<String>,
}

impl Remove {
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, InvalidTransform> {
        let Value::Array(values) = node.value else {
            let refusal = node.refusal("expected a list of names of attributes");
            return Err(refusal.hint("write `remove: [name]`"));
        };
        let mut names = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let node = node.child(at, value);
            let name = node.text(ATTRIBUTE_MAX)?;
            if matches!(name, "id" | "source" | "type" | "specversion") {
                return Err(node.refusal(format!("every event needs `{name}`")));
            }
            follows_from_data(name, &node)?;
            match name {
                "time" | "dataschema" => {}
                name => fits(name, Attribute::String("x"), &node)?,
            }
            names.push(name.to_owned());
        }
        Ok(Self { names })
    }
}

impl Step for Remove {
    fn apply(&self, event: &Event, _: &About<'_>) -> Result<Event, Reason> {
        let mut out = event.clone();
        for name in &self.names {
            out = out.without_attribute(name)?;
        }
        Ok(out)
    }
}
