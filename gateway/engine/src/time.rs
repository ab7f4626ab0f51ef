//! Engine time: the wall clock at the start, carried on by the monotonic clock.
//!
//! Due times are stored in it. A wall clock that jumps while the gateway runs moves nothing.

use crate::Clock;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(crate) struct Time {
    clock: Arc<dyn Clock>,
    unix_at_start: u64,
    monotonic_at_start: u64,
}

impl Time {
    pub(crate) fn start(clock: Arc<dyn Clock>) -> Self {
        Self {
            unix_at_start: clock.unix_ms(),
            monotonic_at_start: clock.monotonic_ms(),
            clock,
        }
    }
    /// Milliseconds since the Unix epoch, never going back.
    pub(crate) fn now(&self) -> u64 {
        let elapsed = self
            .clock
            .monotonic_ms()
            .saturating_sub(self.monotonic_at_start);
        self.unix_at_start.saturating_add(elapsed)
    }
    pub(crate) async fn sleep_until(&self, at: u64) {
        let from_start = at.saturating_sub(self.unix_at_start);
        self.clock
            .sleep_until(self.monotonic_at_start.saturating_add(from_start))
            .await;
    }
}
