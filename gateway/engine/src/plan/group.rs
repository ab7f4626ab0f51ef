//! Several sinks in place of one: each key is one member's at a time.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tradewind_adapter::Sink;

/// The members of a group, and what each of them takes.
#[derive(Debug, Clone)]
pub struct Group {
    /// In order, under names of their own.
    pub members: Vec<Member>,
    /// What each takes.
    pub split: Split,
}

/// A sink of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name within the group.
    pub name: Arc<str>,
    /// The sink, built.
    pub sink: Arc<dyn Sink>,
}

/// How keys are split. Recorded in the log, and in force from that position on: which member an event is for
/// follows from where it lies and from its key, whatever happens meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Split {
    /// Members with their weights, in the order of the group.
    pub weights: Vec<(String, u32)>,
    /// Counts decisions that hold for what is pending, too: with the next number, deliveries of earlier positions
    /// go by this split from their next attempt on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moves: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Split {
    /// The member that a key is for, by the hash of the key; `None` where nobody takes anything.
    pub fn member(&self, hash: u64) -> Option<&str> {
        let total: u64 = self
            .weights
            .iter()
            .map(|(_, weight)| u64::from(*weight))
            .sum();
        // The upper half: the lower bits choose the shard.
        let mut at = ((u128::from(hash >> 32) * u128::from(total)) >> 32) as u64;
        for (name, weight) in &self.weights {
            let weight = u64::from(*weight);
            if at < weight {
                return Some(name);
            }
            at -= weight;
        }
        None
    }

    /// What a member takes, of 1.
    pub fn share(&self, member: &str) -> f64 {
        let total: u64 = self
            .weights
            .iter()
            .map(|(_, weight)| u64::from(*weight))
            .sum();
        let own = self.weights.iter().find(|(name, _)| name == member);
        match (own, total) {
            (Some((_, own)), 1..) => f64::from(*own) / total as f64,
            _ => 0.0,
        }
    }

    /// As the log has it.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(weights: &[u32]) -> Split {
        let named = weights.iter().enumerate();
        Split {
            weights: named
                .map(|(n, weight)| (format!("m{n}"), *weight))
                .collect(),
            moves: 0,
        }
    }

    fn hashes() -> impl Iterator<Item = u64> {
        let mut rng = fastrand::Rng::with_seed(7);
        std::iter::repeat_with(move || rng.u64(..))
    }

    #[test]
    fn members_get_their_shares() {
        for weights in [
            &[1, 1][..],
            &[9, 1],
            &[0, 5],
            &[3, 0, 1],
            &[u32::MAX, u32::MAX],
        ] {
            let split = split(weights);
            let mut taken = vec![0u32; weights.len()];
            for hash in hashes().take(20_000) {
                let member = split.member(hash).unwrap();
                taken[member[1..].parse::<usize>().unwrap()] += 1;
            }
            for (n, taken) in taken.into_iter().enumerate() {
                let share = split.share(&format!("m{n}"));
                let off = f64::from(taken) / 20_000.0 - share;
                assert!(off.abs() < 0.02, "{weights:?} {n}: {off}");
                assert_eq!(taken == 0, share == 0.0);
            }
        }
        assert_eq!(split(&[0, 0]).member(7), None);
        assert_eq!(split(&[]).member(7), None);
    }

    proptest! {
        /// Of two members, one that takes more keeps the keys that it had, and no other key moves.
        #[test]
        fn a_cut_over_moves_no_key_back(from in 0u32..=100, to in 0u32..=100, hash: u64) {
            prop_assume!(from <= to);
            let (before, after) = (split(&[100 - from, from]), split(&[100 - to, to]));
            if before.member(hash) == Some("m1") {
                prop_assert_eq!(after.member(hash), Some("m1"));
            }
            prop_assert_eq!(serde_json::from_str::<Split>(&after.text()).unwrap(), after);
        }
    }
}
