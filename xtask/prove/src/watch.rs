//! How long events took, from when they were due to be sent to their arrival: a publisher that falls
//! behind makes them late, so nothing is left out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug)]
struct Shared {
    start: Instant,
    /// By sink: when due and how long it took, microseconds.
    samples: Mutex<HashMap<String, Vec<(u64, u64)>>>,
}

/// A clock and the times it took. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Watch(Arc<Shared>);

/// Times of a window, milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quantiles {
    pub(crate) count: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) worst: f64,
}

impl Default for Watch {
    fn default() -> Self {
        Self(Arc::new(Shared {
            start: Instant::now(),
            samples: Mutex::default(),
        }))
    }
}

impl Watch {
    /// Now, microseconds since the start.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) async fn sleep_until(&self, us: u64) {
        if us > self.now_us() {
            tokio::time::sleep_until(self.0.start + Duration::from_micros(us)).await;
        }
    }

    /// An event that was due at `due_us` is here.
    pub(crate) fn arrived(&self, sink: &str, due_us: u64) {
        let took = self.now_us().saturating_sub(due_us);
        let mut samples = self
            .0
            .samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match samples.get_mut(sink) {
            Some(of) => of.push((due_us, took)),
            None => {
                samples.insert(sink.to_owned(), vec![(due_us, took)]);
            }
        }
    }

    /// Of the events due in a window, at the sinks that `which` names.
    pub(crate) fn quantiles(
        &self,
        (from, to): (u64, u64),
        which: impl Fn(&str) -> bool,
    ) -> Quantiles {
        let samples = self
            .0
            .samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut took: Vec<u64> = samples
            .iter()
            .filter(|(sink, _)| which(sink))
            .flat_map(|(_, of)| of)
            .filter(|(due, _)| (from..to).contains(due))
            .map(|(_, took)| *took)
            .collect();
        drop(samples);
        took.sort_unstable();
        let at = |p: usize| {
            let index = (took.len() * p / 1000).min(took.len().saturating_sub(1));
            took.get(index).map_or(0.0, |us| *us as f64 / 1000.0)
        };
        Quantiles {
            count: took.len(),
            p50: at(500),
            p99: at(990),
            worst: at(1000),
        }
    }
}
