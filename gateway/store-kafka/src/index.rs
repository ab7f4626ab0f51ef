//! Who was seen: which events of the log repeat an earlier one.

use std::collections::{HashMap, VecDeque};
use tradewind_store::Identity;

/// An event that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) content: u128,
    pub(crate) place: u64,
    /// When a repetition is no longer recognised.
    pub(crate) until: u64,
}

/// The identities that were seen last, so many at most.
#[derive(Debug)]
pub(crate) struct Index {
    by_id: HashMap<u128, Seen>,
    order: VecDeque<(u64, u128)>,
    max: usize,
    /// How many went before their window had ended.
    pub(crate) evicted: u64,
}

impl Index {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            by_id: HashMap::new(),
            order: VecDeque::new(),
            max: max.max(1),
            evicted: 0,
        }
    }

    pub(crate) fn get(&self, id: u128) -> Option<Seen> {
        self.by_id.get(&id).copied()
    }

    /// The event that one with this identity repeats, were it appended at `now`; the same or another content.
    pub(crate) fn repeated(&self, identity: &Identity, now: u64) -> Option<Seen> {
        self.get(identity.id).filter(|seen| seen.until > now)
    }

    /// Decides on an event of the log: the place of the one that it repeats, or none, and then it is known from now on.
    /// One that repeats an identity with other content is an event of its own: somebody has answered for it.
    pub(crate) fn decide(&mut self, place: u64, ms: u64, identity: &Identity) -> Option<u64> {
        match self.repeated(identity, ms) {
            Some(seen) if seen.content == identity.content && seen.place < place => {
                Some(seen.place)
            }
            _ => {
                self.put(place, ms, identity);
                None
            }
        }
    }

    /// Remembers an event of the log that repeats none.
    pub(crate) fn put(&mut self, place: u64, ms: u64, identity: &Identity) {
        let seen = Seen {
            content: identity.content,
            place,
            until: ms.saturating_add(identity.window_ms),
        };
        self.by_id.insert(identity.id, seen);
        self.order.push_back((place, identity.id));
        while self.order.len() > self.max {
            let Some((place, id)) = self.order.pop_front() else {
                return;
            };
            // Unless it was seen again since.
            if self.by_id.get(&id).is_some_and(|seen| seen.place == place)
                && let Some(seen) = self.by_id.remove(&id)
            {
                self.evicted += u64::from(seen.until > ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: u128, content: u128) -> Identity {
        Identity {
            id,
            content,
            window_ms: 100,
        }
    }

    #[test]
    fn repetitions_are_recognised_within_their_window() {
        let mut index = Index::new(10);
        for (place, ms, id, content, repeats) in [
            (0, 1000, 1, 1, None),
            (1, 1099, 1, 1, Some(0)),
            // Other content: kept, and the one that is repeated from now on.
            (2, 1099, 1, 2, None),
            (3, 1100, 1, 2, Some(2)),
            (4, 1199, 1, 2, None),
            (5, 1199, 2, 1, None),
        ] {
            let decided = index.decide(place, ms, &identity(id, content));
            assert_eq!(decided, repeats, "at {place}");
        }
    }

    #[test]
    fn the_oldest_go_and_are_counted() {
        let mut index = Index::new(2);
        for id in 0..4 {
            index.decide(id as u64, 1000 + 200 * u64::from(id == 3), &identity(id, 1));
        }
        assert_eq!(index.get(0), None);
        assert_eq!(index.get(1), None);
        assert!(index.get(2).is_some() && index.get(3).is_some());
        // The second went after its window.
        assert_eq!(index.evicted, 1);
    }
}
