//! The actor of one stream shard: it alone reads the log for its lanes and writes their records.

mod attempt;
mod command;
mod compare;
mod contest;
mod discard;
mod explain;
mod generation;
mod letters;
mod pages;
mod read;
mod recover;
mod replay;
mod retention;
mod transform;
mod work;

pub(crate) use command::{Answer, Chunk, Command, LaneView, Moved, Page, Progress};

pub(crate) use compare::{Compared, Watch};

use crate::announce::Announcer;
use crate::engine::Inner;
use crate::hash::Hashes;
use crate::machine::{Comparison, Definition, Gate, Lane, Rng, Turn};
use crate::record::keys::{self, LaneId};
use crate::routes::Routes;
use crate::spaces::Spaces;
use crate::time::Time;
use crate::{Account, Policy, StreamPlan, SubscriptionPlan};
use arc_swap::ArcSwap;
use attempt::Homing;
use pages::Pages;
use retention::Retention;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tradewind_store::{Error, Op, Stream, Sync};
use work::Work;

/// Pause before a record that the store had no room for is tried again.
pub(crate) const FULL_PAUSE_MS: u64 = 100;
/// How often retention is looked at.
const RETENTION_EVERY_MS: u64 = 30_000;
/// Outcomes taken in one turn.
const OUTCOMES_MAX: usize = 512;

/// What a shard knows of its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) stream: Arc<str>,
    pub(crate) shard: u16,
    pub(crate) log: Arc<dyn Stream>,
    pub(crate) time: Time,
    pub(crate) announcer: Announcer,
    pub(crate) engine: Weak<Inner>,
    pub(crate) order_by: Option<Arc<str>>,
    pub(crate) hashes: Hashes,
    pub(crate) gates: Arc<Gates>,
    pub(crate) plan: Arc<ArcSwap<StreamPlan>>,
    pub(crate) spaces: Arc<Spaces>,
    pub(crate) backlog: Arc<Backlog>,
}

/// What a shard tells whoever appends to it of what its subscriptions have still to settle.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// Where the first of them stands.
    from: AtomicU64,
    /// Bytes that they have put aside.
    aside: AtomicU64,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            from: AtomicU64::new(u64::MAX),
            aside: AtomicU64::new(0),
        }
    }
}

impl Backlog {
    /// Nothing is known of it.
    pub(crate) fn clear(&self) {
        self.tell(u64::MAX, 0);
    }

    fn tell(&self, from: u64, aside: u64) {
        self.from.store(from, Ordering::Relaxed);
        self.aside.store(aside, Ordering::Relaxed);
    }

    /// Bytes, in a log that ends there.
    pub(crate) fn bytes(&self, end: u64) -> u64 {
        let unread = end.saturating_sub(self.from.load(Ordering::Relaxed));
        unread.saturating_add(self.aside.load(Ordering::Relaxed))
    }
}

/// The subscriptions of a stream, by name.
pub(crate) type Subscriptions = BTreeMap<String, Arc<SubscriptionPlan>>;

/// Gates of a stream's subscriptions, shared by its shards.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    /// Each for as long as some lane has it: where the last one goes elsewhere, what its gate was told, a pause for
    /// instance, may be taken back there.
    by_name: Mutex<HashMap<String, Weak<Gate>>>,
    /// One per shard: a place in some gate became free.
    pub(crate) freed: Arc<[Arc<Notify>]>,
}

