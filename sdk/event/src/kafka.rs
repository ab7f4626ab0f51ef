//! The Kafka binding: binary and structured content mode.
//!
//! [`decode`] reads the headers and the value of a record; the `encode_*` functions make them. Follows the Kafka
//! protocol binding of CloudEvents 1.0.2 §3, with the null values of 1.0.3-wip: a record in binary mode whose event
//! has no data has no value, which log compaction takes for a deletion.

use crate::broker::{self, Binding, Message, Received};
use crate::{Event, Limits};
use bytes::Bytes;

pub use crate::broker::Error;

const CONTENT_TYPE: &str = "content-type";

/// Headers and value of a record. The key is the sender's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Names and values, UTF-8.
    pub headers: Vec<(String, String)>,
    /// `None` for an event without data in binary mode.
    pub value: Option<Bytes>,
}

/// Reads a record, as [`broker::decode`] does. A header without a value counts as one that is not there.
///
/// # Errors
/// What is wrong, with the header where it is one.
pub fn decode<'a>(
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    value: Option<Bytes>,
    limits: &Limits,
) -> Result<Event, Error> {
    let mut types = headers
        .clone()
        .filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE))
        .filter_map(|(_, value)| value);
    let content_type = types.next().map(std::str::from_utf8).transpose();
    let content_type = content_type.map_err(|_| Error::header(CONTENT_TYPE, "is not UTF-8"))?;
    if types.next().is_some() {
        return Err(Error::header(CONTENT_TYPE, "occurs twice"));
    }
    let message = Received {
        headers,
        content_type,
        body: value,
    };
    broker::decode(&Binding::KAFKA, message, limits)
}

/// A record in binary mode: `data` is the value, as it is.
pub fn encode_binary(event: &Event) -> Record {
    record(broker::encode_binary(&Binding::KAFKA, event))
}

/// A record in structured mode, as JSON.
pub fn encode_structured(event: &Event) -> Record {
    record(broker::encode_structured(event))
}

fn record(message: Message) -> Record {
    let mut headers = message.headers;
    let content_type = message.content_type;
    headers.extend(content_type.map(|content_type| (CONTENT_TYPE.into(), content_type)));
    Record {
        headers,
        value: message.body,
    }
}
