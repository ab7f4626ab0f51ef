//! A lane: one subscription's way, or one replay's, through one shard.

use super::Gate;
use super::order::Keys;
use super::places::Seat;
use super::rate::Bucket;
use super::retry::millis;
use super::shelf::Shelves;
use super::task::{Place, Task, Ticket, Turn};
use super::ways::Ways;
use super::window::Window;
use crate::record::keys::{self, LaneId};
use crate::record::{Job, LaneRecord, Stored, Trail};
use crate::routes::{Routed, Said};
use crate::shard::Watch;
use crate::{Account, Policy, Split, SubscriptionPlan};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use tradewind_event::Event;
use tradewind_filter::Filter;
use tradewind_policy::Decision;
use tradewind_store::Op;

/// Most deliveries of a lane that only the log remembers.
const WINDOW: usize = 256;
/// Most bytes of them,
const WINDOW_BYTES: u64 = 16 << 20;
/// of those of all lanes of a shard,
const SHARED_BYTES: u64 = 64 << 20;
/// and least of one lane's.
const WINDOW_BYTES_MIN: u64 = 64 << 10;
/// Most deliveries between its cursor and where it reads, those that are settled among them.
const SPAN: usize = WINDOW * 4;
/// What an event takes in memory beside its payload, about.
const EVENT_BYTES: u64 = 512;
/// Most ordering keys that a lane keeps an eye on; beyond it, it reads no further.
const KEYS_MAX: usize = 100_000;
/// Most bytes of log that a lane reads without recording that it has: what matched nothing is read
/// again after a crash.
const UNSAVED_MAX: u64 = 1 << 20;

/// A filter as it was declared.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) text: String,
    pub(crate) filter: Arc<Filter>,
    /// Its number among the routes.
    pub(crate) route: u64,
}

impl Definition {
    pub(crate) fn said(&self, routed: &Routed, event: &Event) -> Said {
        routed.said(self.route, &self.filter, event)
    }
}

/// The filter in force from an offset on; `None` while the subscription was not there.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) from: u64,
    pub(crate) definition: Option<Arc<Definition>>,
    /// How its group splits keys from there on.
    pub(crate) split: Option<Arc<Split>>,
    /// That holds for what was pending then, too.
    pub(crate) moves: bool,
}

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    pub(crate) name: Arc<str>,
    pub(crate) job: Option<Job>,
    /// The space that it belongs to, or did when it was last in force; empty where that is not known.
    pub(crate) space: Arc<str>,
    /// Filters by position, oldest first; the first also holds for all that lies before it.
    pub(crate) versions: Vec<Version>,
    /// What the configuration says; `None` while suspended.
    pub(crate) plan: Option<Arc<SubscriptionPlan>>,
    /// Its policy, or that of its last plan without caps.
    pub(crate) policy: Arc<Policy>,
    /// It only looked on, by its last plan.
    pub(crate) looked_on: bool,
    pub(crate) gate: Arc<Gate>,
    /// Where deliveries go, where that is a group.
    pub(crate) ways: Option<Ways>,
    /// Where the log ended when it was recovered, and whether some delivery lay before that and was not settled: an
    /// attempt at it may have been under way.
    pub(crate) inherited: (u64, bool),
    /// End of the log at a record of what it settled that a power loss may take back.
    pub(crate) unsynced: Option<u64>,
    /// Where it takes the places of its space; `None` while suspended.
    pub(crate) seat: Option<Seat>,
    /// Where its answers are wanted, for comparison.
    pub(crate) watch: Option<Arc<Watch>>,
    /// A replay's own rate.
    pub(crate) bucket: Option<Bucket>,
    /// Where it began to read.
    pub(crate) begins: u64,
    /// Next offset to read.
    pub(crate) read: u64,
    /// What `read` was when the lane was last recorded.
    saved: u64,
    /// Offsets at and above the cursor that were done before the restart.
    pub(crate) done_before: BTreeSet<u64>,
    pub(crate) window: Window,
    pub(crate) ready: VecDeque<Task>,
    pub(crate) flying: BTreeMap<u64, Task>,
    /// Attempts that were under way when it was cancelled and have not come home, with their keys.
    pub(crate) lingering: BTreeMap<u64, Option<u64>>,
    pub(crate) keys: Keys,
    /// Offsets of recorded deliveries that are in memory.
    pub(crate) loaded: HashSet<u64>,
    /// Earliest due time in `q/` that is not in memory, as far as known.
    pub(crate) next_due: Option<u64>,
    /// Due time, as it is stored, and offset below which nothing in `q/` is out of memory: what was removed from there
    /// lately need not be passed over again.
    pub(crate) due_from: (u64, u64),
    /// What waits for members that take nothing now.
    pub(crate) shelves: Shelves,
    /// No dead letter is older: when retention has to look at them.
    pub(crate) oldest_letter: u64,
    /// No dead letter has a lower offset.
    pub(crate) letters_from: u64,
    /// Bytes of events in its dead letters.
    pub(crate) dead_bytes: u64,
    /// Bytes of events in `q/`.
    pub(crate) scheduled_bytes: u64,
    /// Bytes of events that it may have in memory.
    pub(crate) share: u64,
    pub(crate) account: Account,
    /// Events on which its filter ended in an error, since the start.
    pub(crate) filter_errors: u64,
    pub(crate) sequence: u64,
    pub(crate) waiting_bytes: u64,
    pub(crate) paused: bool,
    pub(crate) disabled: bool,
    pub(crate) dirty: bool,
    /// When to look again, for reasons of its own: delay, batch, rate, circuit.
    pub(crate) wake: Option<u64>,
}

