//! What a member of a group cannot take now leaves memory, so that its lane reads on for the others.

use super::gate::Pass;
use super::lane::Lane;
use super::order::Head;
use super::task::{Place, Task, Turn};
use super::ways::Way;
use crate::record::{Final, keys};
use std::collections::BTreeMap;

/// The shelves of a lane: for each member, under the number that stands for it, what waits in `q/` until it takes
/// something.
pub(crate) type Shelves = BTreeMap<u64, Shelf>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf {
    /// Nothing with a lower offset is out of memory; `u64::MAX` where nothing is.
    from: u64,
    /// It was decided for what is pending: all of `[from, to)` is looked at once, whoever takes it now.
    sweep: Option<(u64, u64)>,
}

/// A piece of a shelf that may come back into memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) shelf: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) most: usize,
}

impl Lane {
    /// A delivery on the shelf of a member is not in memory.
    pub(super) fn on_shelf(&mut self, shelf: u64, offset: u64) {
        let shelf = self.shelves.entry(shelf).or_insert(Shelf {
            from: u64::MAX,
            sweep: None,
        });
        shelf.from = shelf.from.min(offset);
    }

    /// What is on shelves may be for other members now.
    pub(crate) fn sweep_shelves(&mut self) {
        let to = self.read;
        for shelf in self.shelves.values_mut() {
            let under_way = shelf.sweep.map_or(u64::MAX, |(from, _)| from);
            shelf.sweep = Some((shelf.from.min(under_way), to));
            shelf.from = if shelf.from < to {
                u64::MAX
            } else {
                shelf.from
            };
        }
    }

    /// Pieces that may come back: of members that take something, and of those that were looked for elsewhere.
    pub(crate) fn pieces(&mut self, now: u64) -> Vec<Piece> {
        let room = self.room();
        if self.shelves.is_empty() || !self.is_active() || room == 0 {
            return Vec::new();
        }
        let mut pieces = Vec::new();
        let mut wake = None;
        for (number, shelf) in &self.shelves {
            let (from, to) = shelf.sweep.unwrap_or((shelf.from, u64::MAX));
            let most = match (shelf.sweep, self.way_of(*number)) {
                (Some(_), _) | (_, None) => room,
                (None, Some(way)) => match self.gate_of(way).map(|gate| gate.offers(room, now)) {
                    Some(Pass::Go(n)) => {
                        let fetched = |task: &&Task| self.loaded.contains(&task.ticket.offset);
                        let ready = self.ready.iter().filter(fetched);
                        let ready = ready.filter(|task| self.way(task).0 == way);
                        (n * self.batch_max()).saturating_sub(ready.count())
                    }
                    Some(Pass::At(at)) => {
                        wake = Some(wake.map_or(at, |wake: u64| wake.min(at)));
                        0
                    }
                    _ => 0,
                },
            };
            if most > 0 {
                pieces.push(Piece {
                    shelf: *number,
                    from,
                    to,
                    most: most.min(room),
                });
            }
        }
        if let Some(at) = wake {
            self.wake_at(at);
        }
        pieces
    }

    /// A piece is in memory, up to `next`; `all` of it, or there is more.
    pub(crate) fn fetched(&mut self, piece: &Piece, next: u64, all: bool) {
        let Some(shelf) = self.shelves.get_mut(&piece.shelf) else {
            return;
        };
        match (&mut shelf.sweep, all) {
            (Some((from, _)), false) => *from = next,
            (sweep @ Some(_), true) => *sweep = None,
            (None, false) => shelf.from = next,
            (None, true) => shelf.from = u64::MAX,
        }
        if shelf.from == u64::MAX && shelf.sweep.is_none() {
            self.shelves.remove(&piece.shelf);
        }
    }

    /// Where memory is full and some member has nothing to do: puts what is ready for those that take nothing now on
    /// their shelves, and records what they have under way.
    pub(super) fn shelve(&mut self, turn: &mut Turn) {
        let waits = self.next_due.is_some_and(|due| due <= turn.now)
            || !self.keys.fetch.is_empty()
            || !self.shelves.is_empty();
        let (full, crowded) = (self.is_full(), self.room() == 0 && waits);
        let Some(group) = self.ways.as_ref().filter(|_| full || crowded) else {
            return;
        };
        let takes = |way: &Way| matches!(way.gate.when(turn.now), Pass::Go(_));
        let stalled: Vec<bool> = group.members.iter().map(|way| !takes(way)).collect();
        let ways: Vec<usize> = self.ready.iter().map(|task| self.way(task).0).collect();
        let idle =
            |way: usize| !stalled[way] && !ways.contains(&way) && (crowded || self.will_take(way));
        if !(0..stalled.len()).any(idle) {
            return;
        }
        let is_stalled = |way: usize| stalled.get(way).copied().unwrap_or(false);
        let ready = std::mem::take(&mut self.ready);
        let mut done = false;
        for (task, way) in ready.into_iter().zip(ways) {
            match is_stalled(way) {
                true => {
                    self.shelve_one(task, way, turn);
                    done = true;
                }
                false => self.ready.push_back(task),
            }
        }
        let volatile = |task: &&Task| {
            let way = |name| self.ways.as_ref()?.named(name);
            let way = task.member.as_deref().and_then(way);
            task.ticket.place == Place::Window && way.is_some_and(is_stalled)
        };
        let flying = self.flying.values().filter(volatile);
        let flying: Vec<u64> = flying.map(|task| task.ticket.offset).collect();
        for offset in flying {
            if let Some(mut task) = self.flying.remove(&offset) {
                self.record_loaded(&mut task, turn);
                self.flying.insert(offset, task);
                done = true;
            }
        }
        if done {
            // There is more to read, or to fetch.
            self.wake_at(turn.now);
        }
    }

    fn shelve_one(&mut self, task: Task, way: usize, turn: &mut Turn) {
        let ticket = task.ticket;
        let Some(member) = self.ways.as_ref().and_then(|ways| ways.members.get(way)) else {
            return;
        };
        let shelf = keys::shelf(&member.name);
        // Of one that has been attempted, whoever has its key elsewhere must wait.
        let head = match ticket.trail.made() {
            0 => Head::Shelved,
            _ => Head::Scheduled,
        };
        if ticket.place == (Place::Scheduled { due: shelf }) {
            self.loaded.remove(&ticket.offset);
            self.due_at(shelf, ticket.offset, turn);
            if let Some(key) = ticket.key {
                self.block(key, head, turn);
            }
            return;
        }
        let note = format!("member `{}` takes nothing now", member.name);
        let told = Final::encode("pending", None, Some(&note), &ticket.trail);
        self.put_off(ticket, shelf, told, head, turn);
    }
}
