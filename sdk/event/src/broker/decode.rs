//! Reading messages.

use super::Binding;
use crate::http::{Percent, percent};
use crate::model::{Attribute, Core, Data, Draft};
use crate::{DecodeError, Event, InvalidEvent, Limits, json, protobuf};
use bytes::Bytes;
use std::borrow::Cow;

const CONTENT_TYPE: &str = "content-type";

/// Why a message could not be read as an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No CloudEvent: neither a CloudEvents media type nor a `specversion` of binary mode.
    #[error(
        "no CloudEvent: there is neither a {specversion} header (binary mode) nor a content-type \
         application/cloudevents+json"
    )]
    NotCloudEvent {
        /// The header that would say so.
        specversion: String,
    },
    /// A CloudEvents media type that is not read here; batches have no place in messages.
    #[error("content-type {found:?} is not supported; send application/cloudevents+json")]
    UnsupportedMediaType {
        /// The content type that came.
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
    /// An event in structured mode, and no body.
    #[error("structured mode, and the message has no value")]
    NoBody,
    /// The event itself.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Error {
    pub(crate) fn header(name: &str, reason: impl Into<String>) -> Self {
        Error::Header {
            name: name.to_owned(),
            reason: reason.into(),
        }
    }
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Received<'a, H> {
    /// Names and values. One without a value counts as one that is not there.
    pub headers: H,
    /// What the body is.
    pub content_type: Option<&'a str>,
    /// `None` where the broker tells an absent body from an empty one.
    pub body: Option<Bytes>,
}

/// Reads a message. The prefix of the content type decides on the mode, whatever its case; a message that is none of
/// CloudEvents is [`Error::NotCloudEvent`].
///
/// # Errors
/// What is wrong, with the header where it is one.
pub fn decode<'a, H>(
    binding: &Binding,
    message: Received<'a, H>,
    limits: &Limits,
) -> Result<Event, Error>
where
    H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
{
    let content_type = message.content_type;
    match content_type.and_then(format) {
        None => binary(binding, message, limits),
        Some(format) => {
            let body = message.body.ok_or(Error::NoBody)?;
            limits.event(body.len())?;
            match format {
                "+json" => Ok(json::decode(body)?),
                "+protobuf" => Ok(protobuf::decode(body)?),
                _ => Err(Error::UnsupportedMediaType {
                    found: content_type.unwrap_or_default().to_owned(),
                }),
            }
        }
    }
}

/// The format of a CloudEvents media type, with its `+`, in lower case; empty for one that is not known here.
fn format(content_type: &str) -> Option<&'static str> {
    const EVENT: &str = "application/cloudevents";
    let (head, tail) = content_type.split_at_checked(EVENT.len())?;
    if !head.eq_ignore_ascii_case(EVENT) {
        return None;
    }
    let tail = tail.split(';').next().unwrap_or_default().trim();
    let known = ["+json", "+protobuf"]
        .into_iter()
        .find(|name| tail.eq_ignore_ascii_case(name));
    Some(known.unwrap_or_default())
}

fn binary<'a, H>(
    binding: &Binding,
    message: Received<'a, H>,
    limits: &Limits,
) -> Result<Event, Error>
where
    H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
{
    let attributes = message.headers.filter_map(|(name, value)| {
        let attribute = binding.attribute(name)?;
        let upper = |b: u8| b.is_ascii_uppercase();
        let attribute = match binding.any_case && attribute.bytes().any(upper) {
            true => Cow::from(attribute.to_ascii_lowercase()),
            false => attribute.into(),
        };
        Some((name, attribute, value?))
    });
    if !attributes
        .clone()
        .any(|(_, attribute, _)| attribute == "specversion")
    {
        return Err(Error::NotCloudEvent {
            specversion: binding.name("specversion"),
        });
    }
    let mut draft = Draft::with_capacity(256);
    let mut size = message.body.as_ref().map_or(0, Bytes::len);
    for (name, attribute, value) in attributes {
        size += attribute.len() + value.len();
        limits.event(size)?;
        if attribute == Core::DataContentType.name() && !binding.data_content_type {
            return Err(Error::header(
                name,
                "must not be there in binary mode; content-type is the content type of the data",
            ));
        }
        let value = match binding.percent {
            true => percent::decode(value, Percent::Strict),
            false => std::str::from_utf8(value)
                .map(Cow::from)
                .map_err(|_| "is not UTF-8"),
        };
        let value = value.map_err(|reason| Error::header(name, reason))?;
        draft
            .add(&attribute, Attribute::String(&value))
            .map_err(|e| Error::header(name, e.reason))?;
    }
    // Where the attribute says it, the content type is only what a careless sender has put there besides.
    let named = draft.get(Core::DataContentType).map(str::to_owned);
    if let (None, Some(content_type)) = (&named, message.content_type) {
        draft
            .set(
                Core::DataContentType.name(),
                Attribute::String(content_type),
            )
            .map_err(|e| Error::header(CONTENT_TYPE, e.reason))?;
    }
    limits.event(size)?;
    let content_type = named.as_deref().or(message.content_type);
    let data = message.body.map(|body| Data::of(content_type, body));
    let incomplete = |e: InvalidEvent| Error::Header {
        name: binding.name(&e.attribute),
        reason: e.reason,
    };
    draft.finish(data).map_err(incomplete)
}
