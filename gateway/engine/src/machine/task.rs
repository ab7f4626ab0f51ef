//! A delivery in memory, and what a turn collects.

use crate::record::{Accepted, Pendant, Stops, Stored, Trail, accepted, keys};
use std::sync::Arc;
use tradewind_store::Op;

/// Where a pending delivery is recorded, so that settling it removes the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere but in the log: the lane's cursor stays below it.
    Window,
    /// In `q/`, under a due time as it is stored.
    Scheduled { due: u64 },
    /// In `k/`.
    Waiting { sequence: u64 },
}

/// A delivery without its event.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) offset: u64,
    /// Hash of its ordering key.
    pub(crate) key: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) place: Place,
    pub(crate) trail: Trail,
}

impl Ticket {
    pub(crate) fn pendant(&self) -> Pendant {
        Pendant {
            offset: self.offset,
            key: self.key,
            bytes: self.bytes,
            trail: self.trail.clone(),
        }
    }
    pub(crate) fn of(pendant: Pendant, place: Place) -> Self {
        Self {
            offset: pendant.offset,
            key: pendant.key,
            bytes: pendant.bytes,
            place,
            trail: pendant.trail,
        }
    }
}

/// A delivery that can be attempted.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) ticket: Ticket,
    pub(crate) stored: Arc<Stored>,
    /// When it became ready, then when its attempt began.
    pub(crate) since: u64,
    /// Under way together with others.
    pub(crate) together: bool,
    /// It was rejected together with others: the next attempt is its own.
    pub(crate) alone: bool,
    /// The member of a group that its attempt went to.
    pub(crate) member: Option<Arc<str>>,
}

/// Something to tell whoever listens.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) what: &'static str,
    pub(crate) name: Arc<str>,
    pub(crate) offset: Option<u64>,
    pub(crate) stored: Option<Arc<Stored>>,
    pub(crate) detail: String,
}

/// What one turn of a shard collects: one record call, one round of announcements.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Engine time.
    pub(crate) now: u64,
    /// When the shard was recovered: what was under way before may be for a while.
    pub(crate) began: u64,
    /// What of it did not count.
    pub(crate) stops: Stops,
    /// Where the log begins: what lies below lives in `p/`.
    pub(crate) start: u64,
    /// Events below this may have been copied to `p/`, though the log still begins before them.
    pub(crate) kept: u64,
    pub(crate) ops: Vec<Op>,
    /// Bytes of events among them.
    pub(crate) copied: usize,
    /// Accepted at once: told in one record for all that lie near each other.
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) notes: Vec<Note>,
    /// Somebody listens.
    pub(crate) listened: bool,
    /// Places were given back for which another shard waits.
    pub(crate) gave_back: bool,
    /// What was settled must be durable before the attempts of this turn begin.
    pub(crate) sync_first: bool,
}

impl Turn {
    pub(crate) fn new(now: u64, start: u64) -> Self {
        Self {
            now,
            began: now,
            stops: Stops::default(),
            start,
            kept: start,
            ops: Vec::new(),
            copied: 0,
            accepted: Vec::new(),
            notes: Vec::new(),
            listened: false,
            gave_back: false,
            sync_first: false,
        }
    }

    /// Turns what was accepted into records, numbered from `number` on.
    pub(crate) fn record_accepted(&mut self, epoch: u64, number: &mut u64) {
        self.accepted.sort_by_key(|a| a.offset);
        let near = |a: &Accepted, b: &Accepted| keys::stretch(a.offset) == keys::stretch(b.offset);
        for group in self.accepted.chunk_by(near) {
            let key = keys::accepted(keys::stretch(group[0].offset), epoch, *number);
            self.ops.push(Op::Put(key, accepted::encode(group)));
            *number += 1;
        }
        self.accepted.clear();
    }

    pub(crate) fn note(
        &mut self,
        what: &'static str,
        name: &Arc<str>,
        offset: u64,
        stored: Option<&Arc<Stored>>,
        detail: impl FnOnce() -> String,
    ) {
        if self.listened {
            self.notes.push(Note {
                what,
                name: Arc::clone(name),
                offset: Some(offset),
                stored: stored.cloned(),
                detail: detail(),
            });
        }
    }
}
