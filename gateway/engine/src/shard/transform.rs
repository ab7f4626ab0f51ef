//! Transforms: what a sink gets in place of the events of its subscription.

use crate::hash::HOPS;
use crate::machine::Lane;
use crate::record::Stored;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tradewind_adapter::{Delivery, Outcome, Reason};
use tradewind_event::Event;
use tradewind_transform::{About, Transform};

/// The transform of one call, with what it works on.
pub(super) struct Transforming {
    transform: Arc<Transform>,
    /// The events as they lie in the log, in the order of the deliveries.
    stored: Vec<Arc<Stored>>,
}

impl Transforming {
    /// For the deliveries at these offsets; `None` where they go out as they are.
    pub(super) fn of(lane: &Lane, offsets: &[u64]) -> Option<Self> {
        let transform = lane.plan.as_ref()?.transform.as_ref()?;
        let stored = offsets
            .iter()
            .filter_map(|offset| lane.flying.get(offset))
            .map(|task| Arc::clone(&task.stored))
            .collect();
        Some(Self {
            transform: Arc::clone(transform),
            stored,
        })
    }

    /// The deliveries that go out, and those that never will, each with its place in the batch.
    pub(super) fn split(&self, batch: Vec<Delivery>) -> Split {
        let mut split = Split::default();
        for (index, mut delivery) in batch.into_iter().enumerate() {
            match self.apply(index, &delivery) {
                Ok(event) => {
                    delivery.event = event;
                    split.kept.push((index, delivery));
                }
                Err(outcome) => split.failed.push((index, outcome)),
            }
        }
        split
    }

    fn apply(&self, index: usize, delivery: &Delivery) -> Result<Event, Outcome> {
        let Some(stored) = self.stored.get(index) else {
            return Err(failed("there is no event"));
        };
        let about = About {
            stream: &delivery.stream,
            subscription: &delivery.subscription,
            appended_ms: stored.appended_ms,
        };
        let transformed = catch_unwind(AssertUnwindSafe(|| {
            self.transform.apply(&stored.event, &about)
        }));
        let event = match transformed {
            Ok(Ok(event)) => event,
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed("it panicked")),
        };
        // A loop is found by this one, whatever the transform says.
        match delivery.event.attribute(HOPS) {
            Some(hops) => event
                .with_attribute(HOPS, hops)
                .map_err(|error| failed(error.to_string())),
            None => Ok(event),
        }
    }
}

/// A batch after its transform.
#[derive(Default)]
pub(super) struct Split {
    pub(super) kept: Vec<(usize, Delivery)>,
    pub(super) failed: Vec<(usize, Outcome)>,
}

/// The same event fails again.
fn failed(detail: impl Into<String>) -> Outcome {
    Outcome::Reject {
        disable: false,
        reason: Reason::new("transform-failed", detail),
    }
}
