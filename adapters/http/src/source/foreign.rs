//! Bodies that are no CloudEvents, read as what a provider sends.

use super::config::{Config, Mapping};
use super::invalid;
use bytes::Bytes;
use http::HeaderMap;
use tradewind_adapter::Error;
use tradewind_event::Event;
use tradewind_formats::{self as formats, Format, Message, Spec};

/// How such bodies are read.
#[derive(Debug)]
pub(crate) enum Foreign {
    /// As the format that they give themselves away as.
    Auto,
    /// As this one.
    Format(&'static Format),
    /// By templates of the configuration.
    Mapping(formats::Mapping),
}

impl Foreign {
    /// What the settings say; `None` where they say nothing.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>, Error> {
        match (config.format.as_deref(), &config.mapping) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                let reason = "`format` and `mapping` are two ways of reading a body: keep one";
                Err(invalid("mapping", reason.into()))
            }
            (None, Some(mapping)) => mapping.read().map(Self::Mapping).map(Some),
            (Some("auto"), None) => Ok(Some(Self::Auto)),
            (Some(name), None) => match Format::named(name) {
                Some(format) => Ok(Some(Self::Format(format))),
                None => {
                    let names: Vec<&str> = Format::all().iter().map(|f| f.spec.name).collect();
                    let reason = format!(
                        "unknown format `{name}` (there are: auto, {})",
                        names.join(", ")
                    );
                    Err(invalid("format", reason))
                }
            },
        }
    }

    /// The events in a body.
    pub(crate) fn events(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Vec<Event>, formats::Error> {
        let message = Message { headers, body };
        match self {
            Self::Auto => Format::detect(&message)
                .ok_or(formats::Error::Unknown)?
                .decode(&message),
            Self::Format(format) => format.decode(&message),
            Self::Mapping(mapping) => mapping.decode(&message),
        }
    }
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
