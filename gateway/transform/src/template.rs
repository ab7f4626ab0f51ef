//! `template`: `data` from a template.

use crate::OUTPUT_MAX;
use crate::jinja::{Templates, Writes};
use crate::read::{InvalidTransform, Node};
use crate::step::{About, Reason, Step, reshaped};
use serde::de::IgnoredAny;
use tradewind_event::{DataKind, Event};

const JSON: &str = "application/json";
const NAME: &str = "template";

#[derive(Debug)]
pub(crate) struct Template {
    templates: Templates,
    content_type: String,
    writes: Writes,
}

impl Template {
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, InvalidTransform> {
        if node.value.is_string() {
            return Self::of(node, JSON.to_owned(), Writes::Json);
        }
        node.only(&["text", "content-type"])?;
        let map = node.map()?;
        let (content_type, writes) = match map.get("content-type") {
            Some(value) => {
                let node = node.child("content-type", value);
                let text = node.text(256)?;
                (text.to_owned(), kind(text, &node)?)
            }
            None => (JSON.to_owned(), Writes::Json),
        };
        match map.get("text") {
            Some(text) => Self::of(&node.child("text", text), content_type, writes),
            None => Err(node.refusal("missing key `text`")),
        }
    }

    fn of(node: &Node<'_>, content_type: String, writes: Writes) -> Result<Self, InvalidTransform> {
        let mut templates = Templates::new(writes);
        templates.add(NAME, node)?;
        Ok(Self {
            templates,
            content_type,
            writes,
        })
    }
}

/// What a template of this content type writes.
fn kind(content_type: &str, node: &Node<'_>) -> Result<Writes, InvalidTransform> {
    let built = Event::builder("1", "/", "t")
        .data(content_type, &b"0"[..])
        .build();
    let event = built.map_err(|invalid| node.refusal(invalid.reason))?;
    match event.data().map(|data| data.kind) {
        Some(DataKind::Json) => Ok(Writes::Json),
        _ => Ok(Writes::Text),
    }
}

impl Step for Template {
    fn apply(&self, event: &Event, _: &About<'_>) -> Result<Event, Reason> {
        let scope = self.templates.scope(event)?;
        let mut out = self.templates.render(NAME, &scope, OUTPUT_MAX)?;
        if self.writes == Writes::Json {
            out.truncate(out.trim_ascii_end().len());
            out.drain(..out.len() - out.trim_ascii_start().len());
            serde_json::from_slice::<IgnoredAny>(&out).map_err(|error| {
                Reason::new(format!(
                    "the output is not JSON: {error}; `{{{{ x }}}}` writes a text with its quotes"
                ))
            })?;
        }
        reshaped(event, &self.content_type, out)
    }
}