/// What a lane makes of an event it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// Done with it: read on.
    Taken,
    /// Not now.
    Full,
}

impl Lane {
    pub(crate) fn new(id: LaneId, record: LaneRecord, gate: Arc<Gate>, now: u64) -> Self {
        let bucket = record
            .job
            .as_ref()
            .filter(|job| job.milli_rate > 0)
            .map(|job| Bucket::new(job.milli_rate as f64 / 1000.0, now));
        Self {
            id,
            name: record.name.into(),
            job: record.job,
            space: record.space.into(),
            versions: Vec::new(),
            plan: None,
            policy: Arc::new(Policy::default()),
            looked_on: false,
            gate,
            ways: None,
            inherited: (0, false),
            unsynced: None,
            seat: None,
            watch: None,
            bucket,
            begins: record.begins,
            read: record.low,
            saved: record.low,
            done_before: record.done.into_iter().collect(),
            window: Window::default(),
            ready: VecDeque::new(),
            flying: BTreeMap::new(),
            lingering: BTreeMap::new(),
            keys: Keys::default(),
            loaded: HashSet::new(),
            next_due: None,
            due_from: (0, 0),
            shelves: Shelves::new(),
            letters_from: 0,
            dead_bytes: record.dead_bytes,
            scheduled_bytes: record.scheduled_bytes,
            share: WINDOW_BYTES,
            oldest_letter: 0,
            account: record.account,
            filter_errors: 0,
            sequence: record.sequence,
            waiting_bytes: record.waiting_bytes,
            paused: record.paused,
            disabled: record.disabled,
            dirty: false,
            wake: None,
        }
    }

    /// The bytes of events that each of so many lanes may have in memory.
    pub(crate) fn share_of(lanes: usize) -> u64 {
        (SHARED_BYTES / lanes.max(1) as u64).clamp(WINDOW_BYTES_MIN, WINDOW_BYTES)
    }

    /// The state as a restart would find it.
    pub(crate) fn record(&self, now: u64) -> LaneRecord {
        let open = self.window.open() as u64;
        let (low, filtered) = self.window.low(self.read, self.account.filtered);
        let mut done = self.window.done();
        // What was done before the restart and has not been read again.
        done.extend(self.done_before.iter().filter(|offset| **offset >= low));
        done.sort_unstable();
        LaneRecord {
            name: self.name.to_string(),
            begins: self.begins,
            low,
            done,
            account: Account {
                matched: self.account.matched - open,
                pending: self.account.pending - open,
                filtered,
                ..self.account
            },
            sequence: self.sequence,
            waiting_bytes: self.waiting_bytes,
            dead_bytes: self.dead_bytes,
            scheduled_bytes: self.scheduled_bytes,
            paused: self.paused,
            disabled: self.disabled,
            at_ms: now,
            job: self.job.clone(),
            space: self.space.to_string(),
        }
    }

    /// Puts the lane's own record into the turn, if it changed.
    pub(crate) fn save(&mut self, turn: &mut Turn) {
        if std::mem::take(&mut self.dirty) {
            self.saved = self.read;
            let value = self.record(turn.now).encode();
            turn.ops.push(Op::Put(keys::lane(self.id), value));
        }
    }

