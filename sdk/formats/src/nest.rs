//! Messages within messages: an S3 notification in a topic's message in a queue's message.

use crate::{Error, Format, MESSAGES_MAX, Message, pick};
use bytes::Bytes;
use http::HeaderMap;
use tradewind_event::Event;

/// How deep messages are looked for in messages. S3 over SNS over SQS is two deep.
pub const DEPTH_MAX: usize = 4;

/// What is read where another message carries it; anything else is the carrier's own content.
const CARRIED: &[&str] = &[
    "aws-event-bridge",
    "aws-s3",
    "aws-s3-test",
    "aws-sns",
    "cloud-events",
];

/// The events in one body, by the format that it gives itself away as. Where a message carries
/// another one that is recognised (S3, SNS, EventBridge or CloudEvents over SNS, SQS or Pub/Sub), the inner one
/// is the event, with the id, source and type that it has when it comes directly.
///
/// # Errors
/// Where no format is recognised, or as [`Format::decode`]; the message names the place.
pub fn decode(message: &Message<'_>) -> Result<Vec<Event>, Error> {
    let format = Format::detect(message).ok_or(Error::Unknown)?;
    unfold(format, message, DEPTH_MAX)
}

fn unfold(format: &Format, message: &Message<'_>, depth: usize) -> Result<Vec<Event>, Error> {
    let events = format.decode(message)?;
    let Some(path) = format.spec.inner.filter(|_| depth > 0) else {
        return Ok(events);
    };
    let carried: Vec<&Format> = CARRIED
        .iter()
        .filter_map(|name| Format::named(name))
        .collect();
    let mut all = Vec::with_capacity(events.len());
    for (index, event) in events.into_iter().enumerate() {
        let inner = event.data().and_then(|data| within(&data.bytes, path));
        let none = HeaderMap::new();
        let found = inner.as_ref().and_then(|body| {
            let message = Message {
                headers: &none,
                body,
            };
            let format = Format::detect_among(&message, &carried)?;
            Some(unfold(format, &message, depth - 1))
        });
        match found {
            None => all.push(event),
            Some(Ok(inner)) => all.extend(inner),
            Some(Err(error)) => {
                let place = place(format.spec.each, index, path);
                return Err(Error::Message(place, Box::new(error)));
            }
        }
        if all.len() > MESSAGES_MAX {
            return Err(Error::Body(format!(
                "more than {MESSAGES_MAX} messages in one body"
            )));
        }
    }
    Ok(all)
}

/// What may be a message: an object or a list.
fn within(data: &Bytes, path: &str) -> Option<Bytes> {
    let body = match path {
        "" => data.clone(),
        path => Bytes::from(pick::text(data, path)?.into_owned()),
    };
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[')).then_some(body)
}

fn place(each: Option<&str>, index: usize, path: &str) -> String {
    match (each, path) {
        (None, "") => "body".to_owned(),
        (None, path) => path.to_owned(),
        (Some(each), path) => format!("{each}[{index}].{path}"),
    }
}
