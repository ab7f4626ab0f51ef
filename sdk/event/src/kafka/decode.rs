//! Reading records.

use crate::model::{Attribute, Core, Data, Draft};
use crate::{DecodeError, Event, InvalidEvent, Limits, json, protobuf};
use bytes::Bytes;

pub(super) const CONTENT_TYPE: &str = "content-type";
pub(super) const PREFIX: &str = "ce_";

/// Why a Kafka record could not be read as an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No CloudEvent: neither a CloudEvents media type nor a `ce_specversion` header.
    #[error(
        "no CloudEvent: there is neither a ce_specversion header (binary mode) nor a content-type \
         application/cloudevents+json"
    )]
    NotCloudEvent,
    /// A CloudEvents media type that is not read here; batches have no place in Kafka.
    #[error("content-type {found:?} is not supported; send application/cloudevents+json")]
    UnsupportedMediaType {
        /// The `content-type` that came.
        found: String,
    },
    /// A header cannot be right.
    #[error("header `{name}`: {reason}")]
    Header {
        /// The header.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An event in structured mode, and no value.
    #[error("structured mode, and the record has no value")]
    NoValue,
    /// The event itself.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Error {
    fn header(name: &str, reason: impl Into<String>) -> Self {
        Error::Header {
            name: name.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Reads a record. The prefix of `content-type` decides on the mode, whatever its case; a record that is none of
/// CloudEvents is [`Error::NotCloudEvent`]. A header without a value counts as one that is not there.
pub fn decode<'a>(
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    value: Option<Bytes>,
    limits: &Limits,
) -> Result<Event, Error> {
    let mut types = headers
        .clone()
        .filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE))
        .filter_map(|(_, value)| value);
    let content_type = types
        .next()
        .map(|value| text(CONTENT_TYPE, value))
        .transpose()?;
    if types.next().is_some() {
        return Err(Error::header(CONTENT_TYPE, "occurs twice"));
    }
    match content_type.and_then(format) {
        None => binary(headers, content_type, value, limits),
        Some(format) => {
            let value = value.ok_or(Error::NoValue)?;
            limits.event(value.len())?;
            match format {
                "+json" => Ok(json::decode(value)?),
                "+protobuf" => Ok(protobuf::decode(value)?),
                _ => Err(Error::UnsupportedMediaType {
                    found: content_type.unwrap_or_default().to_owned(),
                }),
            }
        }
    }
}

fn text<'a>(name: &str, value: &'a [u8]) -> Result<&'a str, Error> {
    std::str::from_utf8(value).map_err(|_| Error::header(name, "is not UTF-8"))
}

/// The format of a CloudEvents media type, with its `+`, in lower case; empty for one that is not known here.
fn format(content_type: &str) -> Option<&'static str> {
    const EVENT: &str = "application/cloudevents";
    let (head, tail) = content_type.split_at_checked(EVENT.len())?;
    if !head.eq_ignore_ascii_case(EVENT) {
        return None;
    }
    let tail = tail.split(';').next().unwrap_or_default().trim();
    let known = ["+json", "+protobuf"].into_iter();
    Some(
        known.fold("", |found, name| match tail.eq_ignore_ascii_case(name) {
            true => name,
            false => found,
        }),
    )
}

fn binary<'a>(
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    content_type: Option<&str>,
    value: Option<Bytes>,
    limits: &Limits,
) -> Result<Event, Error> {
    let attributes =
        headers.filter_map(|(name, value)| Some((name, name.strip_prefix(PREFIX)?, value?)));
    if !attributes
        .clone()
        .any(|(_, attribute, _)| attribute == "specversion")
    {
        return Err(Error::NotCloudEvent);
    }
    let mut draft = Draft::with_capacity(256);
    let mut size = value.as_ref().map_or(0, Bytes::len);
    for (name, attribute, value) in attributes {
        size += attribute.len() + value.len();
        limits.event(size)?;
        if attribute == Core::DataContentType.name() {
            return Err(Error::header(
                name,
                "must not be there in binary mode; content-type is the content type of the data",
            ));
        }
        let value = text(name, value)?;
        draft
            .add(attribute, Attribute::String(value))
            .map_err(|e| Error::header(name, e.reason))?;
    }
    if let Some(content_type) = content_type {
        draft
            .set(
                Core::DataContentType.name(),
                Attribute::String(content_type),
            )
            .map_err(|e| Error::header(CONTENT_TYPE, e.reason))?;
    }
    limits.event(size)?;
    let data = value.map(|value| Data::of(content_type, value));
    let incomplete = |e: InvalidEvent| Error::Header {
        name: format!("{PREFIX}{}", e.attribute),
        reason: e.reason,
    };
    draft.finish(data).map_err(incomplete)
}
