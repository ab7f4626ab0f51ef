//! The engine's face: what the server calls.

use crate::{
    Clock, DeadLetter, Happening, Journey, Plan, ReplayView, Start, StreamAccount, SubscriptionView,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tradewind_event::Event;
use tradewind_store::Streams;

/// Who published, through what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Space; `default`.
    pub space: Arc<str>,
    /// Name of the gateway source.
    pub source: Arc<str>,
    /// Who sent it, and how that was shown: `github:acme/app (signature)`.
    pub principal: Arc<str>,
    /// Deduplication window that the source needs, if longer than the stream's.
    pub dedupe_window: Option<Duration>,
}

/// What became of a published event. Durable when it is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Position, `shard/offset`.
    pub position: String,
    /// It was there already; the position is the original one.
    pub duplicate: bool,
    /// Subscriptions whose filter it passes, by the configuration now in force.
    pub matched: usize,
}

/// Why a publish was refused. Nothing of the batch was appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Events that are not valid: (index, what is wrong).
    #[error("{} invalid event(s)", .0.len())]
    Invalid(Vec<(usize, String)>),
    /// The same (source, id) was published before with other content: (index, original position).
    #[error("{} event(s) differ from what was published under the same source and id", .0.len())]
    Conflict(Vec<(usize, String)>),
    /// There is no such stream.
    #[error("no stream `{0}`")]
    NoStream(String),
    /// Overloaded or out of space: come back later.
    #[error("{reason}")]
    Later {
        /// What is short.
        reason: String,
        /// When to come back.
        after: Duration,
        /// The disk is full (507 rather than 503).
        full: bool,
    },
    /// The store failed or the engine is stopping.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] tradewind_store::Error),
}

/// The running engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {}

#[allow(missing_docs, unused_variables, clippy::unimplemented)]
impl Engine {
    /// Opens the streams, recovers every shard, starts delivering.
    pub async fn start(
        plan: Plan,
        streams: Arc<dyn Streams>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        unimplemented!()
    }
    /// Puts a new plan in force, all of it or nothing. Events at later positions are routed by it.
    pub async fn apply(&self, plan: Plan) -> Result<(), Error> {
        unimplemented!()
    }
    /// Admits events: validates, deduplicates, appends. Returns when all are durable.
    pub async fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        unimplemented!()
    }
    /// What happens from now on. A slow reader misses some and is told how many.
    pub fn happenings(&self) -> broadcast::Receiver<Happening> {
        unimplemented!()
    }
    /// Lets the server report what it alone sees (refused requests, reloads).
    pub fn report(&self, happening: Happening) {
        unimplemented!()
    }
    /// The journeys of the events that `query` names: an id, a prefix of one (8 characters or more),
    /// `stream@shard/offset`, or a delivery id.
    pub async fn explain(&self, query: &str) -> Result<Vec<Journey>, Error> {
        unimplemented!()
    }
    /// The event at `stream@shard/offset`, as it was stored.
    pub async fn event(&self, stream: &str, position: &str) -> Result<Event, Error> {
        unimplemented!()
    }
    pub async fn subscriptions(&self) -> Vec<SubscriptionView> {
        unimplemented!()
    }
    pub async fn streams(&self) -> BTreeMap<String, StreamAccount> {
        unimplemented!()
    }
    /// Stops starting attempts; durable, survives restarts and reloads.
    pub async fn pause(&self, subscription: &str) -> Result<(), Error> {
        unimplemented!()
    }
    /// Undoes `pause`, and `disabled`.
    pub async fn resume(&self, subscription: &str) -> Result<(), Error> {
        unimplemented!()
    }
    /// Removes a suspended subscription and its backlog, counted as cancelled.
    pub async fn discard(&self, subscription: &str) -> Result<u64, Error> {
        unimplemented!()
    }
    /// Dead letters, oldest first, after the cursor of an earlier page.
    pub async fn dead_letters(
        &self,
        subscription: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, Option<String>), Error> {
        unimplemented!()
    }
    /// Moves dead letters back to pending: the one at `position`, or all. Returns how many.
    pub async fn redrive(&self, subscription: &str, position: Option<&str>) -> Result<u64, Error> {
        unimplemented!()
    }
    /// Removes dead letters for good, counted as purged. Returns how many.
    pub async fn purge(&self, subscription: &str, position: Option<&str>) -> Result<u64, Error> {
        unimplemented!()
    }
    /// Starts a replay job from `from` to the present end of the stream.
    pub async fn replay(
        &self,
        subscription: &str,
        from: Start,
        rate_per_second: Option<f64>,
    ) -> Result<ReplayView, Error> {
        unimplemented!()
    }
    pub async fn replays(&self) -> Vec<ReplayView> {
        unimplemented!()
    }
    pub async fn cancel_replay(&self, id: &str) -> Result<(), Error> {
        unimplemented!()
    }
    /// Whether every shard takes writes, and if not, why.
    pub fn ready(&self) -> Result<(), String> {
        unimplemented!()
    }
    /// Stops taking events, waits up to `grace` for attempts under way, records, closes the streams.
    pub async fn drain(&self, grace: Duration) -> Result<(), Error> {
        unimplemented!()
    }
}
