//! One trace from the sender through the gateway to the target.

use super::receiver::Receiver;
use super::target::{Arrival, Target};
use crate::Options;
use crate::gateway::Gateway;
use crate::load;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use std::time::Duration;

const SERVER: &str = "SPAN_KIND_SERVER";
const PRODUCER: &str = "SPAN_KIND_PRODUCER";
/// What a sender's span is called.
const SENDER: &str = "00f067aa0ba902b7";

/// Three parts of a `traceparent`.
struct Parent<'a> {
    trace: &'a str,
    span: &'a str,
    flags: &'a str,
}

fn parent(text: &str) -> Result<Parent<'_>, String> {
    match *text.split('-').collect::<Vec<_>>() {
        ["00", trace, span, flags] => Ok(Parent { trace, span, flags }),
        _ => Err(format!("`{text}` is no traceparent")),
    }
}

fn trace(number: u64) -> String {
    format!("{number:032x}")
}

struct Ground {
    receiver: Receiver,
    target: Target,
    gateway: Gateway,
    checks: u32,
}

/// `None` where no receiver can be had.
pub(super) async fn run(options: &Options) -> Result<Option<String>, String> {
    let receiver = match Receiver::start(&options.gateway).await {
        Ok(receiver) => receiver,
        Err(why) => {
            println!("SKIPPED: traces: no OTLP receiver can be had: {why}");
            return Ok(None);
        }
    };
    let target = Target::default();
    let address = target.start().await?;
    let subscriptions = format!(
        "  all: {{ retry: {{ initial: 50ms, max: 200ms }}, breaker: {{ failures: 0 }}, sink: {{ kind: http, url: \"http://{address}/\", allow-http: true, allow-private: [127.0.0.0/8] }} }}\n"
    );
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    gateway.environment = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint.clone()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".into()),
        ("OTEL_SERVICE_NAME", "tradewind-under-test".into()),
    ];
    gateway.start().await?;
    let mut ground = Ground {
        receiver,
        target,
        gateway,
        checks: 0,
    };
    ground.all().await?;
    Ok(Some(format!(
        "{} traces by {} spans received over OTLP: sender, gateway, target, retries, kill -9, sampling, passed on without spans",
        ground.checks,
        ground.receiver.spans().len()
    )))
}

impl Ground {
    async fn all(&mut self) -> Result<(), String> {
        self.of_a_sender()
            .await
            .map_err(|e| format!("a sender's trace: {e}"))?;
        self.of_the_gateway()
            .await
            .map_err(|e| format!("a trace that begins here: {e}"))?;
        self.of_an_event()
            .await
            .map_err(|e| format!("an event's own trace: {e}"))?;
        self.unsampled()
            .await
            .map_err(|e| format!("a trace that is not sampled: {e}"))?;
        self.over_a_kill()
            .await
            .map_err(|e| format!("a trace over kill -9: {e}"))?;
        self.without_spans()
            .await
            .map_err(|e| format!("without spans: {e}"))
    }

