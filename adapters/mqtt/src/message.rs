//! Messages to events.

use crate::wire::Incoming;
use bytes::Bytes;
use tradewind_adapter::{Error, Plain, event_or_plain};
use tradewind_brokers::unique;
use tradewind_event::broker::{self, Binding, Received};
use tradewind_event::{Event, Limits};

/// Type of the events that plain messages become.
pub(crate) const PLAIN: &str = "org.mqtt.Message";

/// The event that a message is, or that it becomes.
pub(crate) fn event(message: &Incoming, source: &str, limits: &Limits) -> Result<Event, Error> {
    let received = Received {
        headers: message
            .user
            .iter()
            .map(|(name, value)| (name.as_str(), Some(value.as_bytes()))),
        content_type: message.content_type.as_deref(),
        body: body(message),
    };
    let decoded = broker::decode(&Binding::MQTT, received, limits);
    event_or_plain(decoded, || plain(message, source), limits)
}

/// A message as it came. Nothing names it, so one that comes again is another event.
pub(crate) fn plain<'a>(message: &'a Incoming, source: &str) -> Plain<'a> {
    Plain {
        id: unique(),
        source: source.to_owned(),
        ty: PLAIN,
        subject: Some(&message.topic),
        content_type: message.content_type.as_deref(),
        body: body(message),
        ..Plain::default()
    }
}

fn body(message: &Incoming) -> Option<Bytes> {
    (!message.body.is_empty()).then(|| message.body.clone())
}
