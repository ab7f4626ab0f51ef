//! Messages within messages: an S3 notification in a topic's message in a queue's message.

use crate::{Among, Error, Format, MESSAGES_MAX, Message, pick};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use std::sync::LazyLock;
use tradewind_event::Event;

/// How deep messages are looked for in messages. S3 over SNS over SQS is two deep.
pub const DEPTH_MAX: usize = 4;

/// What is read where another message carries it; anything else is the carrier's own content.
static CARRIED: LazyLock<Among> = LazyLock::new(|| {
    Among::of(&[
        "aws-event-bridge",
        "aws-s3",
        "aws-s3-test",
        "aws-sns",
        "cloud-events",
    ])
});

/// CloudEvents.
pub(crate) static EVENTS: LazyLock<Among> = LazyLock::new(|| Among::of(&["cloud-events"]));

/// What AWS itself puts into queues; each may hold another.
pub(crate) static AWS: LazyLock<Among> =
    LazyLock::new(|| Among::of(&["aws-event-bridge", "aws-s3", "aws-s3-test", "aws-sns"]));

/// The events in a body that is one of these, also in Base64; `None` where it is none, or cannot be read.
pub(crate) fn opened(among: &Among, body: &Bytes) -> Option<Vec<Event>> {
    let body = within(body, "")?;
    let message = Message {
        headers: &HeaderMap::new(),
        body: &body,
    };
    let format = among.detect(&message)?;
    unfold(format, &message, DEPTH_MAX - 1).ok()
}

/// The events in one body, by the format that it gives itself away as. Where a message carries
/// another one that is recognised (S3, SNS, EventBridge or CloudEvents over SNS, SQS, Kinesis, Kafka or Pub/Sub), the inner one
/// is the event, with the id, source and type that it has when it comes directly.
///
/// # Errors
/// Where no format is recognised, or as [`Format::decode`]; the message names the place.
pub fn decode(message: &Message<'_>) -> Result<Vec<Event>, Error> {
    let format = Format::detect(message).ok_or(Error::Unknown)?;
    unfold(format, message, DEPTH_MAX)
}

/// One element of a body, and the events that it stands for.
#[derive(Debug)]
pub struct Carried {
    /// The element itself: what a queue, a stream or a topic handed over.
    pub carrier: Event,
    /// What it carries, or itself; or why what it carries cannot be read.
    pub events: Result<Vec<Event>, Error>,
}

/// As [`decode`], but element by element: for those who settle each on its own. One that carries
/// something malformed spoils no other.
///
/// # Errors
/// Where no format is recognised, or an element is none of its provider.
pub fn decode_each(message: &Message<'_>) -> Result<(&'static Format, Vec<Carried>), Error> {
    let format = Format::detect(message).ok_or(Error::Unknown)?;
    let carried = carriers(format, message, DEPTH_MAX)?;
    Ok((format, carried))
}

fn unfold(format: &Format, message: &Message<'_>, depth: usize) -> Result<Vec<Event>, Error> {
    let mut all = Vec::new();
    for (index, carrier) in format.decode(message)?.into_iter().enumerate() {
        match carried(format, &carrier, depth) {
            None => all.push(carrier),
            Some(events) => all.extend(events.map_err(|error| {
                let inner = format.spec.inner.unwrap_or_default();
                let place = place(format.spec.each, index, inner);
                Error::Message(place, Box::new(error))
            })?),
        }
        if all.len() > MESSAGES_MAX {
            return Err(too_many());
        }
    }
    Ok(all)
}

fn carriers(format: &Format, message: &Message<'_>, depth: usize) -> Result<Vec<Carried>, Error> {
    let mut count = 0;
    let mut carry = |carrier: Event| {
        let events = carried(format, &carrier, depth);
        let events = events.unwrap_or_else(|| Ok(vec![carrier.clone()]));
        count += events.as_ref().map_or(1, Vec::len);
        match count > MESSAGES_MAX {
            true => Err(too_many()),
            false => Ok(Carried { carrier, events }),
        }
    };
    format
        .decode(message)?
        .into_iter()
        .map(&mut carry)
        .collect()
}

/// The events in a message that is recognised within another one; `None`: there is none.
fn carried(format: &Format, carrier: &Event, depth: usize) -> Option<Result<Vec<Event>, Error>> {
    let path = format.spec.inner.filter(|_| depth > 0)?;
    let body = within(&carrier.data()?.bytes, path)?;
    let none = HeaderMap::new();
    let message = Message {
        headers: &none,
        body: &body,
    };
    let format = CARRIED.detect(&message)?;
    Some(unfold(format, &message, depth - 1))
}

fn too_many() -> Error {
    Error::Body(format!("more than {MESSAGES_MAX} messages in one body"))
}

/// What may be a message: an object or a list, also in Base64, which no JSON text can be taken for.
fn within(data: &Bytes, path: &str) -> Option<Bytes> {
    let body = match path {
        "" => data.clone(),
        path => Bytes::from(pick::text(data, path)?.into_owned()),
    };
    if is_open(&body) {
        return Some(body);
    }
    let decoded = Bytes::from(STANDARD.decode(&body).ok()?);
    is_open(&decoded).then_some(decoded)
}

fn is_open(body: &[u8]) -> bool {
    let mut bytes = pick::unmarked(body).iter();
    let first = bytes.find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

fn place(each: Option<&str>, index: usize, path: &str) -> String {
    match (each, path) {
        (None, "") => "body".to_owned(),
        (None, path) => path.to_owned(),
        (Some(each), path) => format!("{each}[{index}].{path}"),
    }
}
