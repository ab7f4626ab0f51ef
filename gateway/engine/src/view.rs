//! What the engine tells of itself: plain data for the admin API and the command line.

mod comparison;
mod member;

pub use comparison::{Answered, ComparisonView, Differing};
pub use member::{MemberStop, MemberView};

use serde::{Deserialize, Serialize};
use tradewind_adapter::Reason;
use tradewind_event::Event;

/// The accounts of one subscription. At every quiesced moment
/// `matched = accepted + dead_lettered + expired + cancelled + purged + pending`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Deliveries that routing made.
    pub matched: u64,
    /// Taken by the sink.
    pub accepted: u64,
    /// In the dead letters now.
    pub dead_lettered: u64,
    /// Past their `expirytime`.
    pub expired: u64,
    /// Discarded with their subscription.
    pub cancelled: u64,
    /// Dead letters removed by retention or by hand; of a shadow, what it could not deliver.
    pub purged: u64,
    /// Waiting, scheduled, parked or under way.
    pub pending: u64,
    /// Events that the filter turned away; beside the identity.
    pub filtered: u64,
    /// Attempts made; beside the identity.
    pub attempts: u64,
}

impl Account {
    /// Adds the accounts of another shard.
    pub(crate) fn add(&mut self, other: &Self) {
        self.matched += other.matched;
        self.accepted += other.accepted;
        self.dead_lettered += other.dead_lettered;
        self.expired += other.expired;
        self.cancelled += other.cancelled;
        self.purged += other.purged;
        self.pending += other.pending;
        self.filtered += other.filtered;
        self.attempts += other.attempts;
    }
    /// Whether the identity holds.
    pub fn balances(&self) -> bool {
        self.matched
            == self.accepted
                + self.dead_lettered
                + self.expired
                + self.cancelled
                + self.purged
                + self.pending
    }
}

/// The accounts of one stream: `admitted = appended + duplicates`, at every quiesced moment, since
/// the gateway started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamAccount {
    /// Events that passed admission.
    pub admitted: u64,
    /// Events written.
    pub appended: u64,
    /// Events recognised as duplicates.
    pub duplicates: u64,
    /// Events that matched no subscription.
    pub unmatched: u64,
}

impl StreamAccount {
    /// Whether the identity holds.
    pub fn balances(&self) -> bool {
        self.admitted == self.appended + self.duplicates
    }
}

/// What a subscription is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionView {
    /// Name.
    pub name: String,
    /// Stream.
    pub stream: String,
    /// `active`, `paused`, `disabled` (the sink said it is gone), `suspended` (removed from the
    /// configuration, with a backlog), `elsewhere` (other nodes serve all of its stream) or `discarded` (only its closed account is left; its name is
    /// `<name> (discarded)`).
    pub state: String,
    /// `closed`, `open` or `half-open`.
    pub circuit: String,
    /// Where the sink goes.
    pub sink: String,
    /// Its accounts.
    pub account: Account,
    /// Position of the oldest event that is not settled, per shard.
    pub cursors: Vec<String>,
    /// Attempts under way.
    pub in_flight: u64,
    /// Bytes of log that it has not read yet: its backlog beyond what is pending.
    pub behind_bytes: u64,
    /// Ordering keys that have something pending.
    #[serde(default)]
    pub busy_keys: u64,
    /// Events on which its filter ended in an error, and so did not match, since the start.
    #[serde(default)]
    pub filter_errors: u64,
    /// Why it reads no further until somebody does something; `None` while it does.
    #[serde(default)]
    pub held_up: Option<String>,
    /// Who answers for it; the engine does not know.
    #[serde(default)]
    pub owner: Option<String>,
    /// What it is for; the engine does not know.
    #[serde(default)]
    pub why: Option<String>,
    /// The space that it belongs to; `None` where it is no longer configured.
    #[serde(default)]
    pub space: Option<String>,
    /// The subscription that it is compared with, where it only looks on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<String>,
    /// The members of its group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberView>,
}

/// What happened to one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// Stream.
    pub stream: String,
    /// Position.
    pub position: String,
    /// The event's identity.
    pub id: String,
    /// The event's source.
    pub source: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub ty: String,
    /// The event's subject.
    pub subject: Option<String>,
    /// When it was appended, milliseconds since the Unix epoch.
    pub received_ms: u64,
    /// The gateway source that took it.
    pub via: String,
    /// Who sent it, and how that was shown.
    pub principal: String,
    /// One per subscription of the stream.
    pub subscriptions: Vec<Stop>,
}

/// What one subscription made of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Subscription, or `subscription (replay id)`.
    pub subscription: String,
    /// `not-routed-yet`, `filtered`, `pending`, `scheduled`, `parked`, `accepted`, `dead-lettered`,
    /// `given-up` (by a shadow), `expired`, `cancelled`, `purged`.
    pub state: String,
    /// Each predicate with the value it met.
    pub predicates: Vec<Predicate>,
    /// Attempts so far.
    pub attempts: Vec<Attempt>,
    /// When the next attempt is due, milliseconds since the Unix epoch.
    pub due_ms: Option<u64>,
    /// Why it ended as it did, where that is not plain.
    pub reason: Option<String>,
    /// Who answers for the subscription; the engine does not know.
    #[serde(default)]
    pub owner: Option<String>,
    /// What it is for; the engine does not know.
    #[serde(default)]
    pub why: Option<String>,
    /// The member of a group that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberStop>,
}

/// One predicate of a filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predicate {
    /// As the operator wrote it.
    pub predicate: String,
    /// What the event holds there.
    pub actual: Option<String>,
    /// Whether it held.
    pub holds: bool,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it began, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How long it took.
    pub took_ms: u64,
    /// `accepted`, `retry` or `reject`.
    pub outcome: String,
    /// Why it failed; for accepted ones the receipt, if any, in `detail`.
    pub reason: Option<Reason>,
    /// The member of a group that it went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Subscription.
    pub subscription: String,
    /// Stream.
    pub stream: String,
    /// Position of the event.
    pub position: String,
    /// When it became one, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// `exhausted`, `rejected`, `too-old`, `hops`, `backlog`, `parked-overflow`, `damaged`.
    pub cause: String,
    /// The event's `id`, `source` and `type`.
    pub id: String,
    /// The event's source.
    pub source: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub ty: String,
    /// Attempts made.
    pub attempts: Vec<Attempt>,
}

/// A replay job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayView {
    /// Id of the job.
    pub id: String,
    /// Subscription that gets the events again.
    pub subscription: String,
    /// `running`, `done` or `cancelled`.
    pub state: String,
    /// Its own accounts.
    pub account: Account,
}

/// Something that happened, for `tail` and `dev`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// `received`, `duplicate`, `refused`, `matched`, `unmatched`, `attempt`, `accepted`, `retry`,
    /// `dead-lettered`, `given-up`, `expired`, `cancelled`, `circuit`, `reloaded`.
    pub what: String,
    /// Stream, where it concerns one.
    pub stream: Option<String>,
    /// Position, where it concerns an event.
    pub position: Option<String>,
    /// The event's id.
    pub id: Option<String>,
    /// The event's type.
    #[serde(rename = "type")]
    pub ty: Option<String>,
    /// Subscription or source.
    pub name: Option<String>,
    /// In a few words.
    pub detail: String,
    /// The event itself, for telling who may see this.
    #[serde(skip)]
    pub event: Option<Event>,
}
