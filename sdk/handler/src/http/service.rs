//! One request: read, verify, decode, handle, answer.

use super::answer::{self, Answer};
use super::{Options, request, signature};
#[cfg(feature = "otel")]
use crate::trace;
use crate::{Delivery, Event, Handler, Outcome, log};
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tradewind_event::Limits;
use tradewind_event::http::{Message, Options as Decoding, decode};

/// Why a request does not reach the handler: status, and the reason for the sender.
type Refusal = (StatusCode, String);
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A handler and what it needs to answer requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Service {
    handler: Arc<dyn Handler>,
    options: Arc<Options>,
    source: Arc<str>,
    slots: Arc<Semaphore>,
    /// Handlers under way: they outlive a connection that breaks, but not the process.
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Service {
    pub(crate) fn new(
        handler: Arc<dyn Handler>,
        options: Options,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        let source = options
            .source
            .clone()
            .unwrap_or_else(|| format!("/handlers/{}", handler.name()).into());
        Self {
            slots: Arc::new(Semaphore::new(options.concurrency)),
            handler,
            options: Arc::new(options),
            source,
            tasks,
            stopping,
        }
    }

    pub(crate) async fn answer<B>(self, request: Request<B>) -> Answer
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        // Functions hosts send these on their own; they are no events.
        if matches!(request.uri().path(), "/robots.txt" | "/favicon.ico") {
            return answer::problem(StatusCode::NOT_FOUND, "nothing is here");
        }
        if request.method() != Method::POST {
            return answer::method_not_allowed();
        }
        if self.stopping.is_cancelled() {
            return answer::busy("the handler is stopping");
        }
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            return answer::busy("the handler is busy; see TRADEWIND_CONCURRENCY");
        };
        let deadline = Instant::now() + self.options.timeout;
        let (head, body) = request.into_parts();
        let body = match timeout_at(deadline, self.read(body)).await {
            Ok(Ok(body)) => body,
            Ok(Err((status, why))) => return answer::problem(status, &why),
            Err(_) => return answer::problem(StatusCode::REQUEST_TIMEOUT, "the body is late"),
        };
        let message = match self.accept(&head.headers, body) {
            Ok(message) => message,
            Err((status, why)) => return answer::problem(status, &why),
        };

        let name = request::delivery_id(&head.headers)
            .unwrap_or("without id")
            .to_owned();
        let handling = self.clone().handle(head.headers, message, deadline);
        // A task of its own, so that a panic ends it alone, and so that work goes on to its end
        // when the sender hangs up.
        let task = self.tasks.spawn(async move {
            let _slot = slot;
            timeout_at(deadline, handling).await
        });
        match task.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                self.warn(&name, format_args!("cancelled at its deadline"));
                answer::problem(
                    StatusCode::GATEWAY_TIMEOUT,
                    "the handler was not done in time; see TRADEWIND_TIMEOUT",
                )
            }
            Err(_) => {
                self.warn(&name, format_args!("the handler panicked"));
                answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "the handler panicked")
            }
        }
    }

    // What is collected is limited.
    #[allow(clippy::disallowed_methods)]
    async fn read<B>(&self, body: B) -> Result<Bytes, Refusal>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let max = self.options.body_max;
        match Limited::new(body, max).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(e) if e.is::<LengthLimitError>() => Err((
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is above {max} bytes"),
            )),
            Err(_) => Err((StatusCode::BAD_REQUEST, "the body broke off".into())),
        }
    }

    fn accept(&self, headers: &HeaderMap, body: Bytes) -> Result<Message, Refusal> {
        let Options { secrets, clock, .. } = &*self.options;
        if !secrets.is_empty()
            && let Err(reason) = signature::verify(secrets, headers, &body, clock())
        {
            self.warn("refused", format_args!("{reason}"));
            let why = "a valid signature is required".into();
            return Err((StatusCode::UNAUTHORIZED, why));
        }
        let coding = headers.get(CONTENT_ENCODING);
        if coding.is_some_and(|coding| coding != "identity") {
            let why = "compressed bodies are not taken".into();
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
        let limits = Limits {
            event_bytes: self.options.body_max,
            batch_bytes: self.options.body_max,
            ..Limits::default()
        };
        let decoding = Decoding {
            limits,
            ..Decoding::default()
        };
        decode(headers, body, &decoding).map_err(|e| (e.status(), e.to_string()))
    }

    async fn handle(self, headers: HeaderMap, message: Message, deadline: Instant) -> Answer {
        match message {
            Message::Binary(event) | Message::Structured(event) => {
                answer::outcome(self.call(&headers, event, None, deadline).await)
            }
            Message::Batch(events) => self.batch(&headers, events, deadline).await,
        }
    }

    /// In order, until one is to be retried: then all will come again, and the less is done twice
    /// the better.
    async fn batch(&self, headers: &HeaderMap, events: Vec<Event>, deadline: Instant) -> Answer {
        let mut replies = Vec::new();
        let mut rejected = Vec::new();
        let count = events.len();
        for (index, event) in events.into_iter().enumerate() {
            match self
                .call(headers, event, Some((index, count)), deadline)
                .await
            {
                Outcome::Ack => {}
                Outcome::Reply(reply) => replies.push(reply),
                Outcome::Reject { reason, .. } => rejected.push(format!("event {index}: {reason}")),
                Outcome::Retry {
                    after,
                    reason,
                    cause,
                } => {
                    return answer::outcome(Outcome::Retry {
                        after,
                        reason: format!("event {index}: {reason}"),
                        cause,
                    });
                }
            }
        }
        if rejected.is_empty() {
            return answer::replies(&replies);
        }
        answer::problem(StatusCode::UNPROCESSABLE_ENTITY, &rejected.join("; "))
    }

    async fn call(
        &self,
        headers: &HeaderMap,
        event: Event,
        place: Option<(usize, usize)>,
        deadline: Instant,
    ) -> Outcome {
        let context = request::context(headers, &event, place)
            .with_deadline(deadline)
            .with_cancellation(self.stopping.clone())
            .with_source(self.source.clone());
        let id = context.delivery_id().to_owned();
        let delivery = Delivery { event, context };
        let handle = |delivery| self.handler.call(delivery, &());
        #[cfg(feature = "otel")]
        let outcome = trace::traced(self.handler.name(), delivery, handle).await;
        #[cfg(not(feature = "otel"))]
        let outcome = handle(delivery).await;
        if let Outcome::Retry { reason, cause, .. } | Outcome::Reject { reason, cause } = &outcome {
            match cause {
                Some(cause) => self.warn(&id, format_args!("{reason}: {cause}")),
                None => self.warn(&id, format_args!("{reason}")),
            }
        }
        outcome
    }

    fn warn(&self, delivery: &str, what: std::fmt::Arguments<'_>) {
        log::warn(self.handler.name(), delivery, what);
    }
}
