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
    /// There may be more in `k/`.
    recorded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Ready, under way, or being fetched.
    Active,
    /// In `q/`.
    Scheduled,
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
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
    fn entry(&mut self, key: u64, head: Head) -> &mut Key {
        self.busy.entry(key).or_insert(Key {
            head,
            waiting: VecDeque::new(),
            recorded: false,
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
                let waiting = std::mem::take(&mut k.waiting);
                self.record_head(key, turn);
                for task in waiting.into_iter().chain([task]) {
                    self.wait_behind(task, key, parked, turn);
                }
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
        match self.keys.busy.get_mut(&key) {
            None => {
                self.keys.entry(key, Head::Active).recorded = true;
                self.keys.fetch.push_back(key);
            }
            Some(k) => {
                let waiting = std::mem::take(&mut k.waiting);
                self.record_head(key, turn);
                for earlier in waiting {
                    self.enqueue(earlier.ticket, key, turn);
                }
            }
        }
        self.enqueue(ticket, key, turn);
    }

    /// The head of a key cannot go on now: what waits behind it leaves memory.
    pub(crate) fn block(&mut self, key: u64, head: Head, turn: &mut Turn) {
        let entry = self.keys.entry(key, head);
        entry.head = head;
        let waiting = std::mem::take(&mut entry.waiting);
        if !waiting.is_empty() {
            self.record_head(key, turn);
        }
        for task in waiting {
            self.wait_behind(task, key, head == Head::Parked, turn);
        }
    }

    /// Something is about to be recorded behind the head of a key. A head that only the log remembers
    /// is recorded too: after a crash it would come back behind what waited for it.
    fn record_head(&mut self, key: u64, turn: &mut Turn) {
        let Some(entry) = self.keys.busy.get_mut(&key) else {
            return;
        };
        if std::mem::replace(&mut entry.recorded, true) || entry.head != Head::Active {
            return;
        }
        let heads = |t: &Task| t.ticket.key == Some(key) && matches!(t.ticket.place, Place::Window);
        if let Some(offset) = self
            .flying
            .values()
            .find(|t| heads(t))
            .map(|t| t.ticket.offset)
        {
            if let Some(mut task) = self.flying.remove(&offset) {
                self.record_loaded(&mut task, turn);
                self.flying.insert(offset, task);
            }
        } else if let Some(at) = self.ready.iter().position(heads)
            && let Some(mut task) = self.ready.remove(at)
        {
            if self.room() > 0 {
                self.record_loaded(&mut task, turn);
                self.ready.insert(at, task);
            } else {
                self.schedule(task.ticket, turn.now, "pending", turn);
            }
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

    /// Makes room in the window, where what fills it is not on its way: deliveries behind a key go
    /// to `k/`, and a slow attempt that holds the cursor back is recorded while it is under way.
    pub(crate) fn relieve(&mut self, turn: &mut Turn) {
        let crowded: Vec<u64> = self
            .keys
            .busy
            .iter()
            .filter(|(_, k)| !k.waiting.is_empty())
            .map(|(key, _)| *key)
            .collect();
        for key in crowded {
            self.block(key, Head::Active, turn);
        }
        let Some(mut task) = self.window.oldest().and_then(|o| self.flying.remove(&o)) else {
            return;
        };
        self.record_loaded(&mut task, turn);
        self.flying.insert(task.ticket.offset, task);
    }

    /// A recorded delivery is in memory again.
    pub(crate) fn bring(&mut self, task: Task, turn: &mut Turn) {
        if let Some(key) = task.ticket.key {
            self.keys.set(key, Head::Active);
        }
        if let Some(task) = self.sieve(task, turn) {
            self.ready.push_back(task);
        }
    }

    /// Deliveries waiting beyond the backlog cap.
    pub(crate) fn overflow(&self) -> u64 {
        let waiting = self
            .account
            .pending
            .saturating_sub(self.flying.len() as u64);
        self.policy
            .backlog_max
            .map_or(0, |max| waiting.saturating_sub(max))
    }

    /// Buries the oldest delivery that is ready. False when none is.
    pub(crate) fn shed_ready(&mut self, turn: &mut Turn) -> bool {
        match self.ready.pop_front() {
            Some(task) => {
                self.bury(task.ticket, Some(&task.stored), Cause::Backlog, turn);
                true
            }
            None => false,
        }
    }

    /// Buries as many of these recorded deliveries as are too many, oldest first. False when none.
    pub(crate) fn shed_recorded(
        &mut self,
        mut found: Vec<Ticket>,
        most: usize,
        turn: &mut Turn,
    ) -> bool {
        found.retain(|t| !self.loaded.contains(&t.offset));
        found.sort_by_key(|t| t.offset);
        found.truncate(most);
        let any = !found.is_empty();
        for ticket in found {
            self.bury(ticket, None, Cause::Backlog, turn);
        }
        any
    }

    /// Records every delivery below `before` that only the log remembers, those under way included.
    pub(crate) fn record_window(&mut self, before: u64, turn: &mut Turn) {
        let blocked: Vec<u64> = self
            .keys
            .busy
            .iter()
            .filter(|(_, k)| k.waiting.iter().any(|t| t.ticket.offset < before))
            .map(|(key, _)| *key)
            .collect();
        for key in blocked {
            self.block(key, Head::Active, turn);
        }
        for mut task in std::mem::take(&mut self.ready) {
            if task.ticket.place == Place::Window && task.ticket.offset < before {
                self.record_loaded(&mut task, turn);
            }
            self.ready.push_back(task);
        }
        let flying: Vec<u64> = self
            .flying
            .values()
            .filter(|t| t.ticket.place == Place::Window && t.ticket.offset < before)
            .map(|t| t.ticket.offset)
            .collect();
        for offset in flying {
            if let Some(mut task) = self.flying.remove(&offset) {
                self.record_loaded(&mut task, turn);
                self.flying.insert(offset, task);
            }
        }
        // A long backlog must not stay in memory because it is recorded.
        let excess = self.ready.len().saturating_sub(self.ready_max());
        for task in self.ready.split_off(self.ready.len() - excess) {
            if let Place::Scheduled { due } = task.ticket.place {
                self.loaded.remove(&task.ticket.offset);
                self.next_due = Some(self.next_due.map_or(due, |d| d.min(due)));
                if let Some(key) = task.ticket.key {
                    self.keys.set(key, Head::Scheduled);
                }
            } else {
                self.ready.push_back(task);
            }
        }
    }

    /// Records a delivery that stays in memory. It is found again only after a crash.
    fn record_loaded(&mut self, task: &mut Task, turn: &mut Turn) {
        let due = turn.now;
        self.unrecord(&task.ticket, turn);
        task.ticket.place = Place::Scheduled { due };
        turn.ops.push(Op::Put(
            keys::scheduled(self.id, due, task.ticket.offset),
            task.ticket.pendant().encode(),
        ));
        self.loaded.insert(task.ticket.offset);
    }

    /// Gives up everything pending. Attempts under way are ignored when they come home.
    pub(crate) fn cancel(&mut self, turn: &mut Turn) -> u64 {
        let n = self.account.pending;
        self.account.cancelled += n;
        self.account.pending = 0;
        for task in self.flying.values().chain(&self.ready) {
            turn.ops.push(Op::Put(
                keys::history(task.ticket.offset, self.id),
                Final::encode("cancelled", None, None, &task.ticket.trail),
            ));
        }
        for tag in [b'q', b'k', b'b'] {
            let (from, to) = keys::under(&keys::of_lane(tag, self.id));
            turn.ops.push(Op::DeleteRange(from, to));
        }
        self.window.clear();
        self.ready.clear();
        self.flying.clear();
        self.loaded.clear();
        self.keys.clear();
        self.next_due = None;
        self.waiting_bytes = 0;
        self.dirty = true;
        n
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
