//! Both ends of a queue.

use crate::KIND;
use crate::ask::{Ask, DELIVERIES_MAX, answer};
use crate::desk::{Desk, Laid};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Body, Build, Capability, Delivery, Error, ErrorKind, Invoke, Outcome, Reason, Report, Sink,
    SinkAdapter,
};
use tradewind_event::Event;

/// Largest request of a worker, in bytes.
const ASK_MAX: usize = 1 << 20;

/// Settings of a sink of kind `pull`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// Name of the queue: a subscription lays deliveries down in it, and a route in `mode: proxy` with a sink of the same
    /// name hands them out to workers. Since 0.1.
    pub queue: String,
}

/// One end of a queue.
#[derive(Debug, Clone)]
pub struct PullSink {
    queue: String,
    desk: Arc<Desk>,
}

impl PullSink {
    /// An end of the queue of this name in this process.
    ///
    /// # Errors
    /// A name that is none.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let queue = config.queue;
        if queue.is_empty() || queue.len() > 128 || !queue.bytes().all(fits) {
            let why = "`queue` is 1 to 128 letters, digits, `-`, `_` and `.`";
            return Err(Error::new(ErrorKind::ConfigInvalid, "config", why));
        }
        Ok(Self {
            desk: Desk::named(&queue),
            queue,
        })
    }

    /// Settles, then takes.
    async fn serve(&self, ask: Ask) -> Vec<u8> {
        let gone = ask.settle.iter().filter_map(|settle| {
            let told = self.desk.settle(&settle.token, settle.outcome());
            (!told).then_some(settle.token.as_str())
        });
        let gone: Vec<&str> = gone.collect();
        let taken = self
            .desk
            .take(ask.take.min(DELIVERIES_MAX), ask.wait())
            .await;
        answer(&gone, &taken)
    }
}

impl SinkAdapter for PullSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _build: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}

#[async_trait]
impl Sink for PullSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let (report, cancel) = (&report, &cancel);
        let attempts = batch
            .into_iter()
            .enumerate()
            .map(async |(index, delivery)| {
                let timeout = delivery.timeout;
                let mut laid = self.desk.lay(delivery);
                let outcome = attempt(&mut laid, timeout, cancel).await;
                report.settle(index, outcome);
            });
        join_all(attempts).await;
    }

    fn capability(&self) -> Capability {
        Capability::default()
    }

    fn describe(&self) -> String {
        format!("pull {}", self.queue)
    }

    fn invoke(&self) -> Option<&dyn Invoke> {
        Some(self)
    }
}

async fn attempt(laid: &mut Laid<'_>, timeout: Duration, cancel: &CancellationToken) -> Outcome {
    let told = tokio::select! {
        biased;
        told = laid.outcome() => told,
        () = tokio::time::sleep(timeout) => None,
        () = cancel.cancelled() => None,
    };
    told.unwrap_or_else(|| {
        let reason = match laid.is_taken() {
            true => Reason::new(
                "timeout",
                "a worker took it and did not say what became of it",
            ),
            false => Reason::new("no-worker", "no worker asked for it"),
        };
        Outcome::Retry {
            after: None,
            patience: None,
            throttled: false,
            reason,
        }
    })
}

#[async_trait]
impl Invoke for PullSink {
    async fn ask(&self, _event: Event) -> Result<Response<Body>, Reason> {
        Ok(refused(
            StatusCode::NOT_IMPLEMENTED,
            "this route hands deliveries to workers: give it `mode: proxy`",
        ))
    }

    fn passes(&self) -> Result<(), String> {
        Ok(())
    }

    async fn pass(&self, request: Request<Body>) -> Result<Response<Body>, Reason> {
        if request.method() != Method::POST {
            let why = "workers ask with POST";
            return Ok(refused(StatusCode::METHOD_NOT_ALLOWED, why));
        }
        let Some(body) = bounded(request.into_body()).await? else {
            let why = format!("an ask has at most {ASK_MAX} bytes");
            return Ok(refused(StatusCode::PAYLOAD_TOO_LARGE, &why));
        };
        match Ask::read(&body) {
            Ok(ask) => Ok(json_of(
                StatusCode::OK,
                "application/json",
                self.serve(ask).await,
            )),
            Err(why) => Ok(refused(StatusCode::BAD_REQUEST, &why)),
        }
    }
}

/// Nothing where it is too large.
async fn bounded(mut body: Body) -> Result<Option<Vec<u8>>, Reason> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Reason::new("body", error.to_string()))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if whole.len() + data.len() > ASK_MAX {
            return Ok(None);
        }
        whole.extend_from_slice(data);
    }
    Ok(Some(whole))
}

/// Problem details (RFC 9457).
fn refused(status: StatusCode, why: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or_default();
    let problem = json!({ "title": title, "status": status.as_u16(), "detail": why });
    json_of(status, "application/problem+json", problem.to_string())
}

fn json_of(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
