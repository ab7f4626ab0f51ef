//! How a subscription delivers, with every default filled in.

use crate::model::{Exhaustion, Jitter, Period, Preset, RetryKeys, Subscription};
use std::time::Duration;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
const HOUR: u64 = 3600;

/// Delivery policy of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Most attempts under way at once (default 32).
    pub concurrency: usize,
    /// Most attempts per second; `None` for no limit.
    pub rate_per_second: Option<f64>,
    /// Time for one attempt (default 15 s).
    pub timeout: Duration,
    /// Retries.
    pub retry: Retry,
    /// Circuit breaker.
    pub breaker: Breaker,
    /// Oldest event that is still delivered (default 24 h).
    pub max_age: Duration,
    /// Most events waiting; `None` for no cap.
    pub backlog_max: Option<u64>,
    /// Events per attempt (default 1).
    pub batch_max: usize,
    /// Longest wait for a batch to fill (default none).
    pub batch_wait: Duration,
    /// Every delivery waits this long after the append (default none).
    pub delay: Duration,
    /// With an ordering key: whether the key waits behind an exhausted event.
    pub park: bool,
    /// Most bytes of parked events (default 64 MiB).
    pub parked_bytes_max: u64,
    /// Hop count above which an event becomes a dead letter (default 16).
    pub hops_max: u32,
    /// Stream that reply events are appended to; `None` drops them.
    pub reply_to: Option<String>,
    /// How long dead letters are kept (default 30 days).
    pub dead_letter_retention: Duration,
    /// Most bytes of events in dead letters, for each shard; `None` for no cap.
    pub dead_letter_bytes_max: Option<u64>,
}

/// Retry policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Most attempts, the first included (default 30).
    pub max_attempts: u32,
    /// Longest time since the first attempt (default 24 h).
    pub max_age: Duration,
    /// Pauses between attempts.
    pub pauses: Pauses,
    /// Draw each pause from 0 up to its full length (default true).
    pub full_jitter: bool,
    /// `Retry-After` is obeyed up to this (default 1 h).
    pub retry_after_max: Duration,
}

/// Pauses between attempts.
#[derive(Debug, Clone, PartialEq)]
pub enum Pauses {
    /// `initial`, then each `factor` times the one before, up to `max`.
    Exponential {
        /// First pause (default 1 s).
        initial: Duration,
        /// Factor (default 2).
        factor: f64,
        /// Longest pause (default 10 min).
        max: Duration,
    },
    /// Written out; the last one repeats.
    Listed(Vec<Duration>),
}

/// Circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// Consecutive failures that open the circuit (default 5); 0 turns the breaker off.
    pub failures: u32,
    /// Time until one probe is let through (default 10 s).
    pub cooldown: Duration,
    /// Longest time between probes (default 5 min).
    pub cooldown_max: Duration,
}

fn or(period: Option<Period>, default: u64) -> Duration {
    period.map_or_else(|| seconds(default), |p| p.0)
}

impl From<&Subscription> for Policy {
    fn from(keys: &Subscription) -> Self {
        let retry = Retry::from(&keys.retry);
        Self {
            concurrency: keys.concurrency.map_or(32, |n| n.get() as usize),
            rate_per_second: keys.rate,
            timeout: or(keys.timeout, 15),
            breaker: Breaker {
                failures: keys.breaker.failures.unwrap_or(5),
                cooldown: or(keys.breaker.cooldown, 10),
                cooldown_max: or(keys.breaker.cooldown_max, 300),
            },
            // A retry policy that was asked for is not cut short by a default.
            max_age: keys
                .max_age
                .map_or_else(|| retry.max_age.max(seconds(24 * HOUR)), |p| p.0),
            retry,
            backlog_max: keys.backlog_max.map(Into::into),
            batch_max: keys.batch.max.map_or(1, |n| n.get() as usize),
            batch_wait: or(keys.batch.wait, 0),
            delay: or(keys.delay, 0),
            park: keys.on_exhaustion == Some(Exhaustion::Park),
            parked_bytes_max: keys.parked_bytes_max.map_or(64 << 20, |s| s.0),
            hops_max: keys.hops_max.map_or(16, Into::into),
            reply_to: keys.reply_to.clone(),
            dead_letter_retention: or(keys.dead_letter_retention, 30 * 24 * HOUR),
            dead_letter_bytes_max: keys.dead_letter_bytes_max.map(|size| size.0),
        }
    }
}

