//! Context attributes: their names and the CloudEvents type system.

use std::borrow::Cow;

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

impl<'a> Attribute<'a> {
    /// The canonical string of the value (CloudEvents 1.0, "Type System").
    pub fn to_canonical(&self) -> Cow<'a, str> {
        match *self {
            Attribute::Boolean(true) => "true".into(),
            Attribute::Boolean(false) => "false".into(),
            Attribute::Integer(n) => n.to_string().into(),
            Attribute::String(s)
            | Attribute::Binary(s)
            | Attribute::Uri(s)
            | Attribute::UriReference(s)
            | Attribute::Timestamp(s) => s.into(),
        }
    }

    pub(crate) fn text(ty: TextType, value: &'a str) -> Self {
        match ty {
            TextType::String => Attribute::String(value),
            TextType::Binary => Attribute::Binary(value),
            TextType::Uri => Attribute::Uri(value),
            TextType::UriReference => Attribute::UriReference(value),
            TextType::Timestamp => Attribute::Timestamp(value),
        }
    }

    /// The text and its type; `None` for the two types that are not text.
    pub(crate) fn as_text(&self) -> Option<(TextType, &'a str)> {
        match *self {
            Attribute::Boolean(_) | Attribute::Integer(_) => None,
            Attribute::String(s) => Some((TextType::String, s)),
            Attribute::Binary(s) => Some((TextType::Binary, s)),
            Attribute::Uri(s) => Some((TextType::Uri, s)),
            Attribute::UriReference(s) => Some((TextType::UriReference, s)),
            Attribute::Timestamp(s) => Some((TextType::Timestamp, s)),
        }
    }
}

/// The types that are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextType {
    String,
    Binary,
    Uri,
    UriReference,
    Timestamp,
}

/// The core attributes except `specversion`, which is always `1.0` and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    Id,
    Source,
    Type,
    Subject,
    Time,
    DataContentType,
    DataSchema,
}

impl Core {
    pub(crate) const ALL: [Core; 7] = [
        Core::Id,
        Core::Source,
        Core::Type,
        Core::Subject,
        Core::Time,
        Core::DataContentType,
        Core::DataSchema,
    ];
    pub(crate) const REQUIRED: [Core; 3] = [Core::Id, Core::Source, Core::Type];

    pub(crate) fn named(name: &str) -> Option<Core> {
        Some(match name {
            "id" => Core::Id,
            "source" => Core::Source,
            "type" => Core::Type,
            "subject" => Core::Subject,
            "time" => Core::Time,
            "datacontenttype" => Core::DataContentType,
            "dataschema" => Core::DataSchema,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Core::Id => "id",
            Core::Source => "source",
            Core::Type => "type",
            Core::Subject => "subject",
            Core::Time => "time",
            Core::DataContentType => "datacontenttype",
            Core::DataSchema => "dataschema",
        }
    }

    pub(crate) fn text_type(self) -> TextType {
        match self {
            Core::Source => TextType::UriReference,
            Core::Time => TextType::Timestamp,
            Core::DataSchema => TextType::Uri,
            Core::Id | Core::Type | Core::Subject | Core::DataContentType => TextType::String,
        }
    }
}
