//! What a request says about the delivery.

use crate::Context;
use http::{HeaderMap, HeaderName};
use tradewind_event::Event;

const DELIVERY_ID: HeaderName = HeaderName::from_static("tradewind-delivery-id");
const ATTEMPT: HeaderName = HeaderName::from_static("tradewind-attempt");
const SUBSCRIPTION: HeaderName = HeaderName::from_static("tradewind-subscription");
const REPLAY: HeaderName = HeaderName::from_static("tradewind-replay");
/// What senders of Standard Webhooks call the delivery id.
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");

/// The delivery id that the sender gives to the whole request.
pub(crate) fn delivery_id(headers: &HeaderMap) -> Option<&str> {
    text(headers, &DELIVERY_ID).or_else(|| text(headers, &WEBHOOK_ID))
}

/// The circumstances of one event; `index` is its place in a batch.
pub(crate) fn context(headers: &HeaderMap, event: &Event, index: Option<usize>) -> Context {
    let id = match (delivery_id(headers), index) {
        (Some(id), None) => id.to_owned(),
        (Some(id), Some(index)) => format!("{id}/{index}"),
        (None, _) => format!("{} {}", event.source(), event.id()),
    };
    let attempt = text(headers, &ATTEMPT).and_then(|attempt| attempt.parse().ok());
    let mut context = Context::new(id).with_attempt(attempt.unwrap_or(1));
    if let Some(name) = text(headers, &SUBSCRIPTION) {
        context = context.with_subscription(name);
    }
    if let Some(id) = text(headers, &REPLAY) {
        context = context.with_replay(id);
    }
    context
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
}
