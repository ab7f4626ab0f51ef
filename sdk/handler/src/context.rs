//! What is known about a delivery beside the event.

use crate::Host;
use crate::batch::Shared;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_event::Event;

/// One attempt to hand an event to a handler.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// The circumstances.
    pub context: Context,
}

/// The circumstances of a delivery. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    delivery_id: String,
    attempt: u32,
    subscription: Option<String>,
    replay: Option<String>,
    traceparent: Option<String>,
    tracestate: Option<String>,
    deadline: Instant,
    cancellation: CancellationToken,
    source: Arc<str>,
    host: Host,
    shared: Option<Shared>,
    request: Option<Arc<http::Request<Bytes>>>,
}

impl Context {
    /// Time for one attempt where the host says nothing else: what a gateway allows by default.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

    /// The circumstances of a first attempt, with [`Context::DEFAULT_TIMEOUT`] from now. For hosts
    /// and tests; the `with_*` methods change it.
    pub fn new(delivery_id: impl Into<String>) -> Self {
        let inner = Inner {
            delivery_id: delivery_id.into(),
            attempt: 1,
            subscription: None,
            replay: None,
            traceparent: None,
            tracestate: None,
            deadline: Instant::now() + Self::DEFAULT_TIMEOUT,
            cancellation: CancellationToken::new(),
            source: "/handlers/handler".into(),
            host: Host::Http,
            shared: None,
            request: None,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Stays the same over all attempts of this event for this subscription: an idempotency key.
    /// From a sender that gives none it is the event's `source` and `id`, which CloudEvents wants to
    /// be unique together.
    pub fn delivery_id(&self) -> &str {
        &self.inner.delivery_id
    }
    /// 1 for the first attempt, and where the sender does not say.
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }
    /// The subscription that this is a delivery of, where the sender says.
    pub fn subscription(&self) -> Option<&str> {
        self.inner.subscription.as_deref()
    }
    /// The id of the replay that this delivery belongs to; `None` for a live delivery.
    pub fn replay(&self) -> Option<&str> {
        self.inner.replay.as_deref()
    }
    /// `traceparent` of the span that this attempt is, as the sender calls it (W3C Trace Context);
    /// else that in which the event began. What a handler traces goes below it.
    pub fn traceparent(&self) -> Option<&str> {
        self.inner.traceparent.as_deref()
    }
    /// `tracestate` beside it.
    pub fn tracestate(&self) -> Option<&str> {
        self.inner.tracestate.as_deref()
    }
    /// When the attempt is given up. The handler is cancelled then, at the point where it waits.
    /// `tokio::time::timeout_at` takes it for what must end sooner.
    pub fn deadline(&self) -> Instant {
        self.inner.deadline
    }
    /// Time left until the deadline; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.inner
            .deadline
            .saturating_duration_since(Instant::now())
    }
    /// Whether the process has been asked to stop. Deliveries under way may finish until their
    /// deadline; one that would rather stop early returns [`Error::retry`](crate::Error::retry).
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancellation.is_cancelled()
    }
    /// Completes when the process is asked to stop.
    pub async fn cancelled(&self) {
        self.inner.cancellation.cancelled().await;
    }
    /// `source` of replies that name none.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The platform that the process runs on.
    pub fn host(&self) -> Host {
        self.inner.host
    }

    /// The HTTP request that brought the event, for handlers that take one.
    pub fn request(&self) -> Option<&http::Request<Bytes>> {
        self.inner.request.as_deref()
    }
    pub(crate) fn shared(&self) -> Option<&Shared> {
        self.inner.shared.as_ref()
    }

    /// Sets the attempt.
    #[must_use]
    pub fn with_attempt(self, attempt: u32) -> Self {
        self.edit(|inner| inner.attempt = attempt)
    }
    /// Sets the subscription.
    #[must_use]
    pub fn with_subscription(self, name: impl Into<String>) -> Self {
        self.edit(|inner| inner.subscription = Some(name.into()))
    }
    /// Marks it as part of a replay.
    #[must_use]
    pub fn with_replay(self, id: impl Into<String>) -> Self {
        self.edit(|inner| inner.replay = Some(id.into()))
    }
    /// Sets the trace context.
    #[must_use]
    pub fn with_trace(self, parent: impl Into<String>, state: Option<String>) -> Self {
        self.edit(|inner| {
            inner.traceparent = Some(parent.into());
            inner.tracestate = state;
        })
    }
    /// Sets the deadline.
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Self {
        self.edit(|inner| inner.deadline = deadline)
    }
    /// Sets the token that fires when the process is asked to stop.
    #[must_use]
    pub fn with_cancellation(self, token: CancellationToken) -> Self {
        self.edit(|inner| inner.cancellation = token)
    }
    /// Sets the `source` of replies that name none.
    #[must_use]
    pub fn with_source(self, source: impl Into<Arc<str>>) -> Self {
        self.edit(|inner| inner.source = source.into())
    }

    /// Sets the platform.
    #[must_use]
    pub fn with_host(self, host: Host) -> Self {
        self.edit(|inner| inner.host = host)
    }

    /// Sets the request that brought the event.
    #[must_use]
    pub fn with_request(self, request: Arc<http::Request<Bytes>>) -> Self {
        self.edit(|inner| inner.request = Some(request))
    }
    pub(crate) fn with_shared(self, shared: Shared) -> Self {
        self.edit(|inner| inner.shared = Some(shared))
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }
}
