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

/// The circumstances of one event; `place` is its index in a batch and the size of that.
pub(crate) fn context(
    headers: &HeaderMap,
    event: &Event,
    place: Option<(usize, usize)>,
) -> Context {
    let id = match (delivery_id(headers), place) {
        (Some(id), None) => id.to_owned(),
        (Some(ids), Some((index, count))) => one_of(ids, index, count),
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

/// The id of one delivery of a batch. A gateway lists them; anything else is an id of the request.
fn one_of(ids: &str, index: usize, count: usize) -> String {
    match ids.split(',').nth(index) {
        Some(id) if ids.split(',').count() == count => id.trim().to_owned(),
        _ => format!("{ids}/{index}"),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
}
