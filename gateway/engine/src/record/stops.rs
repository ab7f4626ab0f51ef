//! Time that did not count: a shard that stands still lets nothing come due and nothing age.
//!
//! How long it stood still, only the wall clock says, and that may have been set meanwhile: an hour
//! back, a year ahead. So stored due times are kept in a time of their own, from which stops are
//! taken out, and ages leave them out.

use super::wire::{Corrupt, Reader, Writer};
use bytes::Bytes;

const VERSION: u8 = 1;
/// A shorter stop counts as time. Longer than the shard is ever without a note of the time.
const SHORT_MS: i64 = 120_000;
/// A stamp that lies further ahead than clocks differ was made before the clock went back.
const AHEAD_MS: u64 = 60_000;
/// Stops that are remembered apart.
const REMEMBERED: usize = 64;

/// The stops of a shard. All times are engine times, milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stops {
    /// When the shard was last seen running.
    pub(crate) seen_ms: u64,
    /// Since a time, how much did not count in all; negative where the clock went back.
    ended: Vec<(u64, i64)>,
}

impl Stops {
    /// No stop yet, last seen running then.
    pub(crate) fn seen(seen_ms: u64) -> Self {
        Self {
            seen_ms,
            ended: Vec::new(),
        }
    }

    /// The shard runs again. Returns what does not count of the time since it was last seen.
    pub(crate) fn resume(&mut self, now: u64) -> i64 {
        let stop = (i128::from(now) - i128::from(self.seen_ms)) as i64;
        let first = self.seen_ms == 0;
        self.seen_ms = now;
        if first || (0..=SHORT_MS).contains(&stop) {
            return 0;
        }
        let total = self.total().saturating_add(stop);
        self.ended.retain(|(since, _)| *since < now);
        self.ended.push((now, total));
        let excess = self.ended.len().saturating_sub(REMEMBERED);
        self.ended.drain(..excess);
        stop
    }

    fn total(&self) -> i64 {
        self.ended.last().map_or(0, |(_, total)| *total)
    }

    /// A due time as it is stored.
    pub(crate) fn stored(&self, due: u64) -> u64 {
        due.saturating_add_signed(self.total().saturating_neg())
    }

    /// When something stored with this time is due.
    pub(crate) fn due(&self, stored: u64) -> u64 {
        stored.saturating_add_signed(self.total())
    }

    /// How old something is that was stamped with this time.
    pub(crate) fn age(&self, stamp: u64, now: u64) -> u64 {
        let last = self.ended.last().map_or(now, |(since, _)| *since);
        if stamp > now.saturating_add(AHEAD_MS) {
            return now.saturating_sub(last);
        }
        let before = self.ended.partition_point(|(since, _)| *since <= stamp);
        let then = before.checked_sub(1).map_or(0, |i| self.ended[i].1);
        let age = i128::from(now) - i128::from(stamp) - i128::from(self.total()) + i128::from(then);
        u64::try_from(age).unwrap_or(0)
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.seen_ms).int(self.ended.len() as u64);
        for (since, total) in &self.ended {
            w.int(*since).int(*total as u64);
        }
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("stops", bytes, VERSION)?;
        let seen_ms = r.int()?;
        let mut ended = Vec::new();
        for _ in 0..r.count()? {
            ended.push((r.int()?, r.int()? as i64));
        }
        Ok(Self { seen_ms, ended })
    }
}

#[cfg(test)]
mod tests {
    use super::Stops;

    const HOUR: u64 = 3_600_000;
    const T: u64 = 1_700_000_000_000;

    #[test]
    fn what_happens_to_the_clock_between_two_runs_counts_for_nothing() {
        for back in [T - HOUR, T + 24 * HOUR, T + 365 * 24 * HOUR] {
            let mut stops = Stops::default();
            assert_eq!(stops.resume(T - 1000), 0);
            stops.seen_ms = T;
            let due = stops.stored(T + 5000);
            stops.resume(back);
            assert_eq!(stops.due(due), back + 5000, "the wait goes on");
            assert_eq!(stops.age(T - 2 * HOUR, back), 2 * HOUR);
            assert_eq!(
                stops.age(back, back + 7),
                7,
                "what comes later ages as ever"
            );
            assert_eq!(Stops::decode(&stops.encode()).unwrap(), stops);
        }
    }

    #[test]
    fn a_short_stop_is_time_like_any_other() {
        let mut stops = Stops::default();
        stops.resume(T);
        assert_eq!(stops.resume(T + 60_000), 0);
        assert_eq!(stops.due(stops.stored(T + 5000)), T + 5000);
        assert_eq!(stops.age(T, T + 60_000), 60_000);
    }

    #[test]
    fn a_stamp_from_a_clock_that_was_ahead_does_not_wait_for_it() {
        let mut stops = Stops::default();
        stops.resume(T + 24 * HOUR);
        stops.resume(T);
        assert_eq!(stops.age(T + 24 * HOUR, T + 3000), 3000);
    }
}
