//! Answering an event with an event.

use crate::{Context, Error, IntoOutcome, Outcome};
use bytes::Bytes;
use serde::Serialize;
use std::borrow::Cow;
use tradewind_event::{Attribute, Event};

/// Attributes of the event that its reply carries on, so that traces and loop guards see through
/// the handler.
const CARRIED: [&str; 3] = ["traceparent", "tracestate", "tradewindhops"];

/// The answer to an event: another event, or nothing.
///
/// What is left unsaid is filled in when the handler is done: `id` is the delivery id with `.reply`
/// added, so that a repeated delivery gives the same event again; `source` is that of the handler
/// (`TRADEWIND_SOURCE`, else `/handlers/` and its name). No `time` is set, for the same reason.
///
/// ```
/// # use tradewind::Reply;
/// Reply::event("shop.order.charged", serde_json::json!({ "receipt": 7 })).subject("orders/12");
/// ```
#[derive(Debug)]
pub struct Reply(Option<Draft>);

#[derive(Debug)]
struct Draft {
    ty: String,
    content_type: Cow<'static, str>,
    data: Result<Bytes, serde_json::Error>,
    id: Option<String>,
    source: Option<String>,
    subject: Option<String>,
    extensions: Vec<(String, Extension)>,
}

#[derive(Debug)]
enum Extension {
    Boolean(bool),
    Integer(i32),
    Text(String),
}

impl Reply {
    /// No event, as [`Ack`](crate::Ack): for handlers that reply to some events only.
    pub fn ack() -> Self {
        Self(None)
    }
    /// An event of this type, its data as JSON. Data that does not serialise fails the delivery.
    pub fn event(ty: impl Into<String>, data: impl Serialize) -> Self {
        let data = serde_json::to_vec(&data).map(Bytes::from);
        Self::draft(ty.into(), "application/json".into(), data)
    }
    /// An event of this type with data of any content type.
    pub fn bytes(
        ty: impl Into<String>,
        content_type: impl Into<String>,
        data: impl Into<Bytes>,
    ) -> Self {
        let content_type = Cow::Owned(content_type.into());
        Self::draft(ty.into(), content_type, Ok(data.into()))
    }

    /// Sets `subject`.
    #[must_use]
    pub fn subject(self, value: impl Into<String>) -> Self {
        self.edit(|draft| draft.subject = Some(value.into()))
    }
    /// Sets `id`. It must be the same on every attempt, or a repeated delivery makes a second event.
    #[must_use]
    pub fn id(self, value: impl Into<String>) -> Self {
        self.edit(|draft| draft.id = Some(value.into()))
    }
    /// Sets `source`.
    #[must_use]
    pub fn source(self, value: impl Into<String>) -> Self {
        self.edit(|draft| draft.source = Some(value.into()))
    }
    /// Sets an extension attribute.
    #[must_use]
    pub fn extension(self, name: impl Into<String>, value: Attribute<'_>) -> Self {
        let value = match value {
            Attribute::Boolean(value) => Extension::Boolean(value),
            Attribute::Integer(value) => Extension::Integer(value),
            other => Extension::Text(other.to_canonical().into_owned()),
        };
        self.edit(|draft| draft.extensions.push((name.into(), value)))
    }

    fn draft(
        ty: String,
        content_type: Cow<'static, str>,
        data: Result<Bytes, serde_json::Error>,
    ) -> Self {
        Self(Some(Draft {
            ty,
            content_type,
            data,
            id: None,
            source: None,
            subject: None,
            extensions: Vec::new(),
        }))
    }

    fn edit(mut self, change: impl FnOnce(&mut Draft)) -> Self {
        if let Some(draft) = &mut self.0 {
            change(draft);
        }
        self
    }
}

impl Draft {
    fn finish(self, event: &Event, context: &Context) -> Result<Event, Error> {
        let id = self
            .id
            .unwrap_or_else(|| format!("{}.reply", context.delivery_id()));
        let source = self.source.unwrap_or_else(|| context.source().to_owned());
        let mut builder = Event::builder(id, source, self.ty).data(self.content_type, self.data?);
        if let Some(subject) = self.subject {
            builder = builder.subject(subject);
        }
        for name in CARRIED {
            let own = self.extensions.iter().any(|(set, _)| set == name);
            if let Some(value) = event.attribute(name).filter(|_| !own) {
                builder = builder.extension(name, value);
            }
        }
        for (name, value) in &self.extensions {
            let value = match value {
                Extension::Boolean(value) => Attribute::Boolean(*value),
                Extension::Integer(value) => Attribute::Integer(*value),
                Extension::Text(value) => Attribute::String(value),
            };
            builder = builder.extension(name, value);
        }
        Ok(builder.build()?)
    }
}

impl IntoOutcome for Reply {
    fn into_outcome(self, event: &Event, context: &Context) -> Outcome {
        let Some(draft) = self.0 else {
            return Outcome::Ack;
        };
        match draft.finish(event, context) {
            Ok(reply) => Outcome::Reply(reply),
            Err(error) => error
                .because("the handler made a reply that is no valid event")
                .into_outcome(event, context),
        }
    }
}
