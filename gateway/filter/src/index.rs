//! All filters of a stream in one pass.
//!
//! Every filter is filed under *access predicates*, of which at least one holds wherever the filter
//! does: the value of an attribute, a prefix, a cell of a grid over numbers. An event's values lead to
//! the filters under them by one look-up each, and only those are checked. Of several predicates that
//! would do, the one that leads to the fewest others is taken. What nothing leads to (`not` alone, an
//! expression of one's own) is looked at for every event, is counted, and is limited in number.

mod access;
mod plan;
mod segments;
mod shelf;
mod snapshot;

pub use snapshot::Snapshot;

use crate::ir::Formula;
use arc_swap::ArcSwap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a set of filters may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most filters (default 1,000,000).
    pub filters: usize,
    /// Most memory, about, in bytes (default 1 GiB).
    pub bytes: usize,
    /// Most filters that are looked at for every event (default 10,000).
    pub scanned: usize,
    /// Most different attributes and places in `data` (default 10,000).
    pub paths: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            filters: 1_000_000,
            bytes: 1 << 30,
            scanned: 10_000,
            paths: 10_000,
        }
    }
}

/// Why a filter was not added; the set is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many.
    #[error("there are {0} filters already, which is the limit")]
    Filters(usize),
    /// Too much memory.
    #[error("the filters would take more than {0} bytes, which is the limit")]
    Bytes(usize),
    /// Too many that every event has to be compared with.
    #[error(
        "there are {0} filters already that every event is compared with, which is the limit; hint: \
         add a condition that says what an attribute is, not only what it is not"
    )]
    Scanned(usize),
    /// Too many different paths.
    #[error(
        "the filters look at more than {0} different attributes and places in data, which is the limit"
    )]
    Paths(usize),
}

/// A set of filters that changes while it is matched. Who matches never waits.
#[derive(Debug)]
pub struct Index {
    current: ArcSwap<Snapshot>,
    writer: Mutex<()>,
}

impl Index {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self {
            current: ArcSwap::from_pointee(Snapshot::new(limits)),
            writer: Mutex::new(()),
        }
    }

    /// The set as it is now.
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Adds or replaces one filter; in force when this returns.
    pub fn add(&self, id: u64, formula: &Formula) -> Result<(), Refused> {
        self.edit(|snapshot| snapshot.add(id, formula))
    }

    /// Removes one filter; false where there is none.
    pub fn remove(&self, id: u64) -> bool {
        self.edit(|snapshot| snapshot.remove(id))
    }

    /// Makes several changes at once.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        let _writing = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Snapshot::clone(&self.current.load());
        let changed = change(&mut next);
        self.current.store(Arc::new(next));
        changed
    }
}

impl From<Snapshot> for Index {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            current: ArcSwap::from_pointee(snapshot),
            writer: Mutex::new(()),
        }
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
