//! Spans by OpenTelemetry, sent by OTLP over HTTP.

use super::Asked;
use super::course::Course;
use super::environment;
use super::sink::Traced;
use super::transport::Transport;
use crate::admin::Metrics;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::WithHttpConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span as SdkSpan};
use std::sync::Arc;
use tradewind_adapter::{Delivery, Reason, Sink, TRACEPARENT, TRACESTATE, TraceContext};

/// Makes spans and sends them.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
}

/// A span under way.
#[derive(Debug)]
pub struct Span(SdkSpan);

impl Telemetry {
    /// By the environment: `None` where it asks for no traces. Endpoint, headers, sampler, limits,
    /// batches and resource are those of the standard variables. What becomes of the batches is counted.
    ///
    /// # Errors
    /// For variables that make no sense.
    pub fn from_env(metrics: &Arc<Metrics>) -> Result<Option<Arc<Self>>, String> {
        let var = |name: &str| std::env::var(name).ok();
        if !super::wanted(var) {
            return Ok(None);
        }
        environment::protocol(var)?;
        let course = Course::new(Arc::clone(metrics));
        let transport = Transport::new(course, environment::deadline(var))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(transport)
            .build()
            .map_err(|error| format!("traces cannot be sent: {error}"))?;
        let mut resource = Resource::builder()
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if !environment::is_named(var) {
            resource = resource.with_service_name("tradewind");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Arc::new(Self::by(provider))))
    }

    fn by(provider: SdkTracerProvider) -> Self {
        Self {
            tracer: provider.tracer("tradewind"),
            propagator: TraceContextPropagator::new(),
            provider,
        }
    }

    /// The span of a request.
    pub fn request(&self, asked: Asked<'_>) -> Span {
        let above = TraceContext::of_headers(asked.headers).map(|trace| self.remote(&trace));
        // Names are few: what is no method of HTTP has none (RFC 9110, section 9).
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = known.iter().find(|known| **known == asked.method.as_str());
        let method = method.copied().unwrap_or("_OTHER");
        let scheme = if asked.encrypted { "https" } else { "http" };
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.scheme", scheme),
        ];
        if let Some(path) = asked.path {
            attributes.push(KeyValue::new("http.route", path.to_owned()));
            attributes.push(KeyValue::new("url.path", path.to_owned()));
        }
        if let Some(route) = asked.route {
            attributes.push(KeyValue::new("tradewind.route", route.to_owned()));
        }
        let name = asked.route.or(asked.path).unwrap_or_default();
        let span = self
            .tracer
            .span_builder(format!("{method} {name}").trim_end().to_owned())
            .with_kind(SpanKind::Server)
            .with_attributes(attributes);
        Span(span.start_with_context(&self.tracer, &above.unwrap_or_default()))
    }

    /// The span of an attempt: below the one in which its event began, or, for several events, linked
    /// to theirs.
    pub(super) fn attempt(&self, batch: &[Delivery]) -> Span {
        let mut above: Vec<Context> = batch
            .iter()
            .filter_map(|delivery| TraceContext::of_event(&delivery.event))
            .map(|trace| self.remote(&trace))
            .collect();
        let mut attributes = vec![
            KeyValue::new("messaging.system", "tradewind"),
            KeyValue::new("messaging.operation.name", "deliver"),
            KeyValue::new("messaging.operation.type", "send"),
        ];
        let mut name = "deliver".to_owned();
        if let Some(first) = batch.first() {
            name = format!("deliver {}", first.subscription);
            attributes.extend([
                KeyValue::new("messaging.destination.name", first.stream.clone()),
                KeyValue::new("tradewind.subscription", first.subscription.clone()),
                KeyValue::new("tradewind.attempt", i64::from(first.attempt)),
            ]);
        }
        match batch {
            [one] => attributes.extend([
                KeyValue::new("tradewind.delivery.id", one.id.clone()),
                KeyValue::new("tradewind.position", one.position.clone()),
                KeyValue::new("cloudevents.event_id", one.event.id().to_owned()),
                KeyValue::new("cloudevents.event_source", one.event.source().to_owned()),
                KeyValue::new("cloudevents.event_type", one.event.ty().to_owned()),
            ]),
            many => {
                let count = i64::try_from(many.len()).unwrap_or(i64::MAX);
                attributes.push(KeyValue::new("messaging.batch.message_count", count));
            }
        }
        let mut span = self
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Producer)
            .with_attributes(attributes);
        let parent = match batch.len() {
            1 => above.pop().unwrap_or_default(),
            _ => {
                let link =
                    |context: &Context| Link::with_context(context.span().span_context().clone());
                span = span.with_links(above.iter().map(link).collect());
                Context::new()
            }
        };
        Span(span.start_with_context(&self.tracer, &parent))
    }

    fn remote(&self, trace: &TraceContext) -> Context {
        self.propagator
            .extract_with_context(&Context::new(), &Carrier(trace))
    }

    /// A sink whose attempts have spans.
    pub fn sink(self: &Arc<Self>, inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
        Arc::new(Traced::new(inner, Arc::clone(self)))
    }

    /// Sends what is left.
    pub async fn shut_down(&self) {
        let provider = self.provider.clone();
        let ended = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

struct Carrier<'a>(&'a TraceContext);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(&self.0.parent),
            TRACESTATE => self.0.state.as_deref(),
            _ => None,
        }
    }
    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

