//! A promise to have written, soon, what publishers have left.
//!
//! Who appends first lets those who are at work already bring what they have: one commit for all, and one
//! word to the writer, cost little more than one for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where writes are left.
pub(super) trait Keep: Send + Sync {
    fn promised(&self) -> &Promised;

    /// Has written what was left.
    fn keep(&self);
}

/// Whether somebody has the promise.
#[derive(Debug, Default)]
pub(super) struct Promised(AtomicBool);

/// It is kept when it is dropped.
pub(super) struct Promise(Arc<dyn Keep>);

impl Promise {
    /// For whoever has left something; none if somebody else has it.
    pub(super) fn to<K: Keep + 'static>(place: &Arc<K>) -> Option<Self> {
        let promised = place.promised().0.swap(true, Ordering::AcqRel);
        (!promised).then(|| Self(Arc::<K>::clone(place)))
    }

    /// Keeps it once those at work had their turn: in a task of its own, since others wait for it and nobody knows
    /// when the caller is polled again.
    pub(super) fn keep_soon(self) {
        tokio::spawn(async {
            tokio::task::yield_now().await;
            drop(self);
        });
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        // First: whoever leaves something from here on has a promise of his own.
        self.0.promised().0.swap(false, Ordering::AcqRel);
        self.0.keep();
    }
}
