//! What the gateway lends to a pulled source while it runs: time, a place to remember, and schemas.

use crate::{Error, Frames};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// The time of day, which may be set back and forth, and a sleep that no setting disturbs.
#[async_trait]
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> u64;
    /// Returns after this much time.
    async fn sleep(&self, time: Duration);
}

/// Values of one source that outlive the process.
///
/// # Contract
/// - `set` returns when the value is durable.
#[async_trait]
pub trait Memory: Send + Sync + std::fmt::Debug {
    /// The value last set.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error>;
    /// Sets a value.
    async fn set(&self, key: &str, value: Bytes) -> Result<(), Error>;
}

/// Lent before the first [`crate::Source::receive`].
#[derive(Debug, Clone)]
pub struct Ground {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What the source has remembered.
    pub memory: Arc<dyn Memory>,
    /// What opens frames; `None` where there are no registries of schemas.
    pub frames: Option<Arc<dyn Frames>>,
}

/// A source that knows when its next events come.
pub trait Calendar {
    /// In words, for lists: the expression with its time zone.
    fn describe(&self) -> String;
    /// Whether it gives events at all; an ended or disabled one does not.
    fn is_enabled(&self) -> bool;
    /// The next due times after `unix_ms`, in order, at most `max`.
    fn upcoming(&self, unix_ms: u64, max: usize) -> Vec<Due>;
    /// Due times left out since the source was lent its ground, by its catch-up policy.
    fn skipped(&self) -> u64;
}

/// One due time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Due {
    /// By the expression, milliseconds since the Unix epoch; it makes the id of the event.
    pub due_ms: u64,
    /// With its jitter: when the event is made.
    pub fires_ms: u64,
    /// `due_ms` in the schedule's time zone, RFC 9557.
    pub local: String,
}
