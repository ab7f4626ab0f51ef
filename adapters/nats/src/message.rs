//! Messages to events and back.

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use tradewind_adapter::{Error, Plain, event_or_plain};
use tradewind_event::broker::{self, Binding, Received};
use tradewind_event::{Event, Limits};

/// Type of the events that plain messages become.
pub(crate) const PLAIN: &str = "io.nats.Message";
const CONTENT_TYPE: &str = "content-type";

/// What names a message that is no CloudEvent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// The same whenever it comes again.
    pub(crate) id: String,
    /// RFC 3339.
    pub(crate) time: Option<String>,
}

/// The event that a message is, or that it becomes.
pub(crate) fn event(
    message: &Message,
    place: Place,
    source: &str,
    limits: &Limits,
) -> Result<Event, Error> {
    let all = headers(message);
    let received = Received {
        headers: all.iter().map(|(name, value)| (*name, Some(*value))),
        content_type: content_type(message),
        body: body(message),
    };
    let decoded = broker::decode(&Binding::NATS, received, limits);
    event_or_plain(decoded, || plain(message, place, source), limits)
}

/// A message as it came.
pub(crate) fn plain<'a>(message: &'a Message, place: Place, source: &str) -> Plain<'a> {
    Plain {
        id: place.id,
        source: source.to_owned(),
        ty: PLAIN,
        subject: Some(message.subject.as_str()),
        time: place.time,
        content_type: content_type(message),
        body: body(message),
        ..Plain::default()
    }
}

/// NATS has no message without a body; an empty one is none, as in HTTP.
fn body(message: &Message) -> Option<Bytes> {
    (!message.payload.is_empty()).then(|| message.payload.clone())
}

fn headers(message: &Message) -> Vec<(&str, &[u8])> {
    let all = message.headers.iter().flat_map(HeaderMap::iter);
    all.flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values
            .iter()
            .map(move |value| (name, value.as_str().as_bytes()))
    })
    .collect()
}

fn content_type(message: &Message) -> Option<&str> {
    let all = message.headers.iter().flat_map(HeaderMap::iter);
    let mut found = all.filter(|(name, _)| {
        let name: &str = name.as_ref();
        name.eq_ignore_ascii_case(CONTENT_TYPE)
    });
    found.next()?.1.first().map(|value| value.as_str())
}

/// Headers and body to send.
pub(crate) fn encode(message: broker::Message) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    for (name, value) in &message.headers {
        headers.insert(name.as_str(), value.as_str());
    }
    if let Some(content_type) = &message.content_type {
        headers.insert("Content-Type", content_type.as_str());
    }
    (headers, message.body.unwrap_or_default())
}
