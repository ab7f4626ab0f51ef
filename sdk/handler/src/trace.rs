//! A span around each call of a handler, by the program's global OpenTelemetry provider. Where there
//! is none it costs nothing and changes nothing.

use crate::{Context, Delivery, Event, Outcome};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{
    FutureExt, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context as Traced, InstrumentationScope, KeyValue, global};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::future::Future;

/// Handles a delivery in a span below the one that it names; `handle` sees its own span as the one
/// to go below, in the context and as OpenTelemetry's current one.
pub(crate) async fn traced<F>(
    handler: &str,
    delivery: Delivery,
    handle: impl FnOnce(Delivery) -> F,
) -> Outcome
where
    F: Future<Output = Outcome>,
{
    let span = Span(begin(handler, &delivery));
    let Delivery { event, context } = delivery;
    let context = match below(span.0.span().span_context()) {
        Some((parent, state)) => context.with_trace(parent, state),
        None => context,
    };
    let outcome = handle(Delivery { event, context })
        .with_context(span.0.clone())
        .await;
    span.end(&outcome);
    outcome
}

fn begin(handler: &str, delivery: &Delivery) -> Traced {
    let Delivery { event, context } = delivery;
    let scope = InstrumentationScope::builder("tradewind").with_version(env!("CARGO_PKG_VERSION"));
    let tracer = global::tracer_provider().tracer_with_scope(scope.build());
    let above =
        TraceContextPropagator::new().extract_with_context(&Traced::new(), &Carrier(context));
    let span = tracer
        .span_builder(format!("process {handler}"))
        .with_kind(SpanKind::Consumer)
        .with_attributes(attributes(handler, event, context))
        .start_with_context(&tracer, &above);
    above.with_span(span)
}

/// Named by the OpenTelemetry conventions for messaging and CloudEvents.
fn attributes(handler: &str, event: &Event, context: &Context) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("messaging.operation.type", "process"),
        KeyValue::new("tradewind.handler", handler.to_owned()),
        KeyValue::new("tradewind.delivery.id", context.delivery_id().to_owned()),
        KeyValue::new("tradewind.attempt", i64::from(context.attempt())),
        KeyValue::new("cloudevents.event_id", event.id().to_owned()),
        KeyValue::new("cloudevents.event_source", event.source().to_owned()),
        KeyValue::new("cloudevents.event_type", event.ty().to_owned()),
    ];
    if let Some(subscription) = context.subscription() {
        attributes.push(KeyValue::new(
            "tradewind.subscription",
            subscription.to_owned(),
        ));
    }
    attributes
}

/// `traceparent` and `tracestate` of what goes below a span.
fn below(span: &SpanContext) -> Option<(String, Option<String>)> {
    span.is_valid().then(|| {
        let flags = span.trace_flags().to_u8() & 1;
        let parent = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
        let state = span.trace_state().header();
        (parent, (!state.is_empty()).then_some(state))
    })
}

struct Span(Traced);

impl Span {
    fn end(self, outcome: &Outcome) {
        let span = self.0.span();
        let (error, reason) = match outcome {
            Outcome::Ack | Outcome::Reply(_) | Outcome::Respond(_) => return span.end(),
            Outcome::Each(outcomes) => {
                let failed =
                    |one: &&Outcome| matches!(one, Outcome::Retry { .. } | Outcome::Reject { .. });
                let failed = outcomes.iter().filter(failed).count();
                if failed > 0 {
                    let reason = format!("{failed} of {} events failed", outcomes.len());
                    span.set_attribute(KeyValue::new("error.type", "retry"));
                    span.set_status(Status::error(reason));
                }
                return span.end();
            }
            Outcome::Retry { reason, .. } => ("retry", reason),
            Outcome::Reject { reason, .. } => ("reject", reason),
        };
        span.set_attribute(KeyValue::new("error.type", error));
        span.set_status(Status::error(reason.clone()));
        span.end();
    }
}

/// A handler that panicked, or was cancelled at its deadline, has no outcome.
impl Drop for Span {
    fn drop(&mut self) {
        let span = self.0.span();
        if span.is_recording() {
            span.set_attribute(KeyValue::new("error.type", "unfinished"));
            span.set_status(Status::error("panicked, or cancelled at its deadline"));
            span.end();
        }
    }
}

struct Carrier<'a>(&'a Context);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.0.traceparent(),
            "tracestate" => self.0.tracestate(),
            _ => None,
        }
    }
    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}
