//! What a request says about the delivery.

use crate::Context;
use http::{HeaderMap, HeaderName};
use tradewind_event::Event;

const DELIVERY_ID: HeaderName = HeaderName::from_static("tradewind-delivery-id");
const ATTEMPT: HeaderName = HeaderName::from_static("tradewind-attempt");
const SUBSCRIPTION: HeaderName = HeaderName::from_static("tradewind-subscription");
const REPLAY: HeaderName = HeaderName::from_static("tradewind-replay");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
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
    // The hop's own before the one in which the event began.
    let of_event = |name| Some(event.attribute(name)?.to_canonical().into_owned());
    if let Some(parent) = text(headers, &TRACEPARENT) {
        context = context.with_trace(parent, text(headers, &TRACESTATE).map(Into::into));
    } else if let Some(parent) = of_event("traceparent") {
        context = context.with_trace(parent, of_event("tracestate"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_event::Attribute;

    #[test]
    fn the_trace_of_the_hop_stands_above_that_of_the_event() {
        let plain = Event::builder("1", "/s", "t").build().unwrap();
        let own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let traced = plain.with_attribute("traceparent", Attribute::String(own));
        let traced = traced.unwrap();
        let hop = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01";
        let mut headers = HeaderMap::new();
        let found = |headers: &HeaderMap, event: &Event| {
            let context = context(headers, event, None);
            let own = |text: Option<&str>| text.map(str::to_owned);
            (own(context.traceparent()), own(context.tracestate()))
        };
        assert_eq!(found(&headers, &plain), (None, None));
        assert_eq!(found(&headers, &traced), (Some(own.into()), None));
        headers.insert(TRACEPARENT, hop.parse().unwrap());
        headers.insert(TRACESTATE, "a=b".parse().unwrap());
        let expected = (Some(hop.into()), Some("a=b".into()));
        assert_eq!(found(&headers, &traced), expected);
    }
}
