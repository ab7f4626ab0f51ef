//! Many filters, one pass over an event.

use std::sync::Arc;
use tradewind_event::Event;
use tradewind_filter::{Filter, Limits, Scratch, Snapshot, View};

/// Filters by number.
#[derive(Debug)]
pub(crate) struct Routes {
    index: Snapshot,
    /// Those that the index has no room for: evaluated one by one.
    others: Vec<(u64, Arc<Filter>)>,
    next: u64,
}

/// Which filters an event passes, of those that there were when it was read.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    /// Filters from this number on were not asked.
    next: u64,
    passed: Box<[u64]>,
    /// Filters that ended in an error.
    failed: Box<[u64]>,
}

/// What a filter says of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) passes: bool,
    /// An expression in it ended in an error.
    pub(crate) failed: bool,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            index: Snapshot::new(Limits::default()),
            others: Vec::new(),
            next: 0,
        }
    }
}

impl Routes {
    /// Adds a filter and returns its number, which no other one ever has.
    pub(crate) fn add(&mut self, filter: &Arc<Filter>) -> u64 {
        let id = self.next;
        self.next += 1;
        if let Err(refused) = self.index.add(id, filter.formula()) {
            tracing::warn!(%refused, "a filter is evaluated on its own");
            self.others.push((id, Arc::clone(filter)));
        }
        id
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.index.remove(id);
        self.others.retain(|(other, _)| *other != id);
    }

    /// Asks all filters about one event after the other.
    pub(crate) fn router(&self) -> Router<'_> {
        Router {
            routes: self,
            scratch: Scratch::default(),
            passed: Vec::new(),
        }
    }
}

/// What a pass over several events needs.
pub(crate) struct Router<'r> {
    routes: &'r Routes,
    scratch: Scratch,
    passed: Vec<u64>,
}

impl Router<'_> {
    pub(crate) fn route(&mut self, event: &Event) -> Routed {
        let mut failed = self.ask(event);
        self.passed.sort_unstable();
        failed.sort_unstable();
        Routed {
            next: self.routes.next,
            passed: self.passed.as_slice().into(),
            failed: failed.into(),
        }
    }

    /// How many filters the event passes.
    pub(crate) fn count(&mut self, event: &Event) -> usize {
        self.ask(event);
        self.passed.len()
    }

    /// Finds which filters the event passes, and gives those that ended in an error.
    fn ask(&mut self, event: &Event) -> Vec<u64> {
        let Self {
            routes,
            scratch,
            passed,
        } = self;
        let view = View::new(event);
        routes.index.matches(&view, scratch, passed);
        let mut failed = view.failed();
        for (id, filter) in &routes.others {
            let said = alone(filter, &view, scratch);
            passed.extend(said.passes.then_some(*id));
            failed.extend(said.failed.then_some(*id));
        }
        failed
    }
}

impl Routed {
    /// What this filter says of the event.
    pub(crate) fn said(&self, id: u64, filter: &Filter, event: &Event) -> Said {
        match id < self.next {
            true => Said {
                passes: self.passed.binary_search(&id).is_ok(),
                failed: self.failed.binary_search(&id).is_ok(),
            },
            false => alone(filter, &View::new(event), &mut Scratch::default()),
        }
    }
}

fn alone(filter: &Filter, view: &View<'_>, scratch: &mut Scratch) -> Said {
    let before = view.faults();
    Said {
        passes: filter.evaluate(view, scratch),
        failed: view.faults() != before,
    }
}
