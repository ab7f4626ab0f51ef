//! Reading messages.

use super::{Error, Percent, percent};
use crate::model::{Attribute, Core, Data, Draft};
use crate::{DecodeError, Event, InvalidEvent, Limits, json, protobuf};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

/// How to read messages of one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Percent-decoding of header values in binary mode. Default strict.
    pub percent: Percent,
    /// Sizes.
    pub limits: Limits,
}

/// What a message holds, by content mode.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// One event: attributes in headers, data in the body.
    Binary(Event),
    /// One event in the body.
    Structured(Event),
    /// Zero or more events in the body.
    Batch(Vec<Event>),
}

impl Message {
    /// The events, in order.
    pub fn into_events(self) -> Vec<Event> {
        match self {
            Message::Binary(event) | Message::Structured(event) => vec![event],
            Message::Batch(events) => events,
        }
    }
}

/// Reads a message. The prefix of `Content-Type` decides on the mode, whatever its case; a message
/// that is none of CloudEvents is [`Error::NotCloudEvent`].
///
/// In binary mode an empty body is no data, and raw UTF-8 in headers is taken: common SDKs send it.
pub fn decode(headers: &HeaderMap, body: Bytes, options: &Options) -> Result<Message, Error> {
    let content_type = content_type(headers)?;
    let mode = content_type.and_then(suffix);
    if let (Some((_, "json")), Some(content_type)) = (mode, content_type) {
        utf8(content_type)?;
    }
    match mode {
        None => binary(headers, content_type, body, options).map(Message::Binary),
        Some((false, "json")) => {
            options.limits.event(body.len())?;
            Ok(Message::Structured(json::decode(body)?))
        }
        Some((false, "protobuf")) => {
            options.limits.event(body.len())?;
            Ok(Message::Structured(protobuf::decode(body)?))
        }
        Some((true, "json")) => Ok(Message::Batch(json::decode_batch(body, &options.limits)?)),
        Some((true, "protobuf")) => Ok(Message::Batch(protobuf::decode_batch(
            body,
            &options.limits,
        )?)),
        Some(_) => Err(Error::UnsupportedMediaType {
            found: content_type.unwrap_or_default().to_owned(),
        }),
    }
}

fn content_type(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::header(&CONTENT_TYPE, "occurs twice"));
    }
    first
        .map(HeaderValue::to_str)
        .transpose()
        .map_err(|_| Error::header(&CONTENT_TYPE, "holds something other than printable ASCII"))
}

/// Whether a CloudEvents media type is a batch, and its format in lower case. The empty string
/// stands for formats that are not known here.
fn suffix(content_type: &str) -> Option<(bool, &'static str)> {
    let tail = strip(content_type, "application/cloudevents")?;
    let (batch, tail) = match strip(tail, "-batch") {
        Some(tail) => (true, tail),
        None => (false, tail),
    };
    let format = tail.split(';').next().unwrap_or_default().trim();
    let known = ["json", "protobuf"]
        .into_iter()
        .find(|name| strip(format, "+").is_some_and(|format| format.eq_ignore_ascii_case(name)));
    Some((batch, known.unwrap_or_default()))
}

/// Refuses a media type with a `charset` other than UTF-8.
fn utf8(content_type: &str) -> Result<(), Error> {
    let Some((_, parameters)) = content_type.split_once(';') else {
        return Ok(());
    };
    // What nearly everybody writes.
    if parameters.trim().eq_ignore_ascii_case("charset=utf-8") {
        return Ok(());
    }
    let (mut quoted, mut escaped) = (false, false);
    let parameters = parameters.split(|c| {
        let ends = c == ';' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        ends
    });
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        let value = value.trim();
        let plain = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        if name.trim().eq_ignore_ascii_case("charset") && !plain.eq_ignore_ascii_case("utf-8") {
            return Err(Error::UnsupportedCharset {
                found: plain.to_owned(),
            });
        }
    }
    Ok(())
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

fn binary(
    headers: &HeaderMap,
    content_type: Option<&str>,
    body: Bytes,
    options: &Options,
) -> Result<Event, Error> {
    if !headers.contains_key("ce-specversion") {
        return Err(Error::NotCloudEvent);
    }
    let mut draft = Draft::with_capacity(256);
    let mut size = body.len();
    for (header, value) in headers {
        let Some(name) = header.as_str().strip_prefix("ce-") else {
            continue;
        };
        size += name.len() + value.len();
        options.limits.event(size)?;
        if name == Core::DataContentType.name() {
            return Err(Error::header(
                header,
                "must not be there in binary mode; Content-Type is the content type of the data",
            ));
        }
        let text = percent::decode(value.as_bytes(), options.percent)
            .map_err(|reason| Error::header(header, reason))?;
        draft
            .add(name, Attribute::String(&text))
            .map_err(|e| Error::header(header, e.reason))?;
    }
    if let Some(content_type) = content_type {
        draft
            .set(
                Core::DataContentType.name(),
                Attribute::String(content_type),
            )
            .map_err(|e| Error::header(&CONTENT_TYPE, e.reason))?;
    }
    options.limits.event(size)?;
    let data = (!body.is_empty()).then(|| Data::of(content_type, body));
    draft.finish(data).map_err(incomplete)
}

/// What is found at the end is a header that is missing or occurs twice.
fn incomplete(e: InvalidEvent) -> Error {
    match http::HeaderName::try_from(format!("ce-{}", e.attribute)) {
        Ok(name) => Error::Header {
            name,
            reason: e.reason,
        },
        Err(_) => Error::Decode(DecodeError::Invalid(e)),
    }
}
