//! Retry policy: from an attempt that failed to the next due time.

use super::Rng;
use crate::{Pauses, Retry};
use std::time::Duration;

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again at this engine time.
    At(u64),
    /// No attempt is left.
    Exhausted,
}

/// What the sink asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) after: Option<Duration>,
    pub(crate) patience: Option<Duration>,
}

pub(crate) fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

/// After attempt number `made`, the first of which began at `first_ms`.
pub(crate) fn next(
    policy: &Retry,
    made: u32,
    first_ms: u64,
    now: u64,
    asked: Asked,
    rng: &mut Rng,
) -> Next {
    let elapsed = now.saturating_sub(first_ms);
    if made >= policy.max_attempts {
        return Next::Exhausted;
    }
    let full = millis(policy.pauses.nth(made.saturating_sub(1)));
    let drawn = if policy.full_jitter {
        rng.up_to(full)
    } else {
        full
    };
    let after = asked.after.map(|a| millis(a.min(policy.retry_after_max)));
    let mut pause = drawn.max(after.unwrap_or(0));
    if let Some(patience) = asked.patience.map(millis) {
        if elapsed >= patience {
            return Next::Exhausted;
        }
        // One last try when patience ends, unless the sink asked to be left alone for longer.
        if after.is_none() {
            pause = pause.min(patience - elapsed);
        }
    }
    if elapsed.saturating_add(pause) > millis(policy.max_age) {
        return Next::Exhausted;
    }
    Next::At(now.saturating_add(pause))
}

impl Pauses {
    /// The pause after failure number `n`, counted from 0, before jitter.
    pub fn nth(&self, n: u32) -> Duration {
        match self {
            Pauses::Exponential {
                initial,
                factor,
                max,
            } => {
                let grown =
                    initial.as_secs_f64() * factor.powi(i32::try_from(n).unwrap_or(i32::MAX));
                if grown.is_finite() && grown < max.as_secs_f64() {
                    Duration::from_secs_f64(grown.max(0.0))
                } else {
                    *max
                }
            }
            Pauses::Listed(pauses) => pauses
                .get(n as usize)
                .or_else(|| pauses.last())
                .copied()
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn plain(max_attempts: u32) -> Retry {
        Retry {
            max_attempts,
            full_jitter: false,
            ..Retry::default()
        }
    }

    #[test]
    fn due_times() {
        let some = |after: u64| Asked {
            after: Some(S(after)),
            patience: None,
        };
        let patient = |p: u64| Asked {
            after: None,
            patience: Some(S(p)),
        };
        // policy, attempts made, elapsed, asked, expected pause (None: exhausted)
        let table = [
            (plain(3), 1, 0, Asked::default(), Some(1)),
            (plain(3), 2, 5, Asked::default(), Some(2)),
            (plain(3), 3, 5, Asked::default(), None),
            (plain(30), 12, 5, Asked::default(), Some(600)),
            (plain(3), 1, 0, some(30), Some(30)),
            (plain(3), 1, 0, some(7200), Some(3600)),
            (plain(3), 1, 299, patient(300), Some(1)),
            (plain(3), 1, 300, patient(300), None),
            (plain(3), 1, 24 * 3600, Asked::default(), None),
        ];
        for (i, (policy, made, elapsed, asked, expected)) in table.into_iter().enumerate() {
            let now = 1_000_000 + elapsed * 1000;
            let got = next(&policy, made, 1_000_000, now, asked, &mut Rng::new(1));
            let expected = expected.map_or(Next::Exhausted, |p| Next::At(now + p * 1000));
            assert_eq!(got, expected, "case {i}");
        }
    }

    #[test]
    fn full_jitter_spreads_over_the_whole_pause() {
        let policy = Retry {
            pauses: Pauses::Listed(vec![S(100)]),
            ..Retry::default()
        };
        let mut rng = Rng::new(7);
        let mut buckets = [0u32; 10];
        for _ in 0..10_000 {
            match next(&policy, 1, 0, 0, Asked::default(), &mut rng) {
                Next::At(ms) => buckets[(ms as usize / 10_000).min(9)] += 1,
                Next::Exhausted => unreachable!(),
            }
        }
        assert!(
            buckets.iter().all(|n| (800..1200).contains(n)),
            "{buckets:?}"
        );
    }
}
