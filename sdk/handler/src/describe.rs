//! What a handler says about itself before it runs.

use std::time::Duration;

/// What stands at the other end of a delivery, the same on every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A request of somebody who waits for the answer.
    Http,
    /// A call by the platform's own name for that: an invocation, an activation.
    Call,
    /// A queue: a message is taken by one, and comes again until it is done.
    Queue,
    /// A topic that pushes what is published.
    Topic,
    /// A stream or log, in order by shard.
    Stream,
    /// A clock.
    Timer,
}

impl Kind {
    /// As the manifest has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Call => "call",
            Kind::Queue => "queue",
            Kind::Topic => "topic",
            Kind::Stream => "stream",
            Kind::Timer => "timer",
        }
    }
}

/// What a handler's arguments ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Takes {
    /// One event.
    Event,
    /// As many events as the trigger brings at once.
    Batch,
    /// The HTTP request itself.
    Request,
}

/// What a handler's result may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replies {
    /// Nothing but the outcome.
    Never,
    /// An event.
    May,
    /// An HTTP response, perhaps as a stream.
    Responds,
}

/// A trigger that a handler is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// What it is.
    pub kind: Kind,
    /// What it reads from, where that has a name.
    pub name: Option<String>,
    /// When a timer is due: five fields of cron, in UTC.
    pub schedule: Option<String>,
}

/// Where something goes: `queue`, `topic`, `stream` or `bucket`, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What it is.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// An environment variable that a handler reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub name: String,
    /// Whether its value is to be kept in a store of secrets.
    pub secret: bool,
    /// Whether the handler does not start without it.
    pub required: bool,
}

/// Something outside that a handler uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// `publish`, `read`, `write` or `invoke`.
    pub access: &'static str,
    /// What it is: `queue`, `topic`, `bucket`, …
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What a handler says about itself: the part of the program's manifest that it is responsible for. Nothing of it is
/// looked at while events are handled, but for `batch_max`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// What it is called.
    pub name: String,
    /// Types of events that it is given; empty for all. `*` at the end stands for anything.
    pub types: Vec<String>,
    /// The same for sources.
    pub sources: Vec<String>,
    /// Triggers that it is made for; empty for whatever there is.
    pub triggers: Vec<Trigger>,
    /// By its arguments.
    pub takes: Takes,
    /// By its result.
    pub replies: Replies,
    /// Where its replies go where nobody waits for them and the host can put them there by itself.
    pub replies_to: Option<Target>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How much memory it should have.
    pub memory_mib: Option<u32>,
    /// Most events in one batch.
    pub batch_max: usize,
    /// Variables that it reads.
    pub settings: Vec<Setting>,
    /// What it uses.
    pub needs: Vec<Need>,
}

/// Most events that a batch has where nothing else is said.
const BATCH_MAX: usize = 100;

impl Description {
    /// Of a handler of this name that takes and replies whatever there is.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            types: Vec::new(),
            sources: Vec::new(),
            triggers: Vec::new(),
            takes: Takes::Event,
            replies: Replies::May,
            replies_to: None,
            timeout: None,
            memory_mib: None,
            batch_max: BATCH_MAX,
            settings: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// By arguments and result; for what implements [`Handler`](crate::Handler).
    #[must_use]
    pub fn by_types(mut self, takes: &[Takes], replies: Replies) -> Self {
        self.takes = takes.iter().copied().max().unwrap_or(Takes::Event);
        self.replies = replies;
        self
    }
}

/// What is known of a handler beside its code. It goes into the manifest, from which `cargo tradewind package`
/// makes triggers, limits and permissions; see [`HandlerExt::declare`](crate::HandlerExt::declare).
///
/// ```
/// use std::time::Duration;
/// use tradewind::{Ack, Declare, Event, HandlerExt};
///
/// #[tradewind::handler]
/// async fn charge(order: Event) -> Ack {
///     Ack
/// }
///
/// let charging = charge.declare(
///     Declare::new()
///         .queue("orders")
///         .timeout(Duration::from_secs(30))
///         .secret("PAYMENTS_KEY")
///         .publishes("topic", "orders-charged"),
/// );
/// ```
#[derive(Debug, Clone, Default)]
pub struct Declare {
    triggers: Vec<Trigger>,
    replies_to: Option<Target>,
    timeout: Option<Duration>,
    memory_mib: Option<u32>,
    batch_max: Option<usize>,
    settings: Vec<Setting>,
    needs: Vec<Need>,
}

