//! The engine's face: what the server calls.

mod admission;
mod authority;
mod compare;
mod contracts;
mod find;
mod keep;
mod open;
mod operate;
mod quotas;
mod stream;

use crate::announce::Announcer;
use crate::spaces::{Charging, Spaces};
use crate::time::Time;
use crate::{
    Charge, Clock, ComparisonView, DeadLetter, Exceeded, Happening, Imbalance, Journey, Plan,
    ReplayView, SpaceView, Start, StreamAccount, SubscriptionView, imbalances,
};
use arc_swap::ArcSwap;
use authority::Authority;
pub use authority::Denied;
use contracts::Contracts;
pub use contracts::Violated;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
pub use stream::Reach;
use stream::StreamHandle;
use tokio::sync::{Mutex, broadcast};
use tradewind_event::Event;
use tradewind_policy::{Action, Decision, Facts, Principal, Resource};
use tradewind_schema::Schemas;
use tradewind_store::Streams;

/// The space of whatever names none; where streams lie in the store, whichever theirs is.
pub(crate) const SPACE: &str = "default";

/// Who published, through what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the gateway source.
    pub source: Arc<str>,
    /// Who sent it, and how that was shown: `github:acme/app (signature)`.
    pub principal: Arc<str>,
    /// Whom policies take it from.
    pub who: Principal,
    /// Deduplication window that the source needs, if longer than the stream's.
    pub dedupe_window: Option<Duration>,
}

/// What became of a published event. Durable when it is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Position, `shard/offset`.
    pub position: String,
    /// It was there already; the position is the original one.
    pub duplicate: bool,
    /// Subscriptions whose filter it passes, by the configuration now in force.
    pub matched: usize,
    /// When it will be appended, milliseconds since the Unix epoch, where it was published for later;
    /// it has no position yet. The engine itself appends at once.
    pub due_ms: Option<u64>,
}

/// Why a publish was refused. Nothing of the batch was appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Events that are not valid: (index, what is wrong).
    #[error("{} invalid event(s)", .0.len())]
    Invalid(Vec<(usize, String)>),
    /// Events that policies keep out: (index, why).
    #[error("{} event(s) may not be published: {}", .0.len(), .0.first().map_or("", |(_, why)| why))]
    Denied(Vec<(usize, String)>),
    /// Events whose data breaks its schema: (index, what is wrong).
    #[error("{} event(s) break their schema", .0.len())]
    Schema(Vec<(usize, String)>),
    /// The same (source, id) was published before with other content: (index, original position).
    #[error("{} event(s) differ from what was published under the same source and id", .0.len())]
    Conflict(Vec<(usize, String)>),
    /// The stream's space is at its quota.
    #[error("{0}")]
    Quota(Exceeded),
    /// There is no such stream.
    #[error("no stream `{0}`")]
    NoStream(String),
    /// Overloaded or out of space: come back later.
    #[error("{reason}")]
    Later {
        /// What is short.
        reason: String,
        /// When to come back.
        after: Duration,
        /// The disk is full (507 rather than 503).
        full: bool,
    },
    /// The store failed or the engine is stopping.
    #[error("{0}")]
    Unavailable(String),
}

impl Receipt {
    /// Whether another node decides if it was there already: it is durable, and its position is not known here.
    pub fn is_undecided(&self) -> bool {
        self.position.is_empty() && self.due_ms.is_none()
    }
}

impl PublishError {
    /// Whether the same events may be taken later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Later { .. } | Self::Quota(_) | Self::Unavailable(_)
        )
    }
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Another node serves it: which, for people.
    #[error("{0}")]
    Elsewhere(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] tradewind_store::Error),
}

/// The running engine. Cheap to clone; it stops when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    reach: Reach,
}

#[derive(Debug)]
pub(crate) struct Inner {
    store: Arc<dyn Streams>,
    time: Time,
    announcer: Announcer,
    streams: ArcSwap<BTreeMap<String, Arc<StreamHandle>>>,
    authority: Authority,
    contracts: Contracts,
    spaces: Arc<Spaces>,
    /// Serialises changes of the plan.
    changing: Mutex<()>,
    stopping: AtomicBool,
}

impl Engine {
    /// Opens the streams, recovers every shard, starts delivering.
    ///
    /// # Errors
    /// The store fails, or the plan contradicts what the streams hold (shards, `order-by`).
    pub async fn start(
        plan: Plan,
        streams: Arc<dyn Streams>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let time = Time::start(clock);
        let inner = Arc::new(Inner {
            store: streams,
            announcer: Announcer::new(time.clone()),
            time,
            streams: ArcSwap::default(),
            authority: Authority::default(),
            contracts: Contracts::default(),
            spaces: Arc::default(),
            changing: Mutex::new(()),
            stopping: AtomicBool::new(false),
        });
        inner.begin(plan).await?;
        Ok(Self {
            inner,
            reach: Reach::Whole,
        })
    }

