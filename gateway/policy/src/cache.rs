//! Answers remembered: as many as there are places, the newest in each.

use crate::Decision;
use arc_swap::ArcSwapOption;
use foldhash::fast::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Places for answers.
const PLACES: usize = 4096;
/// Longest key that is remembered, in bytes: 4 MiB at most.
const KEY_MAX: usize = 1024;

/// Answers by their whole question. No lock: a place holds one answer, and the next one takes it over.
pub(crate) struct Cache {
    places: Box<[ArcSwapOption<Entry>]>,
    hasher: RandomState,
}

struct Entry {
    key: Vec<u8>,
    decision: Decision,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| ArcSwapOption::empty()).collect(),
            hasher: RandomState::default(),
        }
    }
}

impl Cache {
    /// The answer to the question with this key, found by `ask` where it is not remembered.
    pub(crate) fn get(&self, key: Vec<u8>, ask: impl FnOnce() -> Decision) -> Decision {
        let at = self.hasher.hash_one(&key) as usize % PLACES;
        let Some(place) = self.places.get(at).filter(|_| key.len() <= KEY_MAX) else {
            return ask();
        };
        if let Some(entry) = &*place.load()
            && entry.key == key
        {
            return entry.decision.clone();
        }
        let decision = ask();
        let entry = Entry {
            key,
            decision: decision.clone(),
        };
        place.store(Some(Arc::new(entry)));
        decision
    }
}
