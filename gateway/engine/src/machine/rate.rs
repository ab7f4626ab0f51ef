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

    /// Takes tokens, also more than there are: then what is missing is waited for.
    pub(crate) fn take(&mut self, n: usize) {
        self.tokens -= n as f64;
    }

    /// Undoes [`Bucket::take`].
    pub(crate) fn put_back(&mut self, n: usize) {
        self.tokens = (self.tokens + n as f64).min(self.per_second.max(1.0));
    }

    /// Goes on at another rate with what there is.
    pub(crate) fn retune(&mut self, per_second: f64, now: u64) {
        self.available(now);
        self.per_second = per_second;
        self.tokens = self.tokens.min(per_second.max(1.0));
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

    proptest::proptest! {
        /// Whatever comes when, and however the rate changes meanwhile.
        #[test]
        fn what_is_taken_whole_is_paid_for(
            rates in proptest::collection::vec(1u32..500, 1..4),
            asks in proptest::collection::vec((0u64..400, 1usize..300), 1..200),
        ) {
            let mut bucket = Bucket::new(rates[0].into(), 0);
            let (mut now, mut taken, mut earned) = (0, 0.0, f64::from(rates[0]));
            let largest = asks.iter().map(|(_, n)| *n).max().unwrap_or(0) as f64;
            for (nth, (pause, n)) in asks.iter().enumerate() {
                now += pause;
                earned += *pause as f64 / 1000.0 * bucket.per_second();
                if bucket.available(now) >= 1 {
                    bucket.take(*n);
                    taken += *n as f64;
                } else {
                    let at = bucket.next();
                    proptest::prop_assert!(at > now);
                    let mut then = bucket.clone();
                    proptest::prop_assert!(then.available(at) >= 1, "it is there when it is said to be");
                }
                proptest::prop_assert!(taken <= earned + largest + 1e-3, "{taken} of {earned}");
                if nth % 50 == 49 {
                    bucket.retune(rates[nth / 50 % rates.len()].into(), now);
                }
            }
        }
    }

    #[test]
    fn a_new_rate_forgives_no_debt_and_gives_nothing_away() {
        let mut bucket = Bucket::new(10.0, 0);
        bucket.take(30);
        bucket.retune(100.0, 0);
        assert_eq!((bucket.available(0), bucket.next()), (0, 210));
        let mut bucket = Bucket::new(100.0, 0);
        bucket.retune(10.0, 0);
        assert_eq!(bucket.available(0), 10);
        bucket.take(5);
        bucket.put_back(5);
        assert_eq!(bucket.available(0), 10);
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
