//! Bodies that are no CloudEvents, read as what a provider sends.

use crate::{Error, ErrorKind};
use bytes::Bytes;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tradewind_event::Event;
use tradewind_formats::{self as formats, Format, Message, Spec};

/// How such bodies are read.
#[derive(Debug)]
pub enum Foreign {
    /// As the format that they give themselves away as.
    Auto,
    /// As this one.
    Format(&'static Format),
    /// By templates of the configuration.
    Mapping(Box<formats::Mapping>),
}

impl Foreign {
    /// What the settings say; `None` where they say nothing.
    ///
    /// # Errors
    /// Where they say both, or one that is none.
    pub fn new(format: Option<&str>, mapping: Option<&Mapping>) -> Result<Option<Self>, Error> {
        match (format, mapping) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                let reason = "`format` and `mapping` are two ways of reading a body: keep one";
                Err(invalid("mapping", reason.into()))
            }
            (None, Some(mapping)) => {
                let mapping = mapping.read()?;
                Ok(Some(Self::Mapping(Box::new(mapping))))
            }
            (Some("auto"), None) => Ok(Some(Self::Auto)),
            (Some(name), None) => match Format::named(name) {
                Some(format) => Ok(Some(Self::Format(format))),
                None => {
                    let reason = format!("unknown format `{name}` (hint: {})", hint(name));
                    Err(invalid("format", reason))
                }
            },
        }
    }

    /// The events in a body.
    ///
    /// # Errors
    /// Where the body is not what its format says.
    pub fn events(&self, headers: &HeaderMap, body: &Bytes) -> Result<Vec<Event>, formats::Error> {
        let message = Message { headers, body };
        match self {
            Self::Auto => formats::decode(&message),
            Self::Format(format) => format.decode(&message),
            Self::Mapping(mapping) => mapping.decode(&message),
        }
    }
}

/// Where the attributes of an event are found. A template is text with places in it: `{order.id}` is a
/// scalar of the message, `{^region}` one of the document around it, `{@x-request-id}` a header, `{#}`
/// a digest of the message; `{a|b}` is the first that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mapping {
    /// Path of the list whose elements are the messages, for instance `records`. Default: the body is
    /// one message.
    #[serde(default)]
    pub each: Option<String>,
    /// `id`. Default `{#}`: equal messages count as one event within the deduplication window.
    #[serde(default = "digest")]
    pub id: String,
    /// `source`
    pub source: String,
    /// `type`
    #[serde(rename = "type")]
    pub ty: String,
    /// `subject`. Default: none.
    #[serde(default)]
    pub subject: Option<String>,
    /// `time`, RFC 3339 or seconds or milliseconds since the Unix epoch. Default: none.
    #[serde(default)]
    pub time: Option<String>,
    /// Extension attributes by name; one that cannot be filled is left out. Default: none.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
}

fn digest() -> String {
    "{#}".to_owned()
}

impl Mapping {
    fn read(&self) -> Result<formats::Mapping, Error> {
        fn one(text: &Option<String>) -> Vec<&str> {
            text.as_deref().into_iter().collect()
        }
        let extensions: Vec<(&str, &str)> = self
            .extensions
            .iter()
            .map(|(name, template)| (name.as_str(), template.as_str()))
            .collect();
        formats::Mapping::new(&Spec {
            name: "mapping",
            each: self.each.as_deref(),
            id: &[&self.id],
            source: &[&self.source],
            ty: &[&self.ty],
            subject: &one(&self.subject),
            time: &one(&self.time),
            extensions: &extensions,
            ..Spec::NONE
        })
        .map_err(|e| invalid("mapping", e.to_string()))
    }
}

/// The formats that may be meant: there are too many to list them all.
fn hint(wrong: &str) -> String {
    const MAX: usize = 6;
    let letters = |name: &str| name.replace(['-', '_', ' ', '.'], "").to_lowercase();
    let names = Format::all().iter().map(|format| format.spec.name);
    let near: Vec<&str> = match letters(wrong) {
        wrong if wrong.len() < 2 => Vec::new(),
        wrong => names
            .filter(|name| letters(name).contains(&wrong) || wrong.contains(&letters(name)))
            .take(MAX)
            .collect(),
    };
    match near.is_empty() {
        true => "write `auto`, or a name of docs/reference/formats.md".to_owned(),
        false => format!("perhaps {}", near.join(", ")),
    }
}

fn invalid(place: &'static str, message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, place, message)
}