impl From<&RetryKeys> for Retry {
    fn from(keys: &RetryKeys) -> Self {
        let mut retry = Retry::from(keys.preset.unwrap_or_default());
        if let Some(n) = keys.max_attempts {
            retry.max_attempts = n.get();
        }
        if let Some(age) = keys.max_age {
            retry.max_age = age.0;
        }
        if let Some(pauses) = &keys.pauses {
            retry.pauses = Pauses::Listed(pauses.iter().map(|p| p.0).collect());
        } else if keys.initial.is_some() || keys.factor.is_some() || keys.max.is_some() {
            let (initial, factor, max) = match retry.pauses {
                Pauses::Exponential {
                    initial,
                    factor,
                    max,
                } => (initial, factor, max),
                Pauses::Listed(_) => (seconds(1), 2.0, seconds(600)),
            };
            retry.pauses = Pauses::Exponential {
                initial: keys.initial.map_or(initial, |p| p.0),
                factor: keys.factor.unwrap_or(factor),
                max: keys.max.map_or(max, |p| p.0),
            };
        }
        if let Some(jitter) = keys.jitter {
            retry.full_jitter = jitter == Jitter::Full;
        }
        if let Some(max) = keys.retry_after_max {
            retry.retry_after_max = max.0;
        }
        retry
    }
}

impl From<Preset> for Retry {
    fn from(preset: Preset) -> Self {
        let exponential = |max| Pauses::Exponential {
            initial: seconds(1),
            factor: 2.0,
            max: seconds(max),
        };
        let listed = |pauses: &[u64]| Pauses::Listed(pauses.iter().map(|s| seconds(*s)).collect());
        let (max_attempts, hours, pauses, full_jitter) = match preset {
            Preset::Tradewind => (30, 24, exponential(600), true),
            Preset::EventBridge => (185, 24, exponential(600), true),
            Preset::EventGrid => (
                30,
                24,
                listed(&[
                    10,
                    30,
                    60,
                    300,
                    600,
                    1800,
                    HOUR,
                    3 * HOUR,
                    6 * HOUR,
                    12 * HOUR,
                ]),
                false,
            ),
            Preset::StandardWebhooks => (
                10,
                76,
                listed(&[
                    5,
                    300,
                    1800,
                    2 * HOUR,
                    5 * HOUR,
                    10 * HOUR,
                    14 * HOUR,
                    20 * HOUR,
                    24 * HOUR,
                ]),
                false,
            ),
        };
        Retry {
            max_attempts,
            max_age: seconds(hours * HOUR),
            pauses,
            full_jitter,
            // As long as its own longest pause.
            retry_after_max: match preset {
                Preset::StandardWebhooks => seconds(24 * HOUR),
                _ => seconds(HOUR),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_published_figures() {
        let hours = |preset: Preset| match Retry::from(preset).pauses {
            Pauses::Listed(pauses) => pauses.iter().map(Duration::as_secs).sum::<u64>() / HOUR,
            Pauses::Exponential { .. } => 0,
        };
        let event_bridge = Retry::from(Preset::EventBridge);
        assert_eq!(
            (event_bridge.max_attempts, event_bridge.max_age),
            (185, seconds(24 * HOUR))
        );
        assert_eq!(Retry::from(Preset::EventGrid).max_attempts, 30);
        assert_eq!(hours(Preset::EventGrid), 22);
        assert_eq!(hours(Preset::StandardWebhooks), 75);
    }
}
