//! Time as it is.

use async_trait::async_trait;
use std::time::{Duration, Instant, SystemTime};

/// The clocks of the machine.
#[derive(Debug)]
pub(crate) struct Wall(Instant);

impl Default for Wall {
    fn default() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl tradewind_engine::Clock for Wall {
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap().as_millis() as u64
    }
    fn monotonic_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
    async fn sleep_until(&self, monotonic_ms: u64) {
        tokio::time::sleep_until((self.0 + Duration::from_millis(monotonic_ms)).into()).await;
    }
}
