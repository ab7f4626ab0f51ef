//! Traces, where the environment asks for them by the standard `OTEL_*` variables.
//!
//! Where it does not, no sink is wrapped and no span is made: a request is asked once whether it
//! brought a trace context, which events then carry on.

#[cfg(not(feature = "otel"))]
mod absent;
#[cfg(feature = "otel")]
mod course;
#[cfg(feature = "otel")]
mod environment;
#[cfg(feature = "otel")]
mod otel;
#[cfg(feature = "otel")]
mod sink;
#[cfg(feature = "otel")]
mod transport;

#[cfg(not(feature = "otel"))]
pub use absent::{Span, Telemetry};
#[cfg(feature = "otel")]
pub use otel::{Span, Telemetry};

use http::{HeaderMap, HeaderValue, Method};
use tradewind_adapter::{TRACEPARENT, TRACESTATE, TraceContext};
use tradewind_event::{Attribute, Event};

/// What a span says of a request. Words of the configuration only: what is asked for has no bounds, and a path may
/// hold what only its sender should know.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method, as it came.
    pub method: &'a Method,
    /// The path of the source or route, parameters by their names; `None` where nobody has it.
    pub path: Option<&'a str>,
    /// The name of the route; `None` for sources.
    pub route: Option<&'a str>,
    /// Whether it came by TLS.
    pub encrypted: bool,
    /// Where its trace context is.
    pub headers: &'a HeaderMap,
}

/// Whether the environment asks for traces.
fn wanted(var: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| var(name).is_some_and(|value| !value.is_empty());
    let disabled = var("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let exporter = var("OTEL_TRACES_EXPORTER").filter(|value| !value.is_empty());
    let endpoint = set("OTEL_EXPORTER_OTLP_ENDPOINT") || set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    !disabled
        && match exporter.as_deref() {
            Some(name) => name == "otlp",
            None => endpoint,
        }
}

/// Events that began in no trace begin in this one (CloudEvents, Distributed Tracing extension). Those
/// that did keep theirs.
pub(crate) fn stamp(events: Vec<Event>, trace: &TraceContext) -> Vec<Event> {
    let one = |event: Event| {
        if event.attribute(TRACEPARENT).is_some() {
            return event;
        }
        let stamped = event.with_attribute(TRACEPARENT, Attribute::String(&trace.parent));
        let stamped = stamped.and_then(|stamped| match &trace.state {
            Some(state) => stamped.with_attribute(TRACESTATE, Attribute::String(state)),
            None => Ok(stamped),
        });
        stamped.unwrap_or(event)
    };
    events.into_iter().map(one).collect()
}

/// Puts a trace context in place of the one that is there.
pub(crate) fn carry(trace: Option<&TraceContext>, headers: &mut HeaderMap) {
    let Some(trace) = trace else { return };
    // What was made by rule is a header value.
    if let Ok(parent) = HeaderValue::from_str(&trace.parent) {
        headers.insert(TRACEPARENT, parent);
    }
    match trace.state.as_deref().map(HeaderValue::from_str) {
        Some(Ok(state)) => headers.insert(TRACESTATE, state),
        _ => headers.remove(TRACESTATE),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_traces() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        for (set, asks) in [
            (&[][..], false),
            (&[endpoint], true),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], false),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/v1/traces")],
                true,
            ),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], true),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "none")], false),
            (&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")], false),
            (&[endpoint, ("OTEL_SDK_DISABLED", "no")], true),
        ] {
            let var = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(wanted(var), asks, "{set:?}");
        }
    }
}
