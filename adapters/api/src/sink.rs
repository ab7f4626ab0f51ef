//! Where events go.

use crate::{Capability, Error, Invoke, Permission, Report, TraceContext};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_event::Event;

/// One attempt to hand an event to a sink.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Stable over all attempts of this event for this subscription; an idempotency key.
    pub id: Arc<str>,
    /// The event as it is to be sent.
    pub event: Event,
    /// The subscription.
    pub subscription: Arc<str>,
    /// The stream and the position in it, for instance `default` and `0/18231`.
    pub stream: Arc<str>,
    /// Position within the stream.
    pub position: Arc<str>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Time left for this attempt; the engine also cancels when it is over.
    pub timeout: Duration,
    /// Id of the replay job, when this is a replay.
    pub replay: Option<Arc<str>>,
    /// The span of this attempt, where there is one; else the event's own trace context holds.
    pub trace: Option<TraceContext>,
}

/// A configured destination.
///
/// # Contract
/// - One outcome per delivery, reported as it completes.
/// - Never retries, never follows redirects, never sleeps: `Retry` says when.
/// - Keeps `data` byte-exact.
/// - Stops soon after `cancel` fires; what it had not finished it reports as `Retry` or not at all.
/// - Bounded memory whatever the other side sends.
#[async_trait]
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Attempts a batch (of one, unless [`Capability::deliver_batch_max`] allows more).
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken);
    /// What it must be allowed to do at its provider; nothing where that is no matter of policies.
    fn permissions(&self) -> Vec<Permission> {
        Vec::new()
    }
    /// What this sink can do.
    fn capability(&self) -> Capability;
    /// Where it goes, for people: no secrets.
    fn describe(&self) -> String;
    /// The sink as a function that answers, for routes; `None` where it only takes events.
    fn invoke(&self) -> Option<&dyn Invoke> {
        None
    }
    /// Whether the destination looks alive; used by checks, never before each delivery.
    async fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}