    /// Subscription, or `subscription (replay id)`.
    pub(crate) fn title(&self) -> String {
        match &self.job {
            Some(job) => format!("{} (replay {})", self.name, job.id),
            None => self.name.to_string(),
        }
    }

    /// As in `SubscriptionView::state`.
    pub(crate) fn state(&self) -> &'static str {
        if self.plan.is_none() {
            return "suspended";
        }
        match self.gate.flags() {
            (_, true) => "disabled",
            (true, _) => "paused",
            _ => "active",
        }
    }

    /// Starts no attempts, or starts them again: also where the sink said that it is gone.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.gate.set_paused(paused);
        self.paused = paused;
        if !paused {
            for way in self.ways.iter().flat_map(|ways| &ways.members) {
                way.gate.set_disabled(false);
            }
            self.gate.set_disabled(false);
            self.disabled = false;
        }
        self.dirty = true;
    }

    /// It only looks on.
    pub(crate) fn is_shadow(&self) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| plan.shadow.is_some())
    }

    /// The same, of what was under way when it was suspended.
    pub(super) fn settles_as_shadow(&self) -> bool {
        self.is_shadow() || self.plan.is_none() && self.looked_on
    }

    pub(crate) fn is_active(&self) -> bool {
        self.plan.is_some() && self.gate.flags() == (false, false)
    }
    pub(crate) fn is_cancelled(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.cancelled)
    }
    /// A replay that has read all it should; subscriptions never have.
    pub(crate) fn has_read_all(&self) -> bool {
        self.job.as_ref().is_some_and(|job| self.read >= job.until)
    }

    /// The filter in force at `offset`.
    pub(crate) fn definition(&self, offset: u64) -> Option<&Arc<Definition>> {
        let after = self.versions.partition_point(|v| v.from <= offset);
        self.versions
            .get(after.saturating_sub(1))?
            .definition
            .as_ref()
    }

    /// Whether it wants to read.
    pub(crate) fn is_hungry(&self) -> bool {
        self.is_active() && !self.has_read_all() && !self.is_full()
    }

    pub(crate) fn is_full(&self) -> bool {
        let explicit = self.policy.backlog_max.is_some();
        (self.window_is_full() && !explicit) || self.keys.len() >= KEYS_MAX
    }

    /// Why it reads no further until an operator does something.
    pub(crate) fn held_up(&self) -> Option<String> {
        (self.keys.len() >= KEYS_MAX).then(|| {
            format!("{KEYS_MAX} ordering keys wait, most it keeps track of: redrive or purge its dead letters, or mend its sink")
        })
    }

    /// Bytes of dead letters beyond their cap.
    pub(crate) fn letters_excess(&self) -> u64 {
        let max = self.policy.dead_letter_bytes_max;
        max.map_or(0, |max| self.dead_bytes.saturating_sub(max))
    }

    fn window_is_full(&self) -> bool {
        self.window.open() >= self.ready_max()
            || self.window.bytes() >= self.share
            || self.window.span() >= SPAN
    }

    /// Room in memory for recorded deliveries that are due.
    pub(crate) fn room(&self) -> usize {
        (self.breadth() * self.batch_max()).saturating_sub(self.loaded.len())
    }

    /// Whether there are records to fetch or to shed at once.
    pub(crate) fn has_work(&self) -> bool {
        let fetches = !self.keys.fetch.is_empty() && self.room() > 0;
        (fetches && self.is_active()) || self.overflow() > 0 || self.letters_excess() > 0
    }

    /// Most deliveries ready in memory.
    pub(crate) fn ready_max(&self) -> usize {
        WINDOW.max(self.breadth() * self.batch_max())
    }

    /// Calls that may be under way at once: concurrency is each member's own.
    fn places(&self) -> usize {
        let members = self.ways.as_ref().map_or(1, |ways| ways.members.len());
        self.policy.concurrency * members.max(1)
    }

    /// Twice as many.
    fn breadth(&self) -> usize {
        self.places() * 2
    }

    pub(crate) fn batch_max(&self) -> usize {
        let sink = self
            .plan
            .as_ref()
            .and_then(|p| p.sink.capability().deliver_batch_max)
            .unwrap_or(1);
        self.policy.batch_max.min(sink).max(1)
    }

    /// Routes one event. `key` is the hash of its ordering key.
    pub(crate) fn offer(
        &mut self,
        stored: &Arc<Stored>,
        routed: &Routed,
        key: Option<u64>,
        next: u64,
        turn: &mut Turn,
    ) -> Offered {
        if self.is_full() {
            self.make_room(turn);
            if self.is_full() {
                return Offered::Full;
            }
        }
        let delay = millis(self.policy.delay);
        if self.job.is_none() && delay > 0 {
            let wait = delay.saturating_sub(turn.stops.age(stored.appended_ms, turn.now));
            if wait > 0 {
                self.wake_at(turn.now.saturating_add(wait));
                return Offered::Full;
            }
        }
        self.take(stored, routed, key, next, turn);
        if self.is_full() {
            // Now: a lane that is full is not offered the next event.
            self.make_room(turn);
        }
        Offered::Taken
    }

    /// Makes room where it is full, unless that is a backlog: with something ready for every place and the cursor not
    /// far behind, what fills it is on its way, and records of it would be work for nothing.
    fn make_room(&mut self, turn: &mut Turn) {
        let busy = self.ready.len() >= self.places() * self.batch_max();
        if !busy || self.window.span() >= SPAN {
            self.relieve(turn);
        }
    }

    /// Routes one event, whether there is room or not.
    pub(crate) fn take(
        &mut self,
        stored: &Arc<Stored>,
        routed: &Routed,
        key: Option<u64>,
        next: u64,
        turn: &mut Turn,
    ) {
        self.read_on(next);
        let offset = stored.offset;
        let Some(definition) = self.definition(offset) else {
            return;
        };
        let said = definition.said(routed, &stored.event);
        self.filter_errors += u64::from(said.failed);
        if !said.passes {
            self.account.filtered += 1;
            return;
        }
        if self.done_before.remove(&offset) {
            self.window.push_done(offset, self.account.filtered);
            return;
        }
        if self.blind_to(&stored.event).is_some() {
            self.account.filtered += 1;
            return;
        }
        let crowded = self.window_is_full();
        self.inherited.1 |= offset < self.inherited.0;
        self.account.matched += 1;
        self.account.pending += 1;
        self.window.push(
            offset,
            stored.bytes as u64 + EVENT_BYTES,
            self.account.filtered,
        );
        turn.note("matched", &self.name, offset, Some(stored), String::new);
        let task = Task {
            ticket: Ticket {
                offset,
                key,
                bytes: stored.bytes as u64,
                place: Place::Window,
                trail: Trail {
                    born_ms: stored.appended_ms,
                    ..Trail::default()
                },
            },
            stored: Arc::clone(stored),
            since: turn.now,
            together: false,
            alone: false,
            member: None,
        };
        if let Some(task) = self.sieve(task, false, turn) {
            self.arrive(task, crowded, turn);
        }
    }

    /// Why its identity may not see an event, where it may not.
    pub(crate) fn blind_to(&self, event: &Event) -> Option<Decision> {
        let plan = self.plan.as_ref()?;
        let decision = plan.sight.as_ref()?.of(&plan.stream, event);
        (!decision.allowed()).then_some(decision)
    }

    /// Asks to be looked at again.
    pub(crate) fn wake_at(&mut self, at: u64) {
        self.wake = Some(self.wake.map_or(at, |w| w.min(at)));
    }

    fn read_on(&mut self, next: u64) {
        self.read = next;
        self.dirty |= next.saturating_sub(self.saved) > UNSAVED_MAX;
    }

    /// Skips a stretch without events.
    pub(crate) fn skip_to(&mut self, next: u64) {
        if next > self.read {
            self.read_on(next);
            self.done_before.retain(|offset| *offset >= next);
        }
    }

    /// Position of the oldest event that is not settled or recorded.
    pub(crate) fn cursor(&self) -> u64 {
        self.window.low(self.read, 0).0
    }

    /// Bytes of events that it has put aside, beside those that only the log remembers.
    pub(crate) fn aside_bytes(&self) -> u64 {
        self.waiting_bytes.saturating_add(self.scheduled_bytes)
    }

    /// Whether it was created after `offset` and does not reach back to it.
    pub(crate) fn began_after(&self, offset: u64) -> bool {
        offset < self.begins
    }
}
