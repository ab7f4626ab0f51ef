//! Ordering keys: one delivery of a key at a time, the others wait behind it.

use super::lane::Lane;
use super::settle::Settled;
use super::task::{Place, Task, Ticket, Turn};
use crate::record::keys;
use crate::record::{Cause, Final};
use std::collections::{HashMap, VecDeque};
use tradewind_store::Op;

/// The keys of a lane that have something pending.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    busy: HashMap<u64, Key>,
    /// Keys whose next delivery is to be fetched from `k/`.
    pub(crate) fetch: VecDeque<u64>,
}

#[derive(Debug)]
struct Key {
    head: Head,
    /// Behind the head, in memory: only while nothing of the key waits in `k/`.
    waiting: VecDeque<Task>,
    /// There may be more in `k/`,
    recorded: bool,
    /// from this sequence number on.
    first: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Ready, under way, or being fetched.
    Active,
    /// In `q/`.
    Scheduled,
    /// In `q/`, where it waits for a member of a group; no attempt was made.
    Shelved,
    /// A dead letter, on which the key waits.
    Parked,
}

impl Keys {
    pub(crate) fn len(&self) -> usize {
        self.busy.len()
    }
    pub(crate) fn head(&self, key: u64) -> Option<Head> {
        self.busy.get(&key).map(|k| k.head)
    }
    pub(crate) fn set(&mut self, key: u64, head: Head) {
        self.entry(key, head).head = head;
    }
    /// After a restart: this key has deliveries in `k/`.
    pub(crate) fn recovered(&mut self, key: u64) {
        let known = self.busy.contains_key(&key);
        self.entry(key, Head::Active).recorded = true;
        if !known {
            self.fetch.push_back(key);
        }
    }
    /// The least sequence number that the key may have in `k/`.
    pub(crate) fn first(&self, key: u64) -> u64 {
        self.busy.get(&key).map_or(0, |k| k.first)
    }
    /// It has none below `sequence`: what was removed there need not be passed over again.
    pub(crate) fn passed(&mut self, key: u64, sequence: u64) {
        if let Some(key) = self.busy.get_mut(&key) {
            key.first = sequence;
        }
    }
    /// Keys behind whose head such a delivery waits in memory.
    pub(super) fn waiting(&self, of: impl Fn(&Task) -> bool) -> Vec<u64> {
        let behind = self.busy.iter().filter(|(_, k)| k.waiting.iter().any(&of));
        let mut keys: Vec<u64> = behind.map(|(key, _)| *key).collect();
        // The same in every run of a simulation.
        keys.sort_unstable();
        keys
    }
    fn waits(&self, key: u64) -> bool {
        self.busy.get(&key).is_some_and(|k| !k.waiting.is_empty())
    }
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
    fn entry(&mut self, key: u64, head: Head) -> &mut Key {
        self.busy.entry(key).or_insert(Key {
            head,
            waiting: VecDeque::new(),
            recorded: false,
            first: 0,
        })
    }
}

impl Lane {
    /// A delivery comes in: ready, behind its key, or (`crowded`, with a backlog of its own) recorded.
    pub(crate) fn arrive(&mut self, task: Task, crowded: bool, turn: &mut Turn) {
        let Some(key) = task.ticket.key else {
            if crowded {
                self.schedule(task.ticket, turn.now, "pending", turn);
            } else {
                self.ready.push_back(task);
            }
            return;
        };
        match self.keys.busy.get_mut(&key) {
            None if crowded => {
                self.keys.entry(key, Head::Active).recorded = true;
                self.keys.fetch.push_back(key);
                self.enqueue(task.ticket, key, turn);
            }
            None => {
                self.keys.entry(key, Head::Active);
                self.ready.push_back(task);
            }
            Some(k) if k.head == Head::Active && !k.recorded && !crowded => {
                k.waiting.push_back(task);
            }
            Some(k) => {
                let parked = k.head == Head::Parked;
                self.record_key(key, turn);
                self.wait_behind(task, key, parked, turn);
            }
        }
    }

    /// Leaves memory for the end of its key; behind a parked one there is only so much room.
    fn wait_behind(&mut self, task: Task, key: u64, parked: bool, turn: &mut Turn) {
        let bytes = self.waiting_bytes.saturating_add(task.ticket.bytes);
        if parked && bytes > self.policy.parked_bytes_max {
            self.bury(task.ticket, Some(&task.stored), Cause::ParkedOverflow, turn);
        } else {
            self.enqueue(task.ticket, key, turn);
        }
    }

    /// Writes a delivery to the end of its key in `k/`.
    pub(crate) fn enqueue(&mut self, mut ticket: Ticket, key: u64, turn: &mut Turn) {
        self.unrecord(&ticket, turn);
        let sequence = self.sequence;
        self.sequence += 1;
        self.waiting_bytes += ticket.bytes;
        ticket.place = Place::Waiting { sequence };
        let state = match self.keys.head(key) {
            Some(Head::Parked) => "parked",
            _ => "pending",
        };
        turn.ops.push(Op::Put(
            keys::waiting(self.id, key, sequence),
            ticket.pendant().encode(),
        ));
        turn.ops.push(Op::Put(
            keys::history(ticket.offset, self.id),
            Final::encode(state, None, Some("behind its ordering key"), &ticket.trail),
        ));
        self.dirty = true;
    }

