//! Subscriptions: filter, sink and delivery policy.

use super::ShadowKeys;
use super::scalar::{Moment, Period, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::num::NonZero;

/// Where events go, which ones, and how.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Subscription {
    /// The space that it belongs to. Default `default`. Since 0.1.
    pub(crate) space: Option<String>,
    /// The stream that it reads. Default `default`. Since 0.1.
    pub(crate) stream: Option<String>,
    /// Who answers for it. Since 0.1.
    pub(crate) owner: Option<String>,
    /// What it is for. Since 0.1.
    pub(crate) why: Option<String>,
    /// Which events it takes; a dialect is always named. Default: all. Since 0.1.
    #[serde(default)]
    pub(crate) filter: Value,
    /// Whom it asks as to see events, where there are policies: those that `identity:NAME` may not `subscribe` to do
    /// not match. Default: nobody is asked. Since 0.1.
    #[serde(rename = "as")]
    pub(crate) identity: Option<String>,
    /// What the sink gets in place of the event: a step or a list of steps (`set`, `remove`,
    /// `template`, `input-path`, `input-transformer`). Default: the event as it is. Since 0.1.
    #[serde(default)]
    pub(crate) transform: Value,
    /// Where they go: `kind` and the settings of that kind. Since 0.1.
    pub(crate) sink: Value,
    /// Where it begins when it is new: `tip`, `oldest` or a time. Default `tip`. Since 0.1.
    pub(crate) start: Option<Moment>,
    /// Name that it had before: its cursor, backlog and counters are kept. Since 0.1.
    pub(crate) renamed_from: Option<String>,
    /// Retries. Since 0.1.
    #[serde(default)]
    pub(crate) retry: RetryKeys,
    /// Most attempts under way at once. Default 32. Since 0.1.
    pub(crate) concurrency: Option<NonZero<u32>>,
    /// Most attempts per second, with a burst of one second's worth. Default: no limit. Since 0.1.
    pub(crate) rate: Option<f64>,
    /// Time for one attempt. Default `15s`. Since 0.1.
    pub(crate) timeout: Option<Period>,
    /// Circuit breaker. Since 0.1.
    #[serde(default)]
    pub(crate) breaker: BreakerKeys,
    /// Oldest event that is still delivered, from its append; older ones become dead letters.
    /// Default `24h`, or `retry.max-age` where that is longer. Since 0.1.
    pub(crate) max_age: Option<Period>,
    /// Most events waiting; beyond it, the oldest waiting becomes a dead letter. Default: no cap.
    /// Since 0.1.
    pub(crate) backlog_max: Option<NonZero<u64>>,
    /// Several events per attempt, where the sink takes several. Since 0.1.
    #[serde(default)]
    pub(crate) batch: Batch,
    /// Every delivery waits this long after the append. Default `0s`. Since 0.1.
    pub(crate) delay: Option<Period>,
    /// With `order-by`: what happens to the key when an event is exhausted. Default `continue`.
    /// Since 0.1.
    pub(crate) on_exhaustion: Option<Exhaustion>,
    /// Most bytes of events parked behind exhausted keys; beyond it they become dead letters.
    /// Default `64MiB`. Since 0.1.
    pub(crate) parked_bytes_max: Option<Size>,
    /// Hop count above which an event becomes a dead letter: a loop. Default 16. Since 0.1.
    pub(crate) hops_max: Option<NonZero<u32>>,
    /// Stream that reply events are appended to. Default: replies are dropped, and `explain` says
    /// so. Since 0.1.
    pub(crate) reply_to: Option<String>,
    /// How long dead letters are kept; then they are purged, and counted. Default `30d`. Since 0.1.
    pub(crate) dead_letter_retention: Option<Period>,
    /// Most bytes of events in dead letters, for each shard of the stream; beyond it the oldest are
    /// purged, and counted. Default: no cap. Since 0.1.
    pub(crate) dead_letter_bytes_max: Option<Size>,
    /// Makes it a shadow of another subscription: it only looks on, and is compared. Since 0.1.
    pub(crate) shadow: Option<ShadowKeys>,
}

/// Retry policy: a preset, and what is to differ from it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct RetryKeys {
    /// Named policy to start from. Default `tradewind`. Since 0.1.
    pub(crate) preset: Option<Preset>,
    /// Most attempts, the first included. Default 30. Since 0.1.
    pub(crate) max_attempts: Option<NonZero<u32>>,
    /// Longest time since the first attempt. Default `24h`. Since 0.1.
    pub(crate) max_age: Option<Period>,
    /// First pause. Default `1s`. Since 0.1.
    pub(crate) initial: Option<Period>,
    /// Each pause is this many times the one before. Default 2. Since 0.1.
    pub(crate) factor: Option<f64>,
    /// Longest pause. Default `10m`. Since 0.1.
    pub(crate) max: Option<Period>,
    /// Pauses written out, in place of `initial`, `factor` and `max`; the last one repeats.
    /// Since 0.1.
    pub(crate) pauses: Option<Vec<Period>>,
    /// Whether pauses are drawn at random. Default `full`. Since 0.1.
    pub(crate) jitter: Option<Jitter>,
    /// `Retry-After` is obeyed up to this. Default `1h`. Since 0.1.
    pub(crate) retry_after_max: Option<Period>,
}

/// A named retry policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
    /// 30 attempts in 24 h; pauses from 1 s, doubling up to 10 min; full jitter.
    #[default]
    Tradewind,
    /// As Amazon EventBridge: 185 attempts in 24 h; pauses from 1 s, doubling up to 10 min; full
    /// jitter.
    EventBridge,
    /// As Azure Event Grid: 30 attempts in 24 h; pauses of 10 s, 30 s, 1 min, 5 min, 10 min,
    /// 30 min, 1 h, 3 h, 6 h, then 12 h; no jitter.
    EventGrid,
    /// As Standard Webhooks recommends: 10 attempts in 76 h; pauses of 5 s, 5 min, 30 min, 2 h,
    /// 5 h, 10 h, 14 h, 20 h, 24 h; no jitter; `Retry-After` is obeyed up to 24 h.
    StandardWebhooks,
}

/// Whether pauses are drawn at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Jitter {
    /// From 0 up to the full pause.
    Full,
    /// The pause as it is.
    None,
}

/// Circuit breaker: a sink that fails again and again is left alone for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct BreakerKeys {
    /// Consecutive failures that open the circuit; 0 turns the breaker off. Default 5. Since 0.1.
    pub(crate) failures: Option<u32>,
    /// Time until one probe is let through; doubles up to `cooldown-max`. Default `10s`. Since 0.1.
    pub(crate) cooldown: Option<Period>,
    /// Longest time between probes. Default `5m`. Since 0.1.
    pub(crate) cooldown_max: Option<Period>,
}

/// Several events per attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Batch {
    /// Most events per attempt. Default 1. Since 0.1.
    pub(crate) max: Option<NonZero<u32>>,
    /// Longest wait for a batch to fill. Default `0s`. Since 0.1.
    pub(crate) wait: Option<Period>,
}

/// What follows when an event of an ordering key is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Exhaustion {
    /// The event becomes a dead letter, the key goes on.
    #[default]
    Continue,
    /// The key waits until its dead letter is redriven or purged.
    Park,
}
