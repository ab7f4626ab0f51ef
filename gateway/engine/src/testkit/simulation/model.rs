//! What the oracle knows: what was published, what is subscribed, and how it came to be.

use crate::testkit::{ScriptedSink, Seen, filtered};
use crate::{
    Group, Member, OnExhaustion, Plan, Policy, Receipt, Shadow, Split, Start, StreamPlan,
    SubscriptionPlan,
};
use fastrand::Rng;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::Sink;
use tradewind_event::Event;

/// Name of the shadow.
pub(super) const BESIDE: &str = "beside";
/// Kinds of event, for filters to tell apart.
pub(super) const KINDS: usize = 3;

/// An event that somebody tried to publish.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) event: Event,
    pub(super) key: String,
    pub(super) kind: usize,
    /// The generation of subscriptions under which it was first tried.
    pub(super) generation: usize,
    /// Where it lies, once acknowledged.
    pub(super) position: Option<(u16, u64)>,
    /// Its `expirytime`, engine time.
    pub(super) expires_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Configured,
    Suspended,
    Discarded,
}

/// A subscription from its first generation to its end, whatever its name.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) renamed_from: Option<String>,
    pub(super) sink: Arc<ScriptedSink>,
    /// The other member of its group, where it goes to one, and what both take.
    pub(super) other: Option<Arc<ScriptedSink>>,
    pub(super) split: Split,
    /// Dead letters of it were redriven.
    pub(super) redriven: bool,
    pub(super) policy: Policy,
    pub(super) start: Start,
    /// Kinds that it takes, from a generation on; `None` while it is not configured.
    pub(super) versions: Vec<(usize, Option<[bool; KINDS]>)>,
    pub(super) state: State,
    /// Something may have become a dead letter without an attempt: its first delivery, after a
    /// redrive, is out of order.
    pub(super) unordered: bool,
    /// Something may have been retired below its beginning before it began.
    pub(super) began_late: bool,
}

/// A replay that was acknowledged.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) id: String,
    pub(super) slot: usize,
    pub(super) wanted: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) sent: BTreeMap<String, Sent>,
    /// Ids given out.
    pub(super) minted: usize,
    /// Ids of events in batches that were refused.
    pub(super) refused: BTreeSet<String>,
    pub(super) slots: Vec<Slot>,
    pub(super) replays: Vec<Replayed>,
    pub(super) generation: usize,
    pub(super) ordered: bool,
    pub(super) trims: bool,
    /// Looks on the first subscription.
    pub(super) shadow: Option<Arc<ScriptedSink>>,
    stream: StreamPlan,
}

