//! A subscription that only looks on: its target gets what another one's gets, and is compared with it.

use crate::Ignored;
use std::sync::Arc;
use std::time::Duration;

/// What makes a subscription a shadow: its failures are no dead letters, its replies are not published.
#[derive(Debug, Clone, PartialEq)]
pub struct Shadow {
    /// The subscription whose target it is compared with.
    pub of: String,
    /// What of replies is not compared.
    pub ignored: Arc<Ignored>,
    /// Longest time that one side's answer waits for the other's (default 1 h).
    pub within: Duration,
    /// Most differences that are kept with both replies, per shard (default 100).
    pub examples_max: usize,
    /// Most bytes of answers that are kept, per shard (default 16 MiB).
    pub bytes_max: u64,
    /// How long a difference is kept with both replies (default 7 d).
    pub keep: Duration,
}

impl Shadow {
    /// One with the defaults.
    pub fn of(subscription: impl Into<String>) -> Self {
        Self {
            of: subscription.into(),
            ignored: Arc::default(),
            within: Duration::from_secs(3600),
            examples_max: 100,
            bytes_max: 16 << 20,
            keep: Duration::from_secs(7 * 86_400),
        }
    }
}
