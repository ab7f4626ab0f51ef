//! What leaves memory: for room, for retention, for the backlog cap, for good.

use super::lane::Lane;
use super::order::Head;
use super::task::{Place, Task, Ticket, Turn};
use crate::record::{Cause, Final, keys};
use tradewind_store::Op;

impl Lane {
    /// Makes room in the window, where what fills it is not on its way: deliveries behind a key go
    /// to `k/`, and a slow attempt that holds the cursor back is recorded while it is under way.
    pub(crate) fn relieve(&mut self, turn: &mut Turn) {
        let crowded = self.keys.waiting(|_| true);
        for key in crowded {
            self.block(key, Head::Active, turn);
        }
        let Some(mut task) = self.window.oldest().and_then(|o| self.flying.remove(&o)) else {
            return;
        };
        self.record_loaded(&mut task, turn);
        self.flying.insert(task.ticket.offset, task);
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

    /// Buries as many of these recorded deliveries as are too many, oldest first.
    pub(crate) fn shed_recorded(&mut self, mut found: Vec<Ticket>, most: usize, turn: &mut Turn) {
        found.retain(|t| !self.loaded.contains(&t.offset));
        found.sort_by_key(|t| t.offset);
        found.truncate(most);
        for ticket in found {
            self.bury(ticket, None, Cause::Backlog, turn);
        }
    }

    /// Records every delivery below `before` that only the log remembers, those under way included.
    pub(crate) fn record_window(&mut self, before: u64, turn: &mut Turn) {
        let blocked = self.keys.waiting(|t| t.ticket.offset < before);
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
                self.due_at(due, task.ticket.offset, turn);
                if let Some(key) = task.ticket.key {
                    self.keys.set(key, Head::Scheduled);
                }
            } else {
                self.ready.push_back(task);
            }
        }
    }

    /// Offsets below `before` of what is ready or under way.
    pub(crate) fn in_memory(&self, before: u64) -> Vec<u64> {
        let ready = self.ready.iter().map(|task| task.ticket.offset);
        let all = ready.chain(self.flying.keys().copied());
        all.filter(|offset| *offset < before).collect()
    }

    /// Records a delivery that stays in memory. It is found again only after a crash.
    pub(super) fn record_loaded(&mut self, task: &mut Task, turn: &mut Turn) {
        let due = turn.stops.stored(turn.now);
        self.unrecord(&task.ticket, turn);
        task.ticket.place = Place::Scheduled { due };
        self.scheduled_bytes += task.ticket.bytes;
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
        let flying = std::mem::take(&mut self.flying).into_values();
        self.lingering
            .extend(flying.map(|task| (task.ticket.offset, task.ticket.key)));
        self.loaded.clear();
        self.keys.clear();
        self.next_due = None;
        self.shelves.clear();
        self.waiting_bytes = 0;
        self.scheduled_bytes = 0;
        self.dirty = true;
        n
    }
}
