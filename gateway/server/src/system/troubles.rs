//! What goes wrong at sources, counted where it happens.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts since the start, by source.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    all: Mutex<BTreeMap<String, Trouble>>,
}

/// What goes wrong at one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Requests refused because of what the sender did.
    pub(crate) refused: u64,
    /// Why the last one was.
    pub(crate) last: String,
    /// Handshakes that failed.
    pub(crate) handshakes: u64,
    /// How often in a row the other side gave nothing, and what it said last.
    pub(crate) failures: u32,
    pub(crate) failure: String,
}

impl Troubles {
    fn of(&self, source: &str, change: impl FnOnce(&mut Trouble)) {
        let mut all = self.lock();
        match all.get_mut(source) {
            Some(trouble) => change(trouble),
            None => change(all.entry(source.to_owned()).or_default()),
        }
    }
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A request was refused.
    pub(crate) fn refused(&self, source: &str, code: &str) {
        self.of(source, |trouble| {
            trouble.refused += 1;
            code.clone_into(&mut trouble.last);
        });
    }
    /// A handshake failed.
    pub(crate) fn handshake_failed(&self, source: &str) {
        self.of(source, |trouble| trouble.handshakes += 1);
    }
    /// The other side of a pulled source failed.
    pub(crate) fn failed(&self, source: &str, error: String) {
        self.of(source, |trouble| {
            trouble.failures = trouble.failures.saturating_add(1);
            trouble.failure = error;
        });
    }
    /// It gave something, or had nothing.
    pub(crate) fn well(&self, source: &str) {
        if let Some(trouble) = self.lock().get_mut(source) {
            trouble.failures = 0;
        }
    }
    pub(super) fn list(&self) -> BTreeMap<String, Trouble> {
        self.lock().clone()
    }
}