impl Gates {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            by_name: Mutex::default(),
            freed: (0..shards).map(|_| Arc::default()).collect(),
        }
    }
    pub(crate) fn of(&self, name: &str, now: u64) -> Arc<Gate> {
        let mut gates = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(name).and_then(Weak::upgrade) {
            return gate;
        }
        let gate = Gate::new(&Policy::default(), now, Arc::clone(&self.freed));
        let gate = Arc::new(gate);
        gates.insert(name.to_owned(), Arc::downgrade(&gate));
        gate
    }
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let mut gates = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.remove(from) {
            let there = gates.entry(to.to_owned()).or_default();
            if there.strong_count() == 0 {
                *there = gate;
            }
        }
    }
    /// A subscription is gone, with its pauses.
    pub(crate) fn forget(&self, name: &str) {
        let mut gates = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        gates.remove(name);
        let members = format!("{name}/");
        gates.retain(|name, _| !name.starts_with(&members));
    }
    /// Lets every shard but `me` look again.
    pub(crate) fn wake_others(&self, me: u16) {
        for (shard, notify) in self.freed.iter().enumerate() {
            if shard != usize::from(me) {
                notify.notify_one();
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) around: Surroundings,
    epoch: u64,
    lanes: BTreeMap<LaneId, Lane>,
    next_lane: LaneId,
    /// Accounts of discarded subscriptions, by name.
    closed: BTreeMap<String, Account>,
    subscriptions: Subscriptions,
    /// What shadows and their targets made of events, by the shadow's lane.
    comparisons: BTreeMap<LaneId, Comparison>,
    definitions: HashMap<String, Arc<Definition>>,
    /// Their filters.
    routes: Routes,
    pages: Pages,
    rng: Rng,
    turn: Turn,
    /// Numbers the records of accepted deliveries, within the epoch.
    accepted_records: u64,
    attempts: JoinSet<()>,
    homes: (
        mpsc::UnboundedSender<Homing>,
        mpsc::UnboundedReceiver<Homing>,
    ),
    commands: mpsc::UnboundedReceiver<Command>,
    health: watch::Sender<Result<(), String>>,
    waiting_for_quiet: Vec<oneshot::Sender<()>>,
    next_retention: u64,
    work: VecDeque<Work>,
    draining: Option<u64>,
    drained: Vec<oneshot::Sender<()>>,
}

impl Shard {
    /// Serves until the engine is dropped or drained, or the store fails.
    pub(crate) async fn run(mut self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(stream = %self.around.stream, shard = self.around.shard, %error,
                        "shard stopped");
                    self.health
                        .send_modify(|health| *health = Err(error.to_string()));
                    break;
                }
            }
        }
        self.attempts.abort_all();
    }

    /// One turn, then a wait for whatever comes next.
    async fn step(&mut self) -> Result<bool, Error> {
        self.turn().await?;
        if self.draining.is_some() && self.is_drained() {
            for waiter in self.drained.drain(..) {
                waiter.send(()).ok();
            }
            return Ok(false);
        }
        let wake = self.next_wake();
        let tip = self.waits_for_growth();
        let around = &self.around;
        let mut home = None;
        let mut command = None;
        tokio::select! {
            biased;
            next = self.commands.recv() => match next {
                Some(next) => command = Some(next),
                None => return Ok(false),
            },
            next = self.homes.1.recv() => home = next,
            () = around.gates.freed[usize::from(around.shard)].notified() => {}
            () = around.log.grown(around.shard, tip.unwrap_or(0)), if tip.is_some() => {}
            () = around.time.sleep_until(wake.unwrap_or(0)), if wake.is_some() => {}
        }
        match command {
            Some(command) => self.command(command).await?,
            // Whoever is at work at this moment brings what he has: one turn takes it all.
            None => tokio::task::yield_now().await,
        }
        if home.is_some() {
            self.refresh();
        }
        let mut taken = 0;
        while let Some(next) = home {
            self.home(next);
            taken += 1;
            home = (taken < OUTCOMES_MAX)
                .then(|| self.homes.1.try_recv().ok())
                .flatten();
        }
        Ok(true)
    }

    async fn turn(&mut self) -> Result<(), Error> {
        self.refresh();
        while self.attempts.try_join_next().is_some() {}
        let share = Lane::share_of(self.lanes.len());
        for lane in self.lanes.values_mut() {
            lane.wake = None;
            lane.share = share;
        }
        if self.draining.is_none() {
            self.page_in().await?;
            self.read().await?;
            self.launch().await?;
        }
        // What is recorded from here on lies in the log behind that, and is nothing to be read.
        let end = self.around.log.bounds(self.around.shard).end;
        self.flush(Sync::Lazy).await?;
        self.tell_backlog();
        if self.turn.now >= self.next_retention && self.draining.is_none() {
            self.next_retention = self.turn.now + RETENTION_EVERY_MS;
            // With something to come due or to age, even a shard at rest notes the time.
            let waits = |lane: &Lane| lane.account.pending > 0 || lane.account.dead_lettered > 0;
            if self.lanes.values().any(waits) {
                self.note_time();
            }
            self.tend_comparisons();
            if !self.is_retaining() {
                self.work.push_back(Work::Retention(Retention::new(self)));
            }
        }
        self.work().await?;
        if !self.waiting_for_quiet.is_empty() && self.is_quiet(end) {
            for waiter in self.waiting_for_quiet.drain(..) {
                waiter.send(()).ok();
            }
        }
        Ok(())
    }

    /// Says how much its subscriptions have still to settle, where somebody asks for it. Those of other spaces do
    /// not count: whoever lends a stream is not held up by who borrows it. Nor do shadows: they hold up nobody.
    fn tell_backlog(&self) {
        let plan = self.around.plan.load();
        if !self.around.spaces.of(&plan.space).limits_queue() {
            return self.around.backlog.clear();
        }
        let own = self.lanes.values().filter(|lane| {
            lane.job.is_none()
                && !lane.is_shadow()
                && lane
                    .plan
                    .as_ref()
                    .is_some_and(|own| own.space == plan.space)
        });
        let (mut from, mut aside) = (u64::MAX, 0u64);
        for lane in own {
            from = from.min(lane.cursor());
            aside = aside.saturating_add(lane.aside_bytes());
        }
        self.around.backlog.tell(from, aside);
    }

    fn refresh(&mut self) {
        self.turn.now = self.around.time.now();
        self.turn.start = self.around.log.bounds(self.around.shard).start;
        self.turn.listened = self.around.announcer.listened();
    }

    /// Records what the turn collected, in one call, then tells of it.
    async fn flush(&mut self, sync: Sync) -> Result<(), Error> {
        let mut saved = Vec::new();
        for lane in self.lanes.values_mut() {
            if lane.dirty && lane.ways.is_some() {
                saved.push(lane.id);
            }
            lane.save(&mut self.turn);
        }
        for comparison in self.comparisons.values_mut() {
            comparison.save(&mut self.turn);
        }
        self.turn
            .record_accepted(self.epoch, &mut self.accepted_records);
        if !self.turn.ops.is_empty() {
            if self.turn.now.saturating_sub(self.turn.stops.seen_ms) >= RETENTION_EVERY_MS {
                self.note_time();
            }
            let ops = std::mem::take(&mut self.turn.ops);
            self.turn.copied = 0;
            loop {
                let around = &self.around;
                match around
                    .log
                    .record(around.shard, self.epoch, ops.clone(), sync)
                    .await
                {
                    Ok(()) => break,
                    Err(error) if error.is_temporary() => {
                        self.health
                            .send_modify(|health| *health = Err(error.to_string()));
                        let now = around.time.now();
                        around.time.sleep_until(now + FULL_PAUSE_MS).await;
                    }
                    Err(error) => return Err(error),
                }
            }
            if self.health.borrow().is_err() {
                self.health.send_modify(|health| *health = Ok(()));
            }
            self.recorded(sync, &saved);
        }
        for note in std::mem::take(&mut self.turn.notes) {
            self.around
                .announcer
                .note(self.turn.now, &self.around.stream, self.around.shard, note);
        }
        Ok(())
    }

    /// After a record: what the lanes of groups settled, whose own record it held, may be taken back by a power loss
    /// or not.
    fn recorded(&mut self, sync: Sync, saved: &[LaneId]) {
        match sync {
            Sync::Durable => {
                for lane in self.lanes.values_mut() {
                    lane.unsynced = None;
                }
            }
            Sync::Lazy if saved.is_empty() => {}
            Sync::Lazy => {
                let end = self.around.log.bounds(self.around.shard).end;
                for id in saved {
                    if let Some(lane) = self.lanes.get_mut(id) {
                        lane.unsynced = Some(end);
                    }
                }
            }
        }
    }

    /// Notes that the shard runs, with the next record.
    fn note_time(&mut self) {
        let turn = &mut self.turn;
        turn.stops.seen_ms = turn.now;
        turn.ops.push(Op::Put(keys::stops(), turn.stops.encode()));
    }

    /// When to take the next turn, if nothing happens before.
    fn next_wake(&self) -> Option<u64> {
        if let Some(deadline) = self.draining {
            return Some(deadline);
        }
        if !self.work.is_empty() || self.lanes.values().any(Lane::has_work) {
            return Some(self.turn.now);
        }
        self.lanes
            .values()
            .filter(|lane| lane.is_active())
            .flat_map(|lane| [lane.next_due.filter(|_| lane.room() > 0), lane.wake])
            .flatten()
            .chain([self.next_retention])
            .min()
    }

    /// The offset past which the log must grow for some lane to read on.
    fn waits_for_growth(&self) -> Option<u64> {
        if self.draining.is_some() {
            return None;
        }
        let end = self.around.log.bounds(self.around.shard).end;
        self.lanes
            .values()
            // One that waits for the clock with more to read already does not want it yet.
            .filter(|lane| lane.is_hungry() && (lane.wake.is_none() || lane.read >= end))
            .map(|lane| lane.read.min(end))
            .max()
    }

    /// Whether every lane that may work has nothing left to do.
    fn is_quiet(&self, end: u64) -> bool {
        self.work.is_empty()
            && self.lanes.values().all(|lane| {
                lane.flying.is_empty()
                    && (!lane.is_active()
                        || (lane.ready.is_empty()
                            && lane.next_due.is_none()
                            && lane.shelves.is_empty()
                            && lane.window.open() == 0
                            && lane.keys.fetch.is_empty()
                            && (lane.has_read_all() || lane.read >= end)))
            })
    }

    fn is_drained(&self) -> bool {
        let idle = self.lanes.values().all(|lane| lane.flying.is_empty());
        idle || self.draining.is_some_and(|at| self.turn.now >= at)
    }
}
