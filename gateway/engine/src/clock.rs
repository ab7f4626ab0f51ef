//! Time, injected.

use async_trait::async_trait;

/// Wall clock, monotonic clock and sleep.
///
/// Delays run on the monotonic clock; only stored due times and signatures use the wall clock.
#[async_trait]
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> u64;
    /// Milliseconds since an arbitrary start; never goes back.
    fn monotonic_ms(&self) -> u64;
    /// Returns when the monotonic clock has reached `monotonic_ms`.
    async fn sleep_until(&self, monotonic_ms: u64);
}
