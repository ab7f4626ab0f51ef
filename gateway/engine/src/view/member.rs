//! The members of a group.

use serde::{Deserialize, Serialize};

/// A member of a group, and how it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberView {
    /// Its name within the group.
    pub name: String,
    /// Where its sink goes.
    pub sink: String,
    /// What it takes of the keys now, of 1.
    pub share: f64,
    /// `closed`, `open` or `half-open`.
    pub circuit: String,
    /// Its target said that it is gone.
    pub gone: bool,
    /// Attempts under way.
    pub in_flight: u64,
    /// Attempts that it accepted, since the start.
    pub accepted: u64,
    /// Attempts that failed and may be repeated, since the start.
    pub retried: u64,
    /// Attempts that failed for good, since the start.
    pub rejected: u64,
}

impl MemberView {
    /// Adds what another shard has.
    pub(crate) fn add(&mut self, other: &Self) {
        self.in_flight += other.in_flight;
        self.accepted += other.accepted;
        self.retried += other.retried;
        self.rejected += other.rejected;
    }
    /// Whether its trouble is certain: it is let alone, and nothing is under way there.
    pub fn is_down(&self) -> bool {
        (self.gone || self.circuit == "open") && self.in_flight == 0
    }
}

/// The member that an event is for, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberStop {
    /// Its name.
    pub name: String,
    /// In words, with the position of the decision.
    pub why: String,
}
