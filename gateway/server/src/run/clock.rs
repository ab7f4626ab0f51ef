//! The machine's clocks.

use async_trait::async_trait;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use tradewind_engine::Clock;

/// Now, milliseconds since the Unix epoch. The one place of this binary that asks the system.
#[allow(clippy::disallowed_methods)]
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Wall clock of the system, monotonic clock and sleep of tokio.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        unix_ms()
    }
    fn monotonic_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
    async fn sleep_until(&self, monotonic_ms: u64) {
        tokio::time::sleep_until(self.start + Duration::from_millis(monotonic_ms)).await;
    }
}

/// The same clock, as sources are lent it.
#[derive(Debug, Clone)]
pub(crate) struct Lent(pub(crate) std::sync::Arc<dyn Clock>);

#[async_trait]
impl tradewind_adapter::Clock for Lent {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }
    async fn sleep(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until = self.0.monotonic_ms().saturating_add(ms);
        self.0.sleep_until(until).await;
    }
}
