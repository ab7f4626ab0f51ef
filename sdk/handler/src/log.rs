//! Telling the operator.

use crate::Delivery;
use std::fmt;
use tracing::Span;

/// To the program's `tracing` subscriber, or where it has none to standard error.
pub(crate) fn warn(handler: &str, delivery: &str, what: fmt::Arguments<'_>) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!(handler, delivery, "{what}");
    } else {
        eprintln!("warning: {handler}: delivery {delivery}: {what}");
    }
}

/// Whatever a handler logs by `tracing` stands in this: what it was about is told without its doing. Nothing of it
/// is put together where nobody listens.
pub(crate) fn span(handler: &str, delivery: &Delivery) -> Span {
    let Delivery { event, context } = delivery;
    tracing::info_span!(
        "event",
        handler,
        delivery = context.delivery_id(),
        attempt = context.attempt(),
        host = context.host().name(),
        traceparent = context.traceparent(),
        event.id = event.id(),
        event.source = event.source(),
        event.type = event.ty(),
    )
}
