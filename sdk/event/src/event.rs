//! Interim model behind the final signatures.

use bytes::Bytes;
use std::sync::Arc;

/// The value of a context attribute, in the CloudEvents type system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Attribute<'a> {
    /// `Boolean`
    Boolean(bool),
    /// `Integer`, 32 bits, signed
    Integer(i32),
    /// `String`, and every attribute whose format carries no type
    String(&'a str),
    /// `Binary`, as its canonical base64 text
    Binary(&'a str),
    /// `URI`
    Uri(&'a str),
    /// `URI-reference`
    UriReference(&'a str),
    /// `Timestamp`, as its RFC 3339 text
    Timestamp(&'a str),
}

impl Attribute<'_> {
    /// The canonical string of the value (CloudEvents 1.0, "Type System").
    pub fn to_canonical(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Attribute::Boolean(true) => "true".into(),
            Attribute::Boolean(false) => "false".into(),
            Attribute::Integer(n) => n.to_string().into(),
            Attribute::String(s)
            | Attribute::Binary(s)
            | Attribute::Uri(s)
            | Attribute::UriReference(s)
            | Attribute::Timestamp(s) => (*s).into(),
        }
    }
}

/// An instant: whole seconds since the Unix epoch (may be negative) and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

/// How the bytes of `data` are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// A JSON value.
    Json,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// The payload, byte-exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The bytes as they were received.
    pub bytes: Bytes,
    /// How they are to be read.
    pub kind: DataKind,
}

/// Why an event is not a valid CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute `{attribute}`: {reason}")]
pub struct InvalidEvent {
    /// The offending attribute.
    pub attribute: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A CloudEvent 1.0. Owned, `'static`, cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    attributes: Arc<Vec<(String, Owned)>>,
    data: Option<Data>,
}

#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Boolean(bool),
    Integer(i32),
    String(String),
}

impl Event {
    /// Begins an event with its required attributes.
    pub fn builder(
        id: impl Into<String>,
        source: impl Into<String>,
        ty: impl Into<String>,
    ) -> Builder {
        let text = |name: &str, v: String| (name.to_owned(), Owned::String(v));
        Builder {
            attributes: vec![
                text("specversion", "1.0".into()),
                text("id", id.into()),
                text("source", source.into()),
                text("type", ty.into()),
            ],
            data: None,
        }
    }

    /// `id`
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }
    /// `source`
    pub fn source(&self) -> &str {
        self.text("source").unwrap_or_default()
    }
    /// `type`
    pub fn ty(&self) -> &str {
        self.text("type").unwrap_or_default()
    }
    /// `subject`
    pub fn subject(&self) -> Option<&str> {
        self.text("subject")
    }
    /// `time` as it was written; see [`Event::time`] for the instant.
    pub fn time_text(&self) -> Option<&str> {
        self.text("time")
    }
    /// `time` as an instant, parsed on demand.
    pub fn time(&self) -> Option<Timestamp> {
        None
    }
    /// `datacontenttype`
    pub fn data_content_type(&self) -> Option<&str> {
        self.text("datacontenttype")
    }
    /// `dataschema`
    pub fn data_schema(&self) -> Option<&str> {
        self.text("dataschema")
    }
    /// Any attribute, core or extension, by name.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        self.attributes().find(|(n, _)| *n == name).map(|(_, v)| v)
    }
    /// All attributes, `specversion` first, core before extensions.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Attribute<'_>)> {
        self.attributes.iter().map(|(n, v)| {
            let value = match v {
                Owned::Boolean(b) => Attribute::Boolean(*b),
                Owned::Integer(i) => Attribute::Integer(*i),
                Owned::String(s) => Attribute::String(s),
            };
            (n.as_str(), value)
        })
    }
    /// Extension attributes only.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, Attribute<'_>)> {
        const CORE: [&str; 8] = [
            "specversion",
            "id",
            "source",
            "type",
            "subject",
            "time",
            "datacontenttype",
            "dataschema",
        ];
        self.attributes().filter(|(n, _)| !CORE.contains(n))
    }
    /// The payload, if there is one. JSON `null` is a payload; no data is none.
    pub fn data(&self) -> Option<&Data> {
        self.data.as_ref()
    }
    /// The payload parsed as JSON; `None` without data or where it is not JSON.
    pub fn data_json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.data.as_ref()?.bytes).ok()
    }
    /// The same event with one attribute set, as an overlay: the buffer is shared.
    pub fn with_attribute(&self, name: &str, value: Attribute<'_>) -> Result<Event, InvalidEvent> {
        let mut attributes = (*self.attributes).clone();
        attributes.retain(|(n, _)| n != name);
        let value = match value {
            Attribute::Boolean(b) => Owned::Boolean(b),
            Attribute::Integer(i) => Owned::Integer(i),
            other => Owned::String(other.to_canonical().into_owned()),
        };
        attributes.push((name.to_owned(), value));
        Ok(Event {
            attributes: Arc::new(attributes),
            data: self.data.clone(),
        })
    }
    /// Checks every rule of CloudEvents 1.0 that a single event must obey.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        Ok(())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .and_then(|(_, v)| match v {
                Owned::String(s) => Some(s.as_str()),
                _ => None,
            })
    }
}

/// Builds an [`Event`] from parts; [`Builder::build`] validates.
#[derive(Debug, Clone)]
pub struct Builder {
    attributes: Vec<(String, Owned)>,
    data: Option<Data>,
}

impl Builder {
    /// Sets `subject`.
    pub fn subject(self, v: impl Into<String>) -> Self {
        self.text("subject", v.into())
    }
    /// Sets `time`, RFC 3339.
    pub fn time(self, v: impl Into<String>) -> Self {
        self.text("time", v.into())
    }
    /// Sets `dataschema`.
    pub fn data_schema(self, v: impl Into<String>) -> Self {
        self.text("dataschema", v.into())
    }
    /// Sets an extension attribute.
    pub fn extension(mut self, name: &str, value: Attribute<'_>) -> Self {
        let value = match value {
            Attribute::Boolean(b) => Owned::Boolean(b),
            Attribute::Integer(i) => Owned::Integer(i),
            other => Owned::String(other.to_canonical().into_owned()),
        };
        self.attributes.push((name.to_owned(), value));
        self
    }
    /// Sets the payload and `datacontenttype`; the kind follows from the content type.
    pub fn data(mut self, content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let content_type = content_type.into();
        let kind = if content_type.contains("json") {
            DataKind::Json
        } else {
            DataKind::Binary
        };
        self.data = Some(Data {
            bytes: bytes.into(),
            kind,
        });
        self.text("datacontenttype", content_type)
    }
    /// The event, if it is valid.
    pub fn build(self) -> Result<Event, InvalidEvent> {
        Ok(Event {
            attributes: Arc::new(self.attributes),
            data: self.data,
        })
    }
    fn text(mut self, name: &str, v: String) -> Self {
        self.attributes.push((name.to_owned(), Owned::String(v)));
        self
    }
}
