//! A fixed rate, kept by a thread that sleeps: the runtime's own timer has a grain of a millisecond,
//! which is as long as what is measured.

use super::moment;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Shortest time between two looks at the clock.
const GRAIN_NS: f64 = 100_000.0;

/// When each event is to be sent.
#[derive(Clone)]
pub(super) struct Pace {
    start: u64,
    gap_ns: f64,
    released: Arc<Semaphore>,
}

impl Pace {
    /// Begins now, for so many events.
    pub(super) fn start(per_second: f64, events: u64) -> Self {
        let pace = Self {
            start: moment(),
            gap_ns: 1e9 / per_second.max(1.0),
            released: Arc::new(Semaphore::new(0)),
        };
        let releasing = pace.clone();
        std::thread::spawn(move || releasing.release(events));
        pace
    }

    /// Waits until the next event is due.
    pub(super) async fn due(&self, number: u64) -> u64 {
        if let Ok(permit) = self.released.acquire().await {
            permit.forget();
        }
        self.start + (number as f64 * self.gap_ns) as u64
    }

    fn release(&self, events: u64) {
        let grain = Duration::from_nanos(self.gap_ns.max(GRAIN_NS) as u64);
        let mut released = 0;
        while released < events {
            let passed = (moment() - self.start) as f64;
            let due = ((passed / self.gap_ns) as u64 + 1).min(events);
            let more = usize::try_from(due - released).unwrap_or(usize::MAX);
            self.released.add_permits(more);
            released = due;
            std::thread::sleep(grain);
        }
    }
}
