//! Events per second of each principal of a source: a token bucket in memory.

use super::Problem;
use http::StatusCode;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Principals that have a bucket of their own; those beyond share one.
const PRINCIPALS: usize = 1024;

/// The rate of a source. Kept by this process only: it begins full at each start and with each
/// configuration.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Below 0 after a batch that was larger than what was left: it is taken whole and waited for
    /// afterwards, so that no batch is too large to ever be taken.
    tokens: f64,
    at: Instant,
}

impl Rate {
    /// At most `burst` events at once, `per_second` on the average.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: per_second.into(),
            burst: burst.into(),
            buckets: Mutex::default(),
        }
    }

    /// Whether `principal` may send now; costs nothing.
    pub(super) fn check(&self, principal: &str) -> Result<(), Problem> {
        self.take(principal, 0)
    }

    /// Takes `events` from what `principal` has left.
    pub(super) fn take(&self, principal: &str, events: usize) -> Result<(), Problem> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let known = buckets.len() < PRINCIPALS || buckets.contains_key(principal);
        let name = if known { principal } else { "" };
        let now = Instant::now();
        let mut bucket = buckets.get(name).copied().unwrap_or(Bucket {
            tokens: self.burst,
            at: now,
        });
        let earned = now.duration_since(bucket.at).as_secs_f64() * self.per_second;
        bucket.tokens = (bucket.tokens + earned).min(self.burst);
        bucket.at = now;
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= events as f64;
        }
        let missing = 1.0 - bucket.tokens;
        match buckets.get_mut(name) {
            Some(known) => *known = bucket,
            None => {
                buckets.insert(name.to_owned(), bucket);
            }
        }
        if enough {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate-limited",
            "this sender is above its rate; nothing was stored",
        )
        .detail(format!("{} events per second", self.per_second))
        .after(Duration::from_secs_f64(missing / self.per_second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bursts_debts_and_neighbours() {
        let rate = Rate::new(10, 20);
        for _ in 0..20 {
            rate.take("a", 1).unwrap();
        }
        let refused = rate.take("a", 1).unwrap_err();
        assert_eq!(refused.status, 429);
        assert_eq!(refused.retry_after, Some(Duration::from_millis(100)));
        rate.take("b", 1).unwrap();
        tokio::time::advance(Duration::from_millis(100)).await;
        // A batch is taken whole, and paid for afterwards.
        rate.take("a", 21).unwrap();
        let refused = rate.check("a").unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_millis(2100)));
        tokio::time::advance(Duration::from_millis(2100)).await;
        rate.check("a").unwrap();
        // However long it waits, it gets no more than a burst.
        tokio::time::advance(Duration::from_secs(3600)).await;
        rate.take("a", 20).unwrap();
        rate.check("a").unwrap_err();
    }

    #[tokio::test]
    async fn any_number_of_principals_takes_bounded_memory() {
        let rate = Rate::new(1, 1);
        for n in 0..5000 {
            rate.take(&n.to_string(), 1).ok();
        }
        assert!(rate.buckets.lock().unwrap().len() <= PRINCIPALS + 1);
        rate.take("another", 1).unwrap_err();
    }
}