impl Model {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let ordered = rng.bool();
        let trims = rng.u8(..4) == 0;
        let mut stream = StreamPlan {
            order_by: ordered.then(|| "subject".to_owned()),
            dedupe_window: Some(Duration::from_secs(30 * 86_400)),
            ..StreamPlan::default()
        };
        stream.settings.shards = rng.u16(1..4);
        if trims {
            stream.settings.retention = Duration::from_secs(rng.u64(20..60));
        }
        let mut model = Self {
            sent: BTreeMap::new(),
            minted: 0,
            refused: BTreeSet::new(),
            slots: Vec::new(),
            replays: Vec::new(),
            generation: 0,
            ordered,
            trims,
            shadow: rng
                .bool()
                .then(|| ScriptedSink::batching(2, |_| crate::testkit::Act::Accept)),
            stream,
        };
        for _ in 0..rng.usize(2..5) {
            model.add_slot(rng);
        }
        // The first takes everything from the beginning.
        model.slots[0].versions = vec![(0, Some([true; KINDS]))];
        model.slots[0].start = Start::Oldest;
        model
    }

    /// A subscription that begins with the present generation.
    pub(super) fn add_slot(&mut self, rng: &mut Rng) {
        let live = |name: &str| {
            let mut slots = self.slots.iter();
            slots.any(|s| s.state != State::Discarded && s.name == name)
        };
        let Some(name) = (0..8).map(|n| format!("s{n}")).find(|name| !live(name)) else {
            return;
        };
        let batch = if rng.bool() { 4 } else { 1 };
        let other = (rng.u8(..5) < 2).then(ScriptedSink::accepting);
        let mut slot = Slot {
            name,
            other,
            split: split(rng, 0),
            redriven: false,
            renamed_from: None,
            sink: ScriptedSink::batching(batch, |_| crate::testkit::Act::Accept),
            policy: Policy::default(),
            start: if rng.bool() {
                Start::Oldest
            } else {
                Start::Tip
            },
            versions: vec![(self.generation, Some(kinds(rng)))],
            state: State::Configured,
            unordered: false,
            began_late: self.trims && self.generation > 0,
        };
        slot.redraw(rng, self.trims);
        self.slots.push(slot);
    }

    pub(super) fn having(&self, state: State) -> Vec<usize> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, s)| s.state == state)
            .map(|(i, _)| i)
            .collect()
    }

    pub(super) fn plan(&self) -> Plan {
        let configured = self.slots.iter().filter(|s| s.state == State::Configured);
        Plan {
            streams: BTreeMap::from([("default".to_owned(), self.stream.clone())]),
            subscriptions: configured
                .map(|s| (s.name.clone(), s.plan()))
                .chain(self.beside())
                .collect(),
            ..Plan::default()
        }
    }

    /// The shadow, while there is something to look on.
    fn beside(&self) -> Option<(String, SubscriptionPlan)> {
        let (sink, of) = (self.shadow.as_ref()?, self.slots.first()?);
        if of.state != State::Configured {
            return None;
        }
        let mut plan = of.plan();
        plan.sink = Arc::clone(sink) as Arc<dyn Sink>;
        plan.group = None;
        plan.start = Start::Tip;
        plan.renamed_from = None;
        plan.policy.retry.max_attempts = 2;
        plan.shadow = Some(Shadow::of(&of.name));
        Some((BESIDE.to_owned(), plan))
    }

    pub(super) fn settings(&self) -> &tradewind_store::Settings {
        &self.stream.settings
    }

    /// Remembers where acknowledged events lie.
    pub(super) fn acknowledge(
        &mut self,
        batch: &[Event],
        receipts: &[Receipt],
    ) -> Result<(), String> {
        for (event, receipt) in batch.iter().zip(receipts) {
            let (shard, offset) = receipt.position.split_once('/').unwrap_or_default();
            let (Ok(shard), Ok(offset)) = (shard.parse(), offset.parse()) else {
                return Err(format!("{receipt:?} names no position"));
            };
            let generation = self.generation;
            let Some(sent) = self.sent.get_mut(event.id()) else {
                return Err(format!("{} was never sent", event.id()));
            };
            match sent.position {
                None => {
                    sent.position = Some((shard, offset));
                    if !receipt.duplicate {
                        sent.generation = generation;
                    }
                }
                Some(known) if known != (shard, offset) => {
                    return Err(format!(
                        "{} lay at {known:?}, then at {receipt:?}",
                        event.id()
                    ));
                }
                Some(_) if !receipt.duplicate => {
                    return Err(format!("{} was appended twice", event.id()));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Subscriptions and their versions, for people.
    pub(super) fn shown(&self) -> String {
        let show = |s: &Slot| format!("{} {:?} {:?} {:?}", s.name, s.state, s.start, s.versions);
        self.slots.iter().map(show).collect::<Vec<_>>().join("; ")
    }

    /// Whether a subscription is to get an event: routing is a function of position.
    pub(super) fn takes(&self, slot: &Slot, sent: &Sent) -> bool {
        let after = slot
            .versions
            .partition_point(|(from, _)| *from <= sent.generation);
        let version = match after.checked_sub(1) {
            Some(in_force) => &slot.versions[in_force],
            None if slot.start == Start::Oldest => &slot.versions[0],
            None => return false,
        };
        version.1.is_some_and(|kinds| kinds[sent.kind])
    }
}

impl Slot {
    fn plan(&self) -> SubscriptionPlan {
        let kinds = self.kinds().unwrap_or_default();
        let taken = (0..KINDS).filter(|kind| kinds[*kind]);
        let exact = taken.map(|kind| json!({"exact": {"kind": kind.to_string()}}));
        let mut plan = filtered(&self.sink, json!({"any": exact.collect::<Vec<_>>()}));
        plan.start = self.start;
        plan.renamed_from = self.renamed_from.clone();
        plan.policy = self.policy.clone();
        plan.group = self.other.as_ref().map(|other| {
            let member = |name: &str, sink: &Arc<ScriptedSink>| Member {
                name: name.into(),
                sink: Arc::clone(sink) as Arc<dyn Sink>,
            };
            Group {
                members: vec![member("one", &self.sink), member("other", other)],
                split: self.split.clone(),
            }
        });
        plan
    }

    /// What its sinks were given, in that order.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let mut all = self.sink.seen();
        all.extend(self.other.iter().flat_map(|other| other.seen()));
        all.sort_by_key(|seen| seen.nth);
        all
    }

    /// Its sinks.
    pub(super) fn sinks(&self) -> impl Iterator<Item = &Arc<ScriptedSink>> {
        std::iter::once(&self.sink).chain(&self.other)
    }

    /// Another split, for what is pending, too, or not.
    pub(super) fn resplit(&mut self, rng: &mut Rng) {
        let moves = self.split.moves + u64::from(rng.u8(..3) == 0);
        self.split = split(rng, moves);
    }

    /// What it takes now.
    pub(super) fn kinds(&self) -> Option<[bool; KINDS]> {
        self.versions.last().and_then(|(_, kinds)| *kinds)
    }

    /// Another version from `generation` on.
    pub(super) fn becomes(&mut self, generation: usize, kinds: Option<[bool; KINDS]>) {
        self.versions.push((generation, kinds));
        self.state = match kinds {
            Some(_) => State::Configured,
            None => State::Suspended,
        };
    }

    /// Another policy.
    pub(super) fn redraw(&mut self, rng: &mut Rng, trims: bool) {
        let seconds = Duration::from_secs;
        let day = seconds(86_400);
        let mut policy = Policy {
            concurrency: pick(rng, &[1, 3, 32]),
            rate_per_second: pick(rng, &[None, None, Some(50.0)]),
            timeout: seconds(2),
            batch_max: pick(rng, &[1, 4]),
            batch_wait: Duration::from_millis(20),
            on_exhaustion: pick(rng, &[OnExhaustion::Continue, OnExhaustion::Park]),
            max_age: pick(rng, &[day * 365, day * 365, day * 365, seconds(30)]),
            backlog_max: pick(rng, &[None, None, None, Some(15)]),
            delay: pick(
                rng,
                &[Duration::ZERO, Duration::ZERO, Duration::from_millis(500)],
            ),
            parked_bytes_max: pick(rng, &[64 << 20, 64 << 20, 2_000]),
            dead_letter_retention: pick(rng, &[day * 365, day * 365, seconds(20)]),
            ..Policy::default()
        };
        policy.retry.max_attempts = rng.u32(1..6);
        policy.retry.max_age = day * 365;
        policy.breaker.failures = pick(rng, &[0, 3, 5]);
        self.unordered |= trims
            || policy.max_age < day
            || policy.backlog_max.is_some()
            || policy.parked_bytes_max < 1 << 20;
        self.policy = policy;
    }
}

/// Somebody takes something.
fn split(rng: &mut Rng, moves: u64) -> Split {
    let weights = pick(rng, &[(1, 0), (0, 1), (1, 1), (3, 1)]);
    Split {
        weights: vec![("one".into(), weights.0), ("other".into(), weights.1)],
        moves,
    }
}

/// At least one kind.
pub(super) fn kinds(rng: &mut Rng) -> [bool; KINDS] {
    let mut kinds = [(); KINDS].map(|()| rng.bool());
    kinds[rng.usize(..KINDS)] = true;
    kinds
}

pub(super) fn pick<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())].clone()
}