    /// The same engine, whose operations on a subscription are about so much of its stream.
    #[must_use]
    pub fn reaching(&self, reach: Reach) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            reach,
        }
    }

    /// Puts a new plan in force, all of it or nothing. Events at later positions are routed by it.
    ///
    /// # Errors
    /// As [`Engine::start`]; the plan before stays in force.
    pub async fn apply(&self, plan: Plan) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        whole(async move { inner.apply(plan).await }).await
    }

    /// Admits events: authorises, validates, deduplicates, appends. Returns when all are durable.
    ///
    /// # Errors
    /// Nothing of the batch was appended; see [`PublishError`].
    pub async fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        let asked = Charging::Asked;
        self.inner.publish(stream, origin, events, asked).await
    }

    /// As [`Engine::publish`], for what was let in before: no quota refuses it, and what it takes is paid off later.
    ///
    /// # Errors
    /// As [`Engine::publish`].
    pub async fn publish_owed(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        let owed = Charging::Owed;
        self.inner.publish(stream, origin, events, owed).await
    }

    /// As [`Engine::publish`], for what the gateway itself says: in the stream `system`, or with a type
    /// or source that nobody else may use.
    ///
    /// # Errors
    /// As [`Engine::publish`].
    pub async fn publish_own(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        let free = Charging::Not;
        self.inner.admit(stream, origin, events, &[], free).await
    }

    /// Whether a stream is there and takes these events of others: not reserved for the gateway, and not denied.
    ///
    /// # Errors
    /// As [`Engine::publish`].
    pub fn takes(
        &self,
        stream: &str,
        origin: &Origin,
        events: &[Event],
    ) -> Result<(), PublishError> {
        crate::own::refuse(stream, events)?;
        self.inner.authority.publish(stream, origin, events)?;
        let space = || self.inner.owner_of(stream);
        self.inner.contracts.refuse(space, events)?;
        match self.inner.streams.load().contains_key(stream) {
            true => Ok(()),
            false => Err(PublishError::NoStream(stream.to_owned())),
        }
    }

    /// As [`Engine::publish`], for what was charged when it was accepted for later.
    ///
    /// # Errors
    /// As [`Engine::publish`].
    pub async fn publish_charged(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        let before = Charging::Not;
        self.inner.publish(stream, origin, events, before).await
    }

    /// Whether the space of a stream takes anything now; for refusing before a body is read.
    ///
    /// # Errors
    /// It is at a quota.
    pub fn room(&self, stream: &str) -> Result<(), Exceeded> {
        self.inner.room(stream)
    }

    /// Takes so much of the quotas of a stream's space.
    ///
    /// # Errors
    /// It is at a quota.
    pub fn charge(&self, stream: &str, events: usize, bytes: usize) -> Result<Charge, Exceeded> {
        self.inner.charge(stream, events, bytes)
    }

    /// As [`Engine::charge`], whether or not there is room.
    pub fn owe(&self, stream: &str, events: usize, bytes: usize) -> Charge {
        self.inner.owe(stream, events, bytes)
    }

    /// The name of the space that a stream belongs to.
    pub fn space_of(&self, stream: &str) -> Arc<str> {
        self.inner.owner_of(stream)
    }

    /// How many spaces there are.
    pub fn space_count(&self) -> usize {
        self.inner.spaces.all().len()
    }

    /// Every space.
    pub fn spaces(&self) -> BTreeMap<String, SpaceView> {
        self.inner.space_views()
    }

    /// Where the event with this `source` and `id` lies in a stream, as long as its log holds it,
    /// whether or not the deduplication window has ended.
    ///
    /// # Errors
    /// There is no such stream, or the store fails.
    pub async fn position(
        &self,
        stream: &str,
        source: &str,
        id: &str,
    ) -> Result<Option<String>, Error> {
        self.inner.position(stream, source, id).await
    }

    /// What happens from now on. A slow reader misses some and is told how many.
    pub fn happenings(&self) -> broadcast::Receiver<Happening> {
        self.inner.announcer.subscribe()
    }

    /// Whether anybody listens to what happens; for nobody it need not be put into words.
    pub fn listened(&self) -> bool {
        self.inner.announcer.listened()
    }

    /// Lets the server report what it alone sees (refused requests, reloads).
    pub fn report(&self, happening: Happening) {
        self.inner.announcer.tell(happening);
    }

    /// The journeys of the events that `query` names: an id, a prefix of one (8 characters or more),
    /// `stream@shard/offset`, or a delivery id.
    ///
    /// Ids are looked for in the newest 256 MiB of each shard's log, at most 20 journeys; positions
    /// and delivery ids are found as long as the event is kept.
    ///
    /// # Errors
    /// Nothing is found, or the store fails.
    pub async fn explain(&self, query: &str) -> Result<Vec<Journey>, Error> {
        self.inner.explain(query, |_| true).await
    }

    /// As [`Engine::explain`], among the events of those streams that `sees` names.
    ///
    /// # Errors
    /// As [`Engine::explain`].
    pub async fn explain_among(
        &self,
        query: &str,
        sees: impl Fn(&str) -> bool,
    ) -> Result<Vec<Journey>, Error> {
        self.inner.explain(query, sees).await
    }

    /// What `tell` makes of the newest events of `stream`, at most `most` of them, in the order in which they were
    /// appended, none of them before `since_ms` (milliseconds since the Unix epoch). It is a look: at most 16 MiB of
    /// events, out of the last 256 MiB of each shard's log.
    ///
    /// # Errors
    /// There is no such stream, or the store fails.
    pub async fn recent<T>(
        &self,
        stream: &str,
        since_ms: u64,
        most: usize,
        tell: impl Fn(&Event) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        self.inner.recent(stream, since_ms, most, tell).await
    }

    /// The event at `position` (`shard/offset`) of `stream`, as it was stored.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub async fn event(&self, stream: &str, position: &str) -> Result<Event, Error> {
        self.inner.event(stream, position).await
    }

    /// Every subscription, suspended ones included, by name.
    pub async fn subscriptions(&self) -> Vec<SubscriptionView> {
        self.inner.subscriptions().await
    }

    /// Accounts of every stream since the start.
    pub async fn streams(&self) -> BTreeMap<String, StreamAccount> {
        let streams = self.inner.streams.load();
        let accounts = streams.iter().map(|(name, s)| (name.clone(), s.account()));
        accounts.collect()
    }

    /// Holds events against these schemas from now on, in place of those of the plan. Nobody waits for it.
    pub fn hold_against(&self, schemas: Arc<Schemas>) {
        self.inner.contracts.store(schemas);
    }

    /// Events that broke their schema since the start.
    pub fn violated(&self) -> Vec<Violated> {
        self.inner.contracts.violated()
    }

    /// Whether there are policies, so that what none of them permits is denied.
    pub fn has_policies(&self) -> bool {
        self.inner.authority.in_force()
    }

    /// Whether somebody may do something, by the policies in force.
    pub fn decide(
        &self,
        who: &Principal,
        action: Action,
        resource: Resource<'_>,
        facts: Facts<'_>,
    ) -> Decision {
        self.inner.authority.decide(who, action, resource, facts)
    }

    /// Counts that something was refused for such a decision.
    pub fn count_denied(&self, action: Action, decision: &Decision) {
        self.inner.authority.count(action, decision);
    }

    /// What policies denied since the start.
    pub fn denied(&self) -> Vec<Denied> {
        self.inner.authority.denied()
    }

    /// Accounts that do not balance: none.
    pub async fn imbalances(&self) -> Vec<Imbalance> {
        let (subscriptions, replays) = (self.subscriptions().await, self.replays().await);
        imbalances(&subscriptions, &replays, &self.streams().await)
    }

    /// How a shadow compares with its target; named by itself, or by a subscription that has no other one.
    /// With the latest differences, at most so many.
    ///
    /// # Errors
    /// There is no such shadow, or the store fails.
    pub async fn compared(
        &self,
        subscription: &str,
        examples: usize,
    ) -> Result<ComparisonView, Error> {
        self.inner
            .compared(subscription, examples, self.reach)
            .await
    }

    /// As [`Engine::compared`], without differences, of a shadow whose view is at hand: the others are not asked.
    ///
    /// # Errors
    /// It is no shadow, or the store fails.
    pub async fn compared_of(&self, shadow: &SubscriptionView) -> Result<ComparisonView, Error> {
        self.inner.compared_of(shadow, 0, Reach::Here).await
    }

    /// Forgets what was compared so far, and counts anew.
    ///
    /// # Errors
    /// As [`Engine::compared`].
    pub async fn compare_anew(&self, subscription: &str) -> Result<(), Error> {
        let (inner, reach) = (Arc::clone(&self.inner), self.reach);
        let name = subscription.to_owned();
        whole(async move { inner.compare_anew(&name, reach).await }).await
    }

    /// Stops starting attempts; durable, survives restarts and reloads.
    ///
    /// # Errors
    /// No such subscription, or the store fails.
    pub async fn pause(&self, subscription: &str) -> Result<(), Error> {
        self.paused(subscription, true).await
    }

    /// Undoes `pause`, and `disabled`.
    ///
    /// # Errors
    /// No such subscription, or the store fails.
    pub async fn resume(&self, subscription: &str) -> Result<(), Error> {
        self.paused(subscription, false).await
    }

    /// Lets every member of its group be tried at once, whatever came of earlier attempts: one whose circuit is open,
    /// and one that said that it is gone.
    ///
    /// # Errors
    /// No such subscription, or the store fails.
    pub async fn try_again(&self, subscription: &str) -> Result<(), Error> {
        self.inner.try_again(subscription).await
    }

    /// Removes a suspended subscription with its backlog and dead letters. Returns how many
    /// deliveries were cancelled.
    ///
    /// # Errors
    /// No such subscription, it is still configured, or the store fails.
    pub async fn discard(&self, subscription: &str) -> Result<u64, Error> {
        let (inner, reach) = (Arc::clone(&self.inner), self.reach);
        let name = subscription.to_owned();
        whole(async move { inner.discard(&name, reach).await }).await
    }

    /// Dead letters, shard by shard, by position, after the cursor of an earlier page. At most 1,000.
    ///
    /// # Errors
    /// No such subscription, an unreadable cursor, or the store fails.
    pub async fn dead_letters(
        &self,
        subscription: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, Option<String>), Error> {
        self.inner
            .dead_letters(subscription, after, limit, self.reach)
            .await
    }

    /// Moves dead letters back to pending: the one at `position`, or all. Returns how many.
    ///
    /// They are delivered within the subscription's own limits, with a new budget of attempts. One
    /// that has an ordering key joins the end of its key, unless the key was parked on it: then it
    /// keeps its place at the front.
    ///
    /// # Errors
    /// No such subscription, or the store fails.
    pub async fn redrive(&self, subscription: &str, position: Option<&str>) -> Result<u64, Error> {
        let (inner, reach) = (Arc::clone(&self.inner), self.reach);
        let (name, position) = (subscription.to_owned(), position.map(str::to_owned));
        whole(async move { inner.redrive(&name, position.as_deref(), reach).await }).await
    }

    /// Removes dead letters for good, counted as purged. Returns how many.
    ///
    /// # Errors
    /// No such subscription, or the store fails.
    pub async fn purge(&self, subscription: &str, position: Option<&str>) -> Result<u64, Error> {
        let (inner, reach) = (Arc::clone(&self.inner), self.reach);
        let (name, position) = (subscription.to_owned(), position.map(str::to_owned));
        whole(async move { inner.purge(&name, position.as_deref(), reach).await }).await
    }

    /// Starts a replay job from `from` to the present end of the stream. It is filtered by the
    /// subscription's present filter, whatever filter was in force then.
    ///
    /// # Errors
    /// No such subscription, or the store fails.
    pub async fn replay(
        &self,
        subscription: &str,
        from: Start,
        rate_per_second: Option<f64>,
    ) -> Result<ReplayView, Error> {
        let (inner, reach) = (Arc::clone(&self.inner), self.reach);
        let name = subscription.to_owned();
        whole(async move { inner.replay(&name, from, rate_per_second, reach).await }).await
    }

    /// Replay jobs, running and finished, oldest first.
    pub async fn replays(&self) -> Vec<ReplayView> {
        self.inner.replays().await
    }

    /// Ends a replay; what it had pending counts as cancelled.
    ///
    /// # Errors
    /// No such replay, or the store fails.
    pub async fn cancel_replay(&self, id: &str) -> Result<(), Error> {
        let (inner, id, reach) = (Arc::clone(&self.inner), id.to_owned(), self.reach);
        whole(async move { inner.cancel_replay(&id, reach).await }).await
    }

    /// Whether every shard takes writes, and if not, why.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn ready(&self) -> Result<(), String> {
        self.inner.ready()
    }

    /// Returns when nothing that may be delivered is left: every active subscription has read to the
    /// end and settled what it read. Deliveries of paused, disabled and suspended subscriptions and
    /// those behind parked keys do not count.
    pub async fn quiesced(&self) {
        self.inner.quiesced().await;
    }

    /// Stops taking events, waits up to `grace` for attempts under way, records, closes the streams.
    ///
    /// # Errors
    /// The store fails.
    pub async fn drain(&self, grace: Duration) -> Result<(), Error> {
        self.inner.drain(grace).await
    }
}

impl Engine {
    async fn paused(&self, subscription: &str, paused: bool) -> Result<(), Error> {
        let (inner, reach) = (Arc::clone(&self.inner), self.reach);
        let name = subscription.to_owned();
        whole(async move { inner.pause(&name, paused, reach).await }).await
    }
}

/// Runs a change to its end, also when whoever asked goes away: it must not stop between two shards.
async fn whole<T: Send + 'static>(
    change: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(change).await {
        Ok(done) => done,
        Err(_) => Err(stream::stopped()),
    }
}
