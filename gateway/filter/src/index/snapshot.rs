//! A rule set at one moment: immutable where it is shared, changed where it is not.

use super::segments::Segments;
use super::shelf::{Seen, Shelf, of_ways};
use super::{Limits, Refused};
use crate::eval::{Asked, Check, Paths, Scratch, Slots, View};
use crate::ir::Formula;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Pieces of the tables of a set.
const PIECES: usize = 256;

/// A set of filters that is matched in one pass over an event.
///
/// A clone shares everything; a change of one of two clones copies the little that it touches.
#[derive(Debug, Clone)]
pub struct Snapshot {
    limits: Limits,
    state: foldhash::fast::RandomState,
    paths: Arc<Paths>,
    asked: Segments<Arc<Asked>>,
    shelf: Shelf,
    /// Where filters end in an error.
    faults: Shelf,
    bytes: usize,
    /// Filters removed since `asked` was begun anew.
    removed: usize,
}

impl Snapshot {
    /// An empty set.
    pub fn new(limits: Limits) -> Self {
        let state = foldhash::fast::RandomState::default();
        Self {
            limits,
            paths: Arc::default(),
            asked: Segments::new(PIECES),
            shelf: Shelf::new(state.clone(), PIECES),
            faults: Shelf::new(state.clone(), PIECES),
            state,
            bytes: 0,
            removed: 0,
        }
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.shelf.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many filters are looked at for every event, because nothing leads to them.
    pub fn scanned(&self) -> usize {
        self.shelf.scanned().max(self.faults.scanned())
    }

    /// What the set takes in memory, about, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a filter under a number of the caller's; one that has it already is replaced. A set that
    /// would exceed its limits stays as it is.
    pub fn add(&mut self, id: u64, formula: &Formula) -> Result<(), Refused> {
        let replaced = self.shelf.contains(id);
        if !replaced && self.len() >= self.limits.filters {
            return Err(Refused::Filters(self.limits.filters));
        }
        let faults = formula.faults();
        let paths = formula.paths().into_iter().chain(faults.paths());
        let new = paths.filter(|path| !self.paths.contains(path)).count();
        if self.paths.len() + new > self.limits.paths {
            return Err(Refused::Paths(self.limits.paths));
        }
        let check = self.check(formula);
        let ways = self.shelf.ways(check);
        let faults = match faults == Formula::no() {
            true => None,
            false => {
                let check = self.check(&faults);
                Some(self.faults.ways(check))
            }
        };
        let scans = ways.is_err() || matches!(faults, Some(Err(_)));
        if scans && self.scanned() >= self.limits.scanned {
            return Err(Refused::Scanned(self.limits.scanned));
        }
        let bytes = of_ways(&ways) + faults.as_ref().map_or(0, of_ways);
        if self.bytes + bytes > self.limits.bytes {
            return Err(Refused::Bytes(self.limits.bytes));
        }
        self.remove(id);
        self.bytes += bytes;
        self.shelf.add(id, bytes, ways);
        if let Some(faults) = faults {
            self.faults.add(id, 0, faults);
        }
        Ok(())
    }

    /// Removes a filter; false where there is none of this number.
    pub fn remove(&mut self, id: u64) -> bool {
        let Some(bytes) = self.shelf.remove(id) else {
            return false;
        };
        self.faults.remove(id);
        self.bytes = self.bytes.saturating_sub(bytes);
        // Predicates that nobody asks any more go with the list of those that are shared.
        self.removed += 1;
        if self.removed > self.len() + 1024 {
            self.asked = Segments::new(PIECES);
            self.removed = 0;
        }
        true
    }

    /// The numbers of the filters that the event passes, in order, each once. The view keeps which
    /// filters ended in an error.
    pub fn matches(&self, view: &View<'_>, scratch: &mut Scratch, out: &mut Vec<u64>) {
        out.clear();
        let slots = Slots::read(&self.paths, view, scratch);
        let mut seen = Seen::new(slots.found.len());
        self.shelf.visit(&slots, &mut seen, out);
        if self.faults.len() > 0 {
            let (mut seen, mut failed) = (Seen::new(slots.found.len()), Vec::new());
            self.faults.visit(&slots, &mut seen, &mut failed);
            view.fail(&failed);
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    fn check(&mut self, formula: &Formula) -> Check {
        let (state, shared) = (&self.state, &mut self.asked);
        let mut intern = |asked: Asked| {
            let hash = state.hash_one(&asked);
            if let Some(known) = shared.find(hash, |known| **known == asked) {
                return Arc::clone(known);
            }
            let asked = Arc::new(asked);
            shared.insert(hash, Arc::clone(&asked));
            asked
        };
        Check::new(formula, Arc::make_mut(&mut self.paths), &mut intern)
    }
}