    async fn publish(&self, id: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut sender = load::connect(self.gateway.address)
            .await
            .ok_or("no connection")?;
        let mut request = Request::post("/events")
            .header("host", "localhost")
            .header("content-type", "text/plain")
            .header("ce-specversion", "1.0")
            .header("ce-id", id)
            .header("ce-source", "/prove")
            .header("ce-type", "prove.traced");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from_static(b"x")))
            .map_err(|e| e.to_string())?;
        let answer = load::ask(&mut sender, request).await.ok_or("no answer")?;
        match answer.status().as_u16() {
            202 => Ok(()),
            status => Err(format!("{id} is answered {status}")),
        }
    }

    /// Attempts of an event, the last of which was accepted.
    async fn arrived(&self, id: &str) -> Result<Vec<Arrival>, String> {
        for _ in 0..1500 {
            let arrivals = self.target.of(id);
            if arrivals.last().is_some_and(|last| last.accepted) {
                return Ok(arrivals);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("{id} does not arrive"))
    }

    /// The span that a target was shown, once it is received.
    async fn span(&self, shown: &str) -> Result<Value, String> {
        let shown = parent(shown)?;
        for _ in 0..500 {
            let spans = self.receiver.spans();
            if let Some(span) = spans.iter().find(|span| span["spanId"] == shown.span) {
                return match span["traceId"] == shown.trace {
                    true => Ok(span.clone()),
                    false => Err(format!("a span of another trace: {span}")),
                };
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("the span {} is not received", shown.span))
    }

    fn is(span: &Value, kind: &str, name: &str, above: Option<&str>) -> Result<(), String> {
        let parent = span["parentSpanId"].as_str().filter(|id| !id.is_empty());
        match span["kind"] == kind && span["name"] == name && parent == above {
            true => Ok(()),
            false => Err(format!(
                "{kind} `{name}` below {above:?} is expected: {span}"
            )),
        }
    }

    /// A retried event: two attempts below one request below the sender.
    async fn of_a_sender(&mut self) -> Result<(), String> {
        let trace = trace(0xa1);
        let sent = format!("00-{trace}-{SENDER}-01");
        self.publish(
            "twice-1",
            &[("traceparent", &sent), ("tracestate", "shop=7")],
        )
        .await?;
        let arrivals = self.arrived("twice-1").await?;
        let [first, second] = arrivals.as_slice() else {
            return Err(format!("two attempts are expected: {arrivals:?}"));
        };
        if first.state != "shop=7" || first.parent == second.parent {
            return Err(format!("{arrivals:?}"));
        }
        let request = self.span(&first.event_parent).await?;
        Self::is(&request, SERVER, "POST /events", Some(SENDER))?;
        if request["traceId"] != trace.as_str() {
            return Err(format!("another trace than the sender's: {request}"));
        }
        for (arrival, failed) in [(first, true), (second, false)] {
            let attempt = self.span(&arrival.parent).await?;
            Self::is(
                &attempt,
                PRODUCER,
                "deliver all",
                request["spanId"].as_str(),
            )?;
            let status = &attempt["status"]["code"];
            if (status == "STATUS_CODE_ERROR") != failed {
                return Err(format!("failed: {failed}, and the span: {attempt}"));
            }
        }
        let named = self.receiver.spans().iter().all(|span| {
            let resource = span["resource"]["attributes"]["service.name"].clone();
            resource == "tradewind-under-test"
        });
        self.checks += 1;
        named
            .then_some(())
            .ok_or_else(|| "spans without the name of the service".into())
    }

    async fn of_the_gateway(&mut self) -> Result<(), String> {
        self.publish("once-2", &[]).await?;
        let arrivals = self.arrived("once-2").await?;
        let arrival = arrivals.first().ok_or("nothing")?;
        let request = self.span(&arrival.event_parent).await?;
        Self::is(&request, SERVER, "POST /events", None)?;
        let attempt = self.span(&arrival.parent).await?;
        self.checks += 1;
        Self::is(
            &attempt,
            PRODUCER,
            "deliver all",
            request["spanId"].as_str(),
        )
    }

    /// The trace that an event brings is never changed; its attempts belong to it.
    async fn of_an_event(&mut self) -> Result<(), String> {
        let own = format!("00-{}-{SENDER}-01", trace(0xa3));
        let hop = format!("00-{}-{SENDER}-01", trace(0xb3));
        self.publish("once-3", &[("ce-traceparent", &own), ("traceparent", &hop)])
            .await?;
        let arrivals = self.arrived("once-3").await?;
        let arrival = arrivals.first().ok_or("nothing")?;
        if arrival.event_parent != own {
            return Err(format!("{own} became {}", arrival.event_parent));
        }
        let attempt = self.span(&arrival.parent).await?;
        self.checks += 1;
        Self::is(&attempt, PRODUCER, "deliver all", Some(SENDER))
    }

    async fn unsampled(&mut self) -> Result<(), String> {
        let trace = trace(0xa4);
        let sent = format!("00-{trace}-{SENDER}-00");
        self.publish("twice-4", &[("traceparent", &sent)]).await?;
        for arrival in self.arrived("twice-4").await? {
            let shown = parent(&arrival.parent)?;
            if shown.trace != trace || shown.flags != "00" {
                return Err(format!("{sent} became {}", arrival.parent));
            }
        }
        // A later trace is received: then this one would have been.
        self.publish("once-4", &[]).await?;
        let later = self.arrived("once-4").await?;
        self.span(&later.first().ok_or("nothing")?.parent).await?;
        self.checks += 1;
        match self
            .receiver
            .spans()
            .iter()
            .find(|span| span["traceId"] == trace.as_str())
        {
            Some(span) => Err(format!("a span was made: {span}")),
            None => Ok(()),
        }
    }

    async fn over_a_kill(&mut self) -> Result<(), String> {
        let trace = trace(0xa5);
        let sent = format!("00-{trace}-{SENDER}-01");
        self.target.down(true);
        self.publish("once-5", &[("traceparent", &sent)]).await?;
        self.gateway.kill().await?;
        self.target.down(false);
        self.gateway.start().await?;
        let arrivals = self.arrived("once-5").await?;
        let last = arrivals.last().ok_or("nothing")?;
        let attempt = self.span(&last.parent).await?;
        self.checks += 1;
        match attempt["traceId"] == trace.as_str() {
            true => Ok(()),
            false => Err(format!("another trace: {attempt}")),
        }
    }

    /// A gateway that makes none passes on what it is given.
    async fn without_spans(&mut self) -> Result<(), String> {
        self.gateway.kill().await?;
        self.gateway.environment.clear();
        self.gateway.start().await?;
        let sent = format!("00-{}-{SENDER}-01", trace(0xa6));
        self.publish(
            "twice-6",
            &[("traceparent", &sent), ("tracestate", "shop=8")],
        )
        .await?;
        for arrival in self.arrived("twice-6").await? {
            if [&arrival.parent, &arrival.event_parent] != [&sent, &sent]
                || arrival.state != "shop=8"
            {
                return Err(format!("{sent} became {arrival:?}"));
            }
        }
        self.checks += 1;
        Ok(())
    }
}
