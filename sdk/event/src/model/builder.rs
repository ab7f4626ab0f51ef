//! Building events by hand.

use super::validate::SPEC_VERSION;
use super::{Attribute, Data, Draft, Event, TextType};
use crate::InvalidEvent;
use bytes::Bytes;

/// Builds an [`Event`] from parts; [`Builder::build`] validates.
#[derive(Debug, Clone)]
pub struct Builder {
    attributes: Vec<(String, Value)>,
    data: Option<Bytes>,
}

/// An owned attribute value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i32),
    Text(TextType, Box<str>),
}

impl Value {
    pub(super) fn owned(value: Attribute<'_>) -> Self {
        match (value.as_text(), value) {
            (Some((ty, text)), _) => Value::Text(ty, text.into()),
            (None, Attribute::Integer(n)) => Value::Integer(n),
            (None, value) => Value::Boolean(value == Attribute::Boolean(true)),
        }
    }
    pub(super) fn as_attribute(&self) -> Attribute<'_> {
        match self {
            Value::Boolean(b) => Attribute::Boolean(*b),
            Value::Integer(n) => Attribute::Integer(*n),
            Value::Text(ty, text) => Attribute::text(*ty, text),
        }
    }
}

impl Builder {
    pub(super) fn new(id: String, source: String, ty: String) -> Self {
        Self {
            attributes: Vec::with_capacity(8),
            data: None,
        }
        .text("id", id)
        .text("source", source)
        .text("type", ty)
    }

    /// Sets `subject`.
    #[must_use]
    pub fn subject(self, v: impl Into<String>) -> Self {
        self.text("subject", v.into())
    }
    /// Sets `time`, RFC 3339.
    #[must_use]
    pub fn time(self, v: impl Into<String>) -> Self {
        self.text("time", v.into())
    }
    /// Sets `dataschema`, an absolute URI.
    #[must_use]
    pub fn data_schema(self, v: impl Into<String>) -> Self {
        self.text("dataschema", v.into())
    }
    /// Sets `datacontenttype` alone; with data, use [`Builder::data`].
    #[must_use]
    pub fn data_content_type(self, v: impl Into<String>) -> Self {
        self.text("datacontenttype", v.into())
    }
    /// Sets an extension attribute; a later value replaces an earlier one.
    #[must_use]
    pub fn extension(mut self, name: &str, value: Attribute<'_>) -> Self {
        self.set(name, Value::owned(value));
        self
    }
    /// Sets the payload and `datacontenttype`; the kind follows from the content type.
    #[must_use]
    pub fn data(mut self, content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.data = Some(bytes.into());
        self.text("datacontenttype", content_type.into())
    }
    /// The event, if it is valid.
    pub fn build(self) -> Result<Event, InvalidEvent> {
        let size = self.attributes.iter().map(|(name, value)| {
            let text = value.as_attribute().as_text().map_or(0, |(_, t)| t.len());
            name.len() + text
        });
        let mut draft = Draft::with_capacity(size.sum());
        draft.set("specversion", Attribute::String(SPEC_VERSION))?;
        for (name, value) in &self.attributes {
            draft.add(name, value.as_attribute())?;
        }
        let content_type = draft.get(super::Core::DataContentType);
        let data = self.data.map(|bytes| Data::of(content_type, bytes));
        draft.finish(data)
    }

    fn text(mut self, name: &str, v: String) -> Self {
        self.set(name, Value::Text(TextType::String, v.into()));
        self
    }

    fn set(&mut self, name: &str, value: Value) {
        match self.attributes.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name.to_owned(), value)),
        }
    }
}
