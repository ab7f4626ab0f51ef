//! What the engine is told to do: streams and subscriptions, ready to run.

mod group;
mod shadow;

pub use group::{Group, Member, Split};
pub use shadow::Shadow;

use crate::Quotas;
use crate::aside::judged;
use crate::engine::SPACE;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::Sink;
use tradewind_event::Event;
use tradewind_filter::Filter;
use tradewind_policy::{Action, Decision, Policies, Principal, Resource};
use tradewind_schema::Schemas;
use tradewind_store::Settings;
use tradewind_transform::Transform;

/// One generation of configuration, validated and built.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Streams by name. `default` always exists.
    pub streams: BTreeMap<String, StreamPlan>,
    /// Who may do what.
    pub policies: Policies,
    /// What data is held against.
    pub schemas: Arc<Schemas>,
    /// Spaces by name. `default` always exists.
    pub spaces: BTreeMap<String, Quotas>,
    /// Subscriptions by name.
    pub subscriptions: BTreeMap<String, SubscriptionPlan>,
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPlan {
    /// The space that it belongs to.
    pub space: Arc<str>,
    /// How it is stored.
    pub settings: Settings,
    /// Attribute whose value is the ordering key, for instance `subject`. With it, deliveries of
    /// one key happen one after the other, in order.
    pub order_by: Option<String>,
    /// Deduplication window, unless the source asks for a longer one (default 10 minutes).
    pub dedupe_window: Option<Duration>,
}

impl Default for StreamPlan {
    fn default() -> Self {
        Self {
            space: SPACE.into(),
            settings: Settings::default(),
            order_by: None,
            dedupe_window: None,
        }
    }
}

/// A subscription: filter, sink and delivery policy.
#[derive(Debug, Clone)]
pub struct SubscriptionPlan {
    /// The space that it belongs to.
    pub space: Arc<str>,
    /// The stream it reads.
    pub stream: String,
    /// The filter, compiled.
    pub filter: Arc<Filter>,
    /// The filter as written; what is recorded in the log when it changes.
    pub definition: serde_json::Value,
    /// Whom it asks as to see events; `None` where nobody is asked.
    pub sight: Option<Sight>,
    /// What the sink gets in place of the event, compiled; `None` for the event itself.
    pub transform: Option<Arc<Transform>>,
    /// The sink, built.
    pub sink: Arc<dyn Sink>,
    /// Where a new subscription begins.
    pub start: Start,
    /// Name that it had before: its cursor, backlog and counters are kept.
    pub renamed_from: Option<String>,
    /// How it delivers.
    pub policy: Policy,
    /// Sinks in place of `sink`, which then only says what all of them can do.
    pub group: Option<Group>,
    /// It only looks on, beside another subscription.
    pub shadow: Option<Shadow>,
    /// Whether attempts are started, where that is said for all who share the stream; `None` where each shard has it
    /// from [`crate::Engine::pause`] and [`crate::Engine::resume`].
    pub paused: Option<bool>,
}

/// What a subscription may see: events that its identity may not subscribe to do not match.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Whom it asks as.
    pub who: Principal,
    /// Who is asked.
    pub policies: Policies,
}

impl Sight {
    /// Whether an event of a stream may be seen.
    pub fn of(&self, stream: &str, event: &Event) -> Decision {
        let resource = Resource::Stream(stream);
        judged(event, |facts| {
            self.policies
                .decide(&self.who, Action::Subscribe, resource, facts)
        })
    }
}

/// Where a new subscription begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With the next event. The default.
    #[default]
    Tip,
    /// With the oldest event that is kept.
    Oldest,
    /// With the first event appended at or after this time, milliseconds since the Unix epoch.
    Time(u64),
}

/// Delivery policy of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Most attempts under way at once (default 32).
    pub concurrency: usize,
    /// Most attempts per second, with a burst of one second's worth; `None` for no limit.
    pub rate_per_second: Option<f64>,
    /// Time for one attempt (default 15 s).
    pub timeout: Duration,
    /// Retries.
    pub retry: Retry,
    /// Circuit breaker.
    pub breaker: Breaker,
    /// Oldest event that is still delivered, from its append (default 24 h); older ones are dead
    /// letters.
    pub max_age: Duration,
    /// Most events waiting; beyond it, the oldest waiting becomes a dead letter. `None` for no cap.
    pub backlog_max: Option<u64>,
    /// Events per attempt, where the sink takes several (default 1).
    pub batch_max: usize,
    /// Longest wait for a batch to fill (default none).
    pub batch_wait: Duration,
    /// Every delivery waits this long after the append (default none).
    pub delay: Duration,
    /// With an ordering key: what happens to the key when an event is exhausted.
    pub on_exhaustion: OnExhaustion,
    /// Most bytes of events parked behind exhausted keys; beyond it they become dead letters
    /// (default 64 MiB).
    pub parked_bytes_max: u64,
    /// Hop count above which an event becomes a dead letter: a loop (default 16).
    pub hops_max: u32,
    /// Stream that reply events are appended to; `None` drops replies, and says so in `explain`.
    pub reply_to: Option<String>,
    /// How long dead letters are kept (default 30 days); then they are purged, and counted.
    pub dead_letter_retention: Duration,
    /// Most bytes of events in dead letters, per shard; beyond it the oldest are purged, and counted.
    /// `None` for no cap, the default.
    pub dead_letter_bytes_max: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            concurrency: 32,
            rate_per_second: None,
            timeout: Duration::from_secs(15),
            retry: Retry::default(),
            breaker: Breaker::default(),
            max_age: Duration::from_secs(24 * 3600),
            backlog_max: None,
            batch_max: 1,
            batch_wait: Duration::ZERO,
            delay: Duration::ZERO,
            on_exhaustion: OnExhaustion::default(),
            parked_bytes_max: 64 << 20,
            hops_max: 16,
            reply_to: None,
            dead_letter_retention: Duration::from_secs(30 * 24 * 3600),
            dead_letter_bytes_max: None,
        }
    }
}

/// With an ordering key, what follows when an event is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExhaustion {
    /// The event becomes a dead letter, the key goes on. The default.
    #[default]
    Continue,
    /// The key waits until its dead letter is redriven or purged.
    Park,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    /// Consecutive failures that open the circuit (default 5); 0 turns the breaker off.
    pub failures: u32,
    /// Time until one probe is let through (default 10 s); doubles up to `cooldown_max`.
    pub cooldown: Duration,
    /// Longest time between probes (default 5 min).
    pub cooldown_max: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            cooldown: Duration::from_secs(10),
            cooldown_max: Duration::from_secs(300),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 30,
            max_age: Duration::from_secs(24 * 3600),
            pauses: Pauses::Exponential {
                initial: Duration::from_secs(1),
                factor: 2.0,
                max: Duration::from_secs(600),
            },
            full_jitter: true,
            retry_after_max: Duration::from_secs(3600),
        }
    }
}
