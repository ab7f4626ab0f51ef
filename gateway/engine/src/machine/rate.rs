//! Token bucket: so many attempts a second, with a burst of one second's worth.

#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    per_second: f64,
    tokens: f64,
    at_ms: u64,
}

impl Bucket {
    pub(crate) fn new(per_second: f64, now: u64) -> Self {
        Self {
            per_second,
            tokens: per_second.max(1.0),
            at_ms: now,
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Tokens there are now, whole ones.
    pub(crate) fn available(&mut self, now: u64) -> usize {
        let elapsed = now.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.per_second.max(1.0));
        self.at_ms = self.at_ms.max(now);
        // A hair below a whole token is rounding, not a missing millisecond.
        (self.tokens + 1e-9) as usize
    }

    pub(crate) fn take(&mut self, n: usize) {
        self.tokens -= n as f64;
    }

    /// When the next token is there.
    pub(crate) fn next(&self) -> u64 {
        let missing = (1.0 - self.tokens).max(0.0);
        let wait = (missing / self.per_second.max(f64::MIN_POSITIVE) * 1000.0).ceil();
        self.at_ms.saturating_add((wait as u64).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;

    #[test]
    fn never_more_than_the_rate_after_the_burst() {
        let mut bucket = Bucket::new(10.0, 0);
        let mut taken = 0;
        let mut now = 0;
        while now <= 10_000 {
            let n = bucket.available(now);
            bucket.take(n);
            taken += n;
            now = bucket.next();
        }
        assert!((105..=110).contains(&taken), "{taken}");
    }

    #[test]
    fn slow_rates_let_one_through() {
        let mut bucket = Bucket::new(0.1, 0);
        assert_eq!(bucket.available(0), 1);
        bucket.take(1);
        assert_eq!(bucket.available(9_000), 0);
        assert_eq!(bucket.available(bucket.next()), 1);
    }
}