    /// A redriven delivery joins the end of its key.
    pub(crate) fn rejoin(&mut self, ticket: Ticket, key: u64, turn: &mut Turn) {
        match self.keys.busy.get(&key) {
            None => {
                self.keys.entry(key, Head::Active).recorded = true;
                self.keys.fetch.push_back(key);
            }
            Some(_) => self.record_key(key, turn),
        }
        self.enqueue(ticket, key, turn);
    }

    /// The head of a key cannot go on now: what waits behind it leaves memory.
    pub(crate) fn block(&mut self, key: u64, head: Head, turn: &mut Turn) {
        self.keys.set(key, head);
        if self.keys.waits(key) {
            self.record_key(key, turn);
        }
    }

    /// Everything of a key leaves memory or is recorded, first its head: after a crash, the table
    /// goes before the log, and nothing in it may overtake what only the log remembers.
    fn record_key(&mut self, key: u64, turn: &mut Turn) {
        let Some(entry) = self.keys.busy.get_mut(&key) else {
            return;
        };
        let (head, known) = (entry.head, std::mem::replace(&mut entry.recorded, true));
        let waiting = std::mem::take(&mut entry.waiting);
        if head == Head::Active && !known {
            self.record_head(key, turn);
        }
        for task in waiting {
            self.wait_behind(task, key, head == Head::Parked, turn);
        }
    }

    fn record_head(&mut self, key: u64, turn: &mut Turn) {
        let volatile = |t: &Task| t.ticket.key == Some(key) && t.ticket.place == Place::Window;
        if let Some(at) = self.ready.iter().position(volatile) {
            if let Some(mut task) = self.ready.remove(at) {
                if self.room() > 0 {
                    self.record_loaded(&mut task, turn);
                    self.ready.insert(at, task);
                } else {
                    // It comes back when there is room; else each full window would leave its heads.
                    self.schedule(task.ticket, turn.now, "pending", turn);
                }
            }
            return;
        }
        let flying = self.flying.values().find(|t| volatile(t));
        let flying = flying.map(|t| t.ticket.offset);
        if let Some(mut task) = flying.and_then(|offset| self.flying.remove(&offset)) {
            self.record_loaded(&mut task, turn);
            self.flying.insert(task.ticket.offset, task);
        }
    }

    /// The head of a key is settled: the next one is ready, or fetched, or the key is idle.
    pub(crate) fn advance(&mut self, key: u64, now: u64) {
        let Some(entry) = self.keys.busy.get_mut(&key) else {
            return;
        };
        entry.head = Head::Active;
        if entry.recorded {
            self.keys.fetch.push_back(key);
        } else if let Some(mut next) = entry.waiting.pop_front() {
            next.since = now;
            self.ready.push_back(next);
        } else {
            self.keys.busy.remove(&key);
        }
    }

    /// Nothing of the key is left in `k/`.
    pub(crate) fn drained(&mut self, key: u64, now: u64) {
        if let Some(entry) = self.keys.busy.get_mut(&key) {
            entry.recorded = false;
        }
        self.advance(key, now);
    }

    /// A recorded delivery is in memory again.
    pub(crate) fn bring(&mut self, task: Task, turn: &mut Turn) {
        if let Some(key) = task.ticket.key {
            self.keys.set(key, Head::Active);
        }
        if let Some(task) = self.sieve(task, true, turn) {
            self.ready.push_back(task);
        }
    }

    /// Called for what is settled with a key.
    pub(crate) fn key_settled(&mut self, ticket: &Ticket, settled: Settled, turn: &mut Turn) {
        let Some(key) = ticket.key else { return };
        match settled {
            Settled::Gone => self.advance(key, turn.now),
            Settled::Parked => {
                turn.ops.push(Op::Put(
                    keys::parked(self.id, key),
                    ticket.offset.to_be_bytes().to_vec().into(),
                ));
                self.block(key, Head::Parked, turn);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Policy;
    use crate::machine::{Definition, Gate, Lane, Turn, Version};
    use crate::record::{Envelope, LaneRecord, Stored};
    use std::sync::Arc;
    use tradewind_event::Event;
    use tradewind_store::Position;

    /// Two events of each key, and nothing is delivered.
    #[test]
    fn heads_that_are_recorded_do_not_gather_in_memory() {
        let gate = Arc::new(Gate::new(&Policy::default(), 0, Arc::default()));
        let mut lane = Lane::new(1, LaneRecord::default(), gate, 0);
        let filter = tradewind_filter::compile(&serde_json::Value::Null).unwrap();
        let text = String::new();
        lane.versions = vec![Version {
            from: 0,
            definition: Some(Arc::new(Definition {
                text,
                filter,
                route: 0,
            })),
            split: None,
            moves: false,
        }];
        let mut turn = Turn::new(0, 0);
        for offset in 0..20_000 {
            let event = Event::builder("e", "/s", "t").build().unwrap();
            let at = Position { shard: 0, offset };
            let stored = Arc::new(Stored::new(at, 0, (Envelope::default(), event), 1));
            let routed = crate::routes::Routed::default();
            lane.offer(&stored, &routed, Some(offset / 2), offset + 1, &mut turn);
            turn.ops.clear();
        }
        let most = lane.ready_max() * 2;
        assert!(lane.ready.len() <= most, "{} ready", lane.ready.len());
    }
}
