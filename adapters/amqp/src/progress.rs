//! How far a peer has got with what was sent over a link.

use std::sync::atomic::{AtomicU64, Ordering};

/// Deliveries of one link that are given up while it is kept: until the peer settles them they lie in memory.
const GIVEN_UP_MAX: u64 = 100;

/// Numbers deliveries in the order in which they are sent.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: AtomicU64,
    settled: AtomicU64,
    given_up: AtomicU64,
}

impl Progress {
    /// The next one was sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The peer has settled this one.
    pub(crate) fn settled(&self, number: u64) {
        self.settled.fetch_max(number, Ordering::Relaxed);
    }

    /// Whether the link can be kept where this one is given up: it has reached the peer, as all have that were sent before
    /// one that is settled. What has not may still wait for the window of the session, and would be sent later.
    pub(crate) fn give_up(&self, number: u64) -> bool {
        self.settled.load(Ordering::Relaxed) > number
            && self.given_up.fetch_add(1, Ordering::Relaxed) < GIVEN_UP_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_kept_where_what_is_given_up_has_reached_the_peer_and_a_hundred_times_at_most() {
        let progress = Progress::default();
        assert_eq!([(); 3].map(|()| progress.sent()), [1, 2, 3]);
        assert!(!progress.give_up(1));
        progress.settled(2);
        progress.settled(1);
        assert_eq!(
            [1, 2, 3].map(|one| progress.give_up(one)),
            [true, false, false]
        );
        let kept = (0..200).filter(|_| progress.give_up(1)).count();
        assert_eq!(kept, 99);
    }
}
