//! Answers remembered: as many as there are places.

use crate::Decision;
use arc_swap::ArcSwapOption;
use foldhash::fast::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for answers.
const PLACES: usize = 4096;
/// Places that a question may have: with one, two that are asked in turn and meet there would never be remembered.
const WAYS: usize = 4;
/// Longest key that is remembered, in bytes: 4 MiB at most.
const KEY_MAX: usize = 1024;

/// Answers by their whole question. No lock: a place holds one answer, and another one takes it over.
pub(crate) struct Cache {
    places: Box<[ArcSwapOption<Entry>]>,
    hasher: RandomState,
    /// Which of its places the next one takes that finds them all taken.
    turn: AtomicUsize,
}

struct Entry {
    hash: u64,
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
            turn: AtomicUsize::new(0),
        }
    }
}

impl Cache {
    /// The answer to the question with this key, found by `ask` where it is not remembered.
    pub(crate) fn get(&self, key: Vec<u8>, ask: impl FnOnce() -> Decision) -> Decision {
        if key.len() > KEY_MAX {
            return ask();
        }
        let hash = self.hasher.hash_one(&key);
        let (sets, _) = self.places.as_chunks::<WAYS>();
        let Some(set) = sets.get(hash as usize % sets.len().max(1)) else {
            return ask();
        };
        let mut free = None;
        for place in set {
            match &*place.load() {
                Some(entry) if entry.hash == hash && entry.key == key => {
                    return entry.decision.clone();
                }
                Some(_) => {}
                None => free = free.or(Some(place)),
            }
        }
        let decision = ask();
        let entry = Entry {
            hash,
            key,
            decision: decision.clone(),
        };
        let turn = || &set[self.turn.fetch_add(1, Ordering::Relaxed) % WAYS];
        free.unwrap_or_else(turn).store(Some(Arc::new(entry)));
        decision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use std::cell::Cell;

    /// How many of these questions are asked when each is asked once more.
    fn asked_again(cache: &Cache, questions: usize) -> usize {
        let asked = Cell::new(0);
        for round in 0..2 {
            if round == 1 {
                asked.set(0);
            }
            for question in 0..questions {
                let key = format!("question {question}").into_bytes();
                let verdict = match question % 2 {
                    0 => Verdict::Permitted,
                    _ => Verdict::Forbidden,
                };
                let decision = cache.get(key, || {
                    asked.set(asked.get() + 1);
                    Decision::without_policy(verdict)
                });
                assert_eq!(decision.verdict, verdict);
            }
        }
        asked.get()
    }

    #[test]
    fn questions_that_meet_are_remembered_all_the_same() {
        // Of a thousand, two hundred would meet another one if each had one place.
        let again = asked_again(&Cache::default(), 1000);
        assert!(again < 100, "{again} of 1000 were asked again");
    }

    #[test]
    fn what_there_is_no_place_for_is_asked_again() {
        assert!(asked_again(&Cache::default(), 3 * PLACES) > PLACES);
    }
}
