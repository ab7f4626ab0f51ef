//! The sink.

use crate::queue::Queue;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, Outcome, Reason, Report, Sink, SinkAdapter,
};

/// Settings of a sink of kind `memory`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// Name of the queue that takes the events, shared by everything in this process that names it.
    /// Default: none; events are recorded only. Since 0.1.
    #[serde(default)]
    pub queue: Option<String>,
}

/// What a scripted sink does with one delivery.
type Script = Box<dyn Fn(&Delivery) -> Option<Outcome> + Send + Sync>;

/// Records deliveries, and answers as scripted.
///
/// By default each delivery is accepted. [`MemorySink::push_outcome`] sets the answer of the next
/// one; [`MemorySink::scripted`] decides each. Clones share their state.
#[derive(Clone)]
pub struct MemorySink {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Option<Arc<Queue>>,
    script: Option<Script>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    delivered: VecDeque<Delivery>,
    next: VecDeque<Outcome>,
}

impl MemorySink {
    /// Deliveries recorded at most; older ones are forgotten.
    pub const RECORDED_MAX: usize = 100_000;
    /// Deliveries in one call at most.
    pub const BATCH_MAX: usize = 1000;

    /// A sink that accepts.
    pub fn new() -> Self {
        Self::with(None, None)
    }

    /// A sink that puts what it takes into a queue, and asks for less while that is full.
    pub fn into_queue(queue: Arc<Queue>) -> Self {
        Self::with(Some(queue), None)
    }

    /// A sink that asks `script` for each outcome. `None` leaves the delivery without one until it
    /// is cancelled or its time is over.
    pub fn scripted(script: impl Fn(&Delivery) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        Self::with(None, Some(Box::new(script)))
    }

    fn with(queue: Option<Arc<Queue>>, script: Option<Script>) -> Self {
        Self {
            inner: Arc::new(Inner {
                queue,
                script,
                state: Mutex::default(),
            }),
        }
    }

    /// Sets the outcome of the next delivery that has none set yet.
    pub fn push_outcome(&self, outcome: Outcome) {
        self.state().next.push_back(outcome);
    }

    /// What was delivered, attempt by attempt, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().delivered.iter().cloned().collect()
    }

    /// The outcome of one delivery; `None` where there will be none.
    fn decide(&self, delivery: &Delivery) -> Option<Outcome> {
        let next = {
            let mut state = self.state();
            if state.delivered.len() >= Self::RECORDED_MAX {
                state.delivered.pop_front();
            }
            state.delivered.push_back(delivery.clone());
            state.next.pop_front()
        };
        if let Some(outcome) = next {
            return Some(outcome);
        }
        if let Some(script) = &self.inner.script {
            return script(delivery);
        }
        match self
            .inner
            .queue
            .as_ref()
            .map(|q| q.push(delivery.event.clone()))
        {
            Some(Err(_)) => Some(Outcome::Retry {
                after: None,
                patience: None,
                throttled: true,
                reason: Reason::new("queue-full", "the in-memory queue is at its capacity"),
            }),
            Some(Ok(())) | None => Some(Outcome::Accepted {
                receipt: None,
                reply: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before the guard is dropped: a poisoned state is still sound.
        let state = &self.inner.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemorySink {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemorySink").finish_non_exhaustive()
    }
}

impl SinkAdapter for MemorySink {
    const KIND: &'static str = crate::KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _build: &Build) -> Result<Arc<dyn Sink>, Error> {
        let queue = config.queue.as_deref().map(Queue::named);
        Ok(Arc::new(Self::with(queue, None)))
    }
}

#[async_trait]
impl Sink for MemorySink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let mut left = std::time::Duration::ZERO;
        for (index, delivery) in batch.iter().enumerate() {
            match self.decide(delivery) {
                Some(outcome) => report.settle(index, outcome),
                None => left = left.max(delivery.timeout),
            }
        }
        if !left.is_zero() {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(Self::BATCH_MAX);
        capability.deliver_reply = true;
        capability
    }

    fn describe(&self) -> String {
        "memory".into()
    }
}
