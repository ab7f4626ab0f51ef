//! Why a proof is none.

use tradewind_adapter::{Cause, Refusal};

/// For counter and log; the sender is told neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The label.
    pub cause: Cause,
    /// In words.
    pub reason: String,
}

impl Fault {
    /// What becomes of a request with it.
    pub fn of(&self, scheme: &str) -> Refusal {
        Refusal::unverified(self.cause, format!("{scheme} signature: {}", self.reason))
    }
}

/// Most of what is wrong is wrong in its form.
impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self {
            cause: Cause::Malformed,
            reason,
        }
    }
}

/// A cause with its words.
pub(crate) trait Because {
    fn because(self, reason: impl Into<String>) -> Fault;
}

impl Because for Cause {
    fn because(self, reason: impl Into<String>) -> Fault {
        Fault {
            cause: self,
            reason: reason.into(),
        }
    }
}