impl Declare {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// It answers requests.
    #[must_use]
    pub fn http(self) -> Self {
        self.trigger(Kind::Http, None)
    }
    /// It is called by the platform's own name for that.
    #[must_use]
    pub fn call(self) -> Self {
        self.trigger(Kind::Call, None)
    }
    /// It takes messages of this queue.
    #[must_use]
    pub fn queue(self, name: impl Into<String>) -> Self {
        self.trigger(Kind::Queue, Some(name.into()))
    }
    /// It is pushed what this topic gets.
    #[must_use]
    pub fn topic(self, name: impl Into<String>) -> Self {
        self.trigger(Kind::Topic, Some(name.into()))
    }
    /// It reads this stream.
    #[must_use]
    pub fn stream(self, name: impl Into<String>) -> Self {
        self.trigger(Kind::Stream, Some(name.into()))
    }
    /// A clock calls it by this name when it is due by five fields of cron (minute, hour, day of the month, month, day
    /// of the week) in UTC. Wherever the clock is, the event is that of a [schedule] of a gateway: type
    /// `schedule.fired`, the name as subject, `{"schedule": NAME, "due": TIME}` as data.
    ///
    /// [schedule]: https://github.com/tradewind-events/tradewind/blob/main/docs/guides/schedules.md
    #[must_use]
    pub fn timer(mut self, name: impl Into<String>, cron: impl Into<String>) -> Self {
        self.triggers.push(Trigger {
            kind: Kind::Timer,
            name: Some(name.into()),
            schedule: Some(cron.into()),
        });
        self
    }
    /// Its replies go to this (`queue`, `topic`, `stream`, `bucket`) where nobody waits for them: by an output binding
    /// on Azure. Elsewhere `TRADEWIND_REPLY_URL` says where.
    #[must_use]
    pub fn replies_to(mut self, kind: impl Into<String>, name: impl Into<String>) -> Self {
        self.replies_to = Some(Target {
            kind: kind.into(),
            name: name.into(),
        });
        self
    }
    /// It is done within this time, or to be given up.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }
    /// It wants this much memory.
    #[must_use]
    pub fn memory_mib(mut self, mib: u32) -> Self {
        self.memory_mib = Some(mib);
        self
    }
    /// Its batches have at most this many events, at least one. Default 100.
    #[must_use]
    pub fn batch_max(mut self, events: usize) -> Self {
        self.batch_max = Some(events.max(1));
        self
    }
    /// It does not start without this variable.
    #[must_use]
    pub fn setting(self, name: impl Into<String>) -> Self {
        self.variable(name.into(), false, true)
    }
    /// It reads this variable where it is set.
    #[must_use]
    pub fn optional(self, name: impl Into<String>) -> Self {
        self.variable(name.into(), false, false)
    }
    /// It does not start without this variable, whose value is nobody's business.
    #[must_use]
    pub fn secret(self, name: impl Into<String>) -> Self {
        self.variable(name.into(), true, true)
    }
    /// It publishes to this (`queue`, `topic`, `stream`).
    #[must_use]
    pub fn publishes(self, kind: impl Into<String>, name: impl Into<String>) -> Self {
        self.need("publish", kind.into(), name.into())
    }
    /// It reads from this (`bucket`, `table`, `secret`, …).
    #[must_use]
    pub fn reads(self, kind: impl Into<String>, name: impl Into<String>) -> Self {
        self.need("read", kind.into(), name.into())
    }
    /// It writes to this (`bucket`, `table`, …).
    #[must_use]
    pub fn writes(self, kind: impl Into<String>, name: impl Into<String>) -> Self {
        self.need("write", kind.into(), name.into())
    }
    /// It calls this (`function`, `url`).
    #[must_use]
    pub fn invokes(self, kind: impl Into<String>, name: impl Into<String>) -> Self {
        self.need("invoke", kind.into(), name.into())
    }

    fn trigger(mut self, kind: Kind, name: Option<String>) -> Self {
        self.triggers.push(Trigger {
            kind,
            name,
            schedule: None,
        });
        self
    }

    fn variable(mut self, name: String, secret: bool, required: bool) -> Self {
        self.settings.push(Setting {
            name,
            secret,
            required,
        });
        self
    }

    fn need(mut self, access: &'static str, kind: String, name: String) -> Self {
        self.needs.push(Need { access, kind, name });
        self
    }

    pub(crate) fn added_to(&self, mut description: Description) -> Description {
        description.triggers.extend(self.triggers.iter().cloned());
        description.settings.extend(self.settings.iter().cloned());
        description.needs.extend(self.needs.iter().cloned());
        description.replies_to = self.replies_to.clone().or(description.replies_to);
        description.timeout = self.timeout.or(description.timeout);
        description.memory_mib = self.memory_mib.or(description.memory_mib);
        description.batch_max = self.batch_max.unwrap_or(description.batch_max);
        description
    }
}
