//! An event as EventBridge would show it.
//!
//! The same as the filter dialect `event-bridge` sees: `data` where that is an EventBridge envelope,
//! which is how an event that came from there is kept; else the attributes in the places of the
//! envelope, and `data` as `detail`.

use crate::step::Reason;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tradewind_event::{Attribute, Data, DataKind, Event};

/// The envelope; numbers are as they were written.
pub(super) struct View<'e>(Cow<'e, RawValue>);

/// What tells an envelope.
#[derive(Deserialize)]
struct Envelope<'e> {
    #[serde(rename = "detail-type", borrow)]
    detail_type: Option<&'e RawValue>,
    #[serde(borrow)]
    detail: Option<&'e RawValue>,
}

impl<'e> View<'e> {
    pub(super) fn of(event: &'e Event) -> Result<Self, Reason> {
        let detail = match event.data() {
            Some(data) if data.kind == DataKind::Json => Some(json(data)?),
            _ => None,
        };
        match detail {
            Some(data) if is_envelope(data) => Ok(Self(Cow::Borrowed(data))),
            detail => made(event, detail).map(|view| Self(Cow::Owned(view))),
        }
    }

    pub(super) fn json(&self) -> &RawValue {
        &self.0
    }
}

fn json(data: &Data) -> Result<&RawValue, Reason> {
    serde_json::from_slice(&data.bytes)
        .map_err(|error| Reason::new(format!("`data` is not well-formed JSON: {error}")))
}

fn is_envelope(data: &RawValue) -> bool {
    let starts = |value: Option<&RawValue>, with: &[char]| {
        value.is_some_and(|value| value.get().starts_with(with))
    };
    serde_json::from_str::<Envelope<'_>>(data.get()).is_ok_and(|envelope| {
        starts(envelope.detail_type, &['"']) && starts(envelope.detail, &['{', '['])
    })
}

fn made(event: &Event, detail: Option<&RawValue>) -> Result<Box<RawValue>, Reason> {
    let mut out = String::from(r#"{"version":"0""#);
    let mut member = |name: &str, json: &str| {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        out.push_str(json);
    };
    member("id", &text(event.id()));
    member("detail-type", &text(event.ty()));
    member("source", &text(event.source()));
    for (name, value) in event.attributes() {
        match name {
            "id" | "type" | "source" | "subject" | "specversion" => {}
            // Places of the envelope that attributes do not go to.
            "detail" | "resources" | "version" => {}
            name => member(name, &attribute(value)),
        }
    }
    let subject = event.subject().map(text).unwrap_or_default();
    member("resources", &format!("[{subject}]"));
    match (detail, event.data()) {
        (Some(detail), _) => member("detail", detail.get()),
        (
            None,
            Some(Data {
                bytes,
                kind: DataKind::Text,
            }),
        ) => {
            member("detail", &text(&String::from_utf8_lossy(bytes)));
        }
        _ => {}
    }
    out.push('}');
    RawValue::from_string(out).map_err(|error| Reason::new(error.to_string()))
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn attribute(value: Attribute<'_>) -> String {
    match value {
        Attribute::Boolean(value) => value.to_string(),
        Attribute::Integer(value) => value.to_string(),
        Attribute::String(value)
        | Attribute::Binary(value)
        | Attribute::Uri(value)
        | Attribute::UriReference(value)
        | Attribute::Timestamp(value) => text(value),
    }
}
