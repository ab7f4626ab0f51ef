//! Simulated time.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The wall clock's time at which simulations begin, milliseconds since the Unix epoch.
pub const EPOCH_MS: u64 = 1_700_000_000_000;

/// Tokio's clock, paused by the runtime of a test, under a wall clock that can jump.
#[derive(Debug, Clone)]
pub struct SimClock {
    start: Instant,
    wall_at_start: Arc<AtomicI64>,
}

impl SimClock {
    /// A clock that shows [`EPOCH_MS`].
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            wall_at_start: Arc::new(AtomicI64::new(EPOCH_MS as i64)),
        })
    }
    /// Sets the wall clock forward or back.
    pub fn jump(&self, by_ms: i64) {
        self.wall_at_start.fetch_add(by_ms, Ordering::SeqCst);
    }
    /// A copy whose wall clock no later jump moves: what a process sees that asks for the time of
    /// day only once.
    pub fn held(&self) -> Arc<Self> {
        self.shifted(0)
    }
    /// Shows from now on what the other one shows.
    pub fn follow(&self, other: &Self) {
        let wall = other.wall_at_start.load(Ordering::SeqCst);
        self.wall_at_start.store(wall, Ordering::SeqCst);
    }
    /// The same monotonic clock under another wall clock.
    pub fn shifted(&self, by_ms: i64) -> Arc<Self> {
        let wall = self
            .wall_at_start
            .load(Ordering::SeqCst)
            .saturating_add(by_ms);
        Arc::new(Self {
            start: self.start,
            wall_at_start: Arc::new(AtomicI64::new(wall)),
        })
    }
    /// Milliseconds since the simulation began, whatever the wall clock says.
    pub fn elapsed_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
    /// The same for an instant of tokio.
    pub fn ms_of(&self, at: Instant) -> u64 {
        at.duration_since(self.start).as_millis() as u64
    }
    fn wall(&self) -> u64 {
        let wall = self.wall_at_start.load(Ordering::SeqCst);
        u64::try_from(wall)
            .unwrap_or(0)
            .saturating_add(self.elapsed_ms())
    }
}

#[async_trait]
impl crate::Clock for SimClock {
    fn unix_ms(&self) -> u64 {
        self.wall()
    }
    fn monotonic_ms(&self) -> u64 {
        self.elapsed_ms()
    }
    async fn sleep_until(&self, at: u64) {
        tokio::time::sleep_until(self.start + Duration::from_millis(at)).await;
    }
}

impl tradewind_store::Clock for SimClock {
    fn unix_ms(&self) -> u64 {
        self.wall()
    }
}
