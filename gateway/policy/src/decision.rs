//! What was decided, and by which policy.

use std::fmt;
use std::sync::Arc;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There are no policies.
    Unasked,
    /// Above all policies.
    Operator,
    /// A policy permits it and none forbids it.
    Permitted,
    /// A policy forbids it.
    Forbidden,
    /// No policy permits it.
    NotPermitted,
    /// A policy could not be evaluated: nobody knows whether it forbids this.
    Failed,
    /// A value is longer than what is judged.
    TooLong,
}

impl Verdict {
    /// A label of few values, for counters.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unasked => "unasked",
            Self::Operator => "operator",
            Self::Permitted => "permitted",
            Self::Forbidden => "forbidden",
            Self::NotPermitted => "not-permitted",
            Self::Failed => "failed",
            Self::TooLong => "too-long",
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The policy that decided, where one did; of several, the first by name.
    pub policy: Option<Arc<str>>,
}

impl Decision {
    pub(crate) fn without_policy(verdict: Verdict) -> Self {
        Self {
            verdict,
            policy: None,
        }
    }

    /// Whether it may be done.
    pub fn allowed(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Unasked | Verdict::Operator | Verdict::Permitted
        )
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policy = self.policy.as_deref().unwrap_or_default();
        match self.verdict {
            Verdict::Unasked => f.write_str("there are no policies"),
            Verdict::Operator => f.write_str("the operator is above policies"),
            Verdict::Permitted => write!(f, "permitted by policy {policy}"),
            Verdict::Forbidden => write!(f, "forbidden by policy {policy}"),
            Verdict::NotPermitted => f.write_str("no policy permits it"),
            Verdict::Failed => write!(f, "policy {policy} could not be evaluated"),
            Verdict::TooLong => write!(f, "a value is longer than {} bytes", crate::VALUE_MAX),
        }
    }
}
