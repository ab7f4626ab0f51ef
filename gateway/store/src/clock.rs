//! Time, injected.

/// The time of day. The store reads it once per group commit; it should not jump while a stream is
/// open.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> u64;
}

/// The machine's wall clock as it was at the start, carried on by its monotonic clock: a wall clock
/// that jumps while the process runs ends no retention, no window and no event's age early.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    unix_at_start: u64,
    start: std::time::Instant,
}

#[allow(clippy::disallowed_methods)] // what the injected clock is by default
impl Default for SystemClock {
    fn default() -> Self {
        Self {
            unix_at_start: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as u64),
            start: std::time::Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        self.unix_at_start + self.start.elapsed().as_millis() as u64
    }
}

/// Randomness for keys. Tests inject a seeded one.
pub trait Random: Send + Sync + std::fmt::Debug {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()>;
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            let flags = rustix::rand::GetRandomFlags::empty();
            filled += rustix::rand::getrandom(&mut bytes[filled..], flags)?;
        }
        Ok(())
    }
}