impl Span {
    /// What names it to others.
    pub fn context(&self) -> Option<TraceContext> {
        context(self.0.span_context())
    }

    /// Ends the span of a request.
    pub fn end(mut self, status: u16) {
        self.0.set_attribute(KeyValue::new(
            "http.response.status_code",
            i64::from(status),
        ));
        if status >= 500 {
            self.0
                .set_attribute(KeyValue::new("error.type", status.to_string()));
            self.0.set_status(Status::error(""));
        }
        self.0.end();
    }

    /// Something failed.
    pub(super) fn fail(&mut self, reason: &Reason) {
        self.0
            .set_attribute(KeyValue::new("error.type", reason.code.clone()));
        if let Some(status) = reason.status {
            self.0.set_attribute(KeyValue::new(
                "http.response.status_code",
                i64::from(status),
            ));
        }
        self.0.set_status(Status::error(reason.code.clone()));
    }
}

fn context(span: &SpanContext) -> Option<TraceContext> {
    span.is_valid().then(|| {
        let (trace, id, flags) = (
            span.trace_id(),
            span.span_id(),
            span.trace_flags().to_u8() & 1,
        );
        let state = span.trace_state().header();
        TraceContext {
            parent: format!("00-{trace}-{id}-{flags:02x}").into(),
            state: (!state.is_empty()).then(|| state.into()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SpanData, SpanExporter};
    use std::sync::Mutex;

    #[derive(Debug, Clone, Default)]
    struct Ended(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Ended {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    /// The last span that ended: its name, and its attributes in order.
    fn last(ended: &Ended) -> (String, String) {
        let span = ended.0.lock().unwrap().pop().unwrap();
        let mut attributes: Vec<String> = span
            .attributes
            .iter()
            .map(|attribute| format!("{}={}", attribute.key, attribute.value))
            .collect();
        attributes.sort();
        (span.name.into_owned(), attributes.join(" "))
    }

    #[test]
    fn what_spans_say() {
        let ended = Ended::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(ended.clone());
        let telemetry = Telemetry::by(provider.build());
        let source = Asked {
            method: &Method::POST,
            path: Some("/events"),
            route: None,
            encrypted: false,
            headers: &HeaderMap::new(),
        };
        let route = Asked {
            method: &Method::GET,
            path: Some("/users/{id}"),
            route: Some("users"),
            encrypted: true,
            ..source
        };
        let unknown = Asked {
            path: None,
            ..source
        };
        for (asked, status, name, attributes) in [
            (
                source,
                202,
                "POST /events",
                "http.request.method=POST http.response.status_code=202 http.route=/events url.path=/events url.scheme=http",
            ),
            (
                route,
                503,
                "GET users",
                "error.type=503 http.request.method=GET http.response.status_code=503 http.route=/users/{id} \
                 tradewind.route=users url.path=/users/{id} url.scheme=https",
            ),
            (
                unknown,
                404,
                "POST",
                "http.request.method=POST http.response.status_code=404 url.scheme=http",
            ),
        ] {
            telemetry.request(asked).end(status);
            assert_eq!(last(&ended), (name.to_owned(), attributes.to_owned()));
        }
        drop(telemetry.attempt(&[]));
        let (_, attributes) = last(&ended);
        assert!(
            attributes.contains("messaging.operation.name=deliver messaging.operation.type=send"),
            "{attributes}"
        );
    }
}
