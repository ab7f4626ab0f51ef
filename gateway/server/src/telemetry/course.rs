//! How it goes with sending spans, which the SDK keeps to itself: counted, and told when it turns.

use crate::admin::Metrics;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub(super) struct Course {
    metrics: Arc<Metrics>,
    /// Batches go every few seconds: only the first failure and the first success after it have a line.
    failing: AtomicBool,
}

impl Course {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            failing: AtomicBool::new(false),
        }
    }

    /// The collector has answered. Its own words are not told: they may repeat a header.
    pub(super) fn answered(&self, status: http::StatusCode) {
        if !status.is_success() {
            return self.lost("refused", &format!("the collector answers {status}"));
        }
        self.metrics.traces_exported("taken");
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("spans reach the collector again");
        }
    }

    /// There was no answer.
    pub(super) fn failed(&self, error: &(dyn Error + 'static)) {
        let mut reason = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            reason = format!("{reason}: {cause}");
            next = cause.source();
        }
        self.lost("failed", &reason);
    }

    fn lost(&self, outcome: &'static str, reason: &str) {
        self.metrics.traces_exported(outcome);
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                reason,
                "spans do not reach the collector; those of failed batches are lost"
            );
        }
    }
}
