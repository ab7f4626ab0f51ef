//! Standard Webhooks: the sender chooses the payload, the operator says how to read it.

use crate::Error;
use crate::pick::pick;
use crate::time::rfc3339;
use bytes::Bytes;
use std::borrow::Cow;
use tradewind_event::Event;

/// How the messages of one sender become events.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'a> {
    /// `source` of every event.
    pub source: &'a str,
    /// Path of the JSON member that holds the type, dotted; the specification recommends `type`.
    pub type_from: &'a str,
    /// Type of messages without that member, or that are no JSON objects.
    pub fallback_type: &'a str,
}

/// Reads one message. `id` is the message id; `content_type` is as received.
///
/// `time` is the payload's `timestamp`, which the specification recommends. The signed
/// `webhook-timestamp` is not taken: it changes with each attempt, so that a repetition would be another
/// event under the same id.
///
/// # Errors
/// Where the parts make no valid event.
pub fn decode(
    mapping: Mapping<'_>,
    id: &str,
    content_type: Option<&str>,
    body: Bytes,
) -> Result<Event, Error> {
    let picked = pick(&body, &[mapping.type_from, "timestamp"]);
    let content_type = content_type.unwrap_or(match picked {
        Ok(_) => "application/json",
        Err(_) => "application/octet-stream",
    });
    // A body that is no JSON object is as good as any other: the sender proved who it is.
    let mut picked = picked.unwrap_or_default().into_iter();
    let ty = picked.next().flatten().map(Cow::into_owned);
    let time = picked
        .next()
        .flatten()
        .and_then(rfc3339)
        .map(Cow::into_owned);
    let mut builder = Event::builder(
        id,
        mapping.source,
        ty.unwrap_or_else(|| mapping.fallback_type.to_owned()),
    );
    if let Some(time) = time {
        builder = builder.time(time);
    }
    Ok(builder.data(content_type, body).build()?)
}
