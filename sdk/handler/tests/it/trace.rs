//! Spans of handlers, as an exporter gets them.

use crate::server::Server;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tradewind::{Context, Data, Error, Options};

#[tradewind::handler]
async fn told(Data(what): Data<String>, cx: Context) -> Result<(), Error> {
    let current = opentelemetry::Context::current();
    let span = current.span().span_context().clone();
    let own = format!("00-{}-{}-01", span.trace_id(), span.span_id());
    assert_eq!(cx.traceparent(), Some(own.as_str()));
    assert_eq!(cx.tracestate(), Some("vendor=1"));
    match what.as_str() {
        "reject" => Err(Error::reject("no such order")),
        "panic" => panic!("told to"),
        _ => Ok(()),
    }
}

#[tokio::test]
async fn every_call_has_a_span_below_the_attempt() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    opentelemetry::global::set_tracer_provider(provider);

    let server = Server::start(told, Options::default()).await;
    for (what, answer, status) in [
        ("ack", 204, Status::Unset),
        ("reject", 422, Status::error("no such order")),
        (
            "panic",
            500,
            Status::error("panicked, or cancelled at its deadline"),
        ),
    ] {
        exporter.reset();
        let attempt = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers = [
            ("traceparent", attempt),
            ("tracestate", "vendor=1"),
            ("tradewind-attempt", "3"),
        ];
        let given = server.event(&format!("{what:?}"), &headers).await;
        assert_eq!(given.status.as_u16(), answer, "{what}");
        let spans = exporter.get_finished_spans().unwrap();
        // Other tests of this program have traces of their own.
        let ours = |span: &&opentelemetry_sdk::trace::SpanData| {
            span.span_context.trace_id().to_string() == "4bf92f3577b34da6a3ce929d0e0e4736"
        };
        let span = spans.iter().find(ours).unwrap();
        assert_eq!(span.parent_span_id.to_string(), "00f067aa0ba902b7");
        assert_eq!(
            (span.name.as_ref(), &span.span_kind),
            ("process told", &SpanKind::Consumer)
        );
        assert_eq!(span.status, status, "{what}");
        let attribute = |key: &str| {
            let found = span.attributes.iter().find(|kv| kv.key.as_str() == key);
            found.map(|kv| kv.value.to_string())
        };
        assert_eq!(attribute("cloudevents.event_id").as_deref(), Some("e-1"));
        assert_eq!(attribute("tradewind.attempt").as_deref(), Some("3"));
    }
}
