//! Outcomes and errors that brokers of all kinds have.

use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Error, ErrorKind, Outcome, Reason, Report};

/// It may work later.
pub fn retry(code: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: None,
        throttled: false,
        reason: Reason::new(code, detail),
    }
}

/// It may work later, though it usually does not.
pub fn patient(code: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: Some(Outcome::PATIENCE),
        throttled: false,
        reason: Reason::new(code, detail),
    }
}

/// It never will.
pub fn reject(code: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Reject {
        disable: false,
        reason: Reason::new(code, detail),
    }
}

/// Settings that cannot be right.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "config", message)
}

/// The broker cannot be reached, or failed.
pub fn unavailable(operation: &'static str, error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, operation, error.to_string())
}

/// Sends each delivery of a batch at once, and reports each as it ends: by its own deadline at the latest.
pub async fn deliver_each<F, Fut>(
    batch: Vec<Delivery>,
    report: Report,
    cancel: CancellationToken,
    send: F,
) where
    F: Fn(Delivery) -> Fut,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let mut sending = JoinSet::new();
    for (index, delivery) in batch.into_iter().enumerate() {
        let time: Duration = delivery.timeout;
        let sent = send(delivery);
        sending.spawn(async move {
            let late = || retry("timeout", "the broker has not confirmed it in time");
            let outcome = tokio::time::timeout(time, sent).await;
            (index, outcome.unwrap_or_else(|_| late()))
        });
    }
    loop {
        // What was not reported is tried again.
        let ended = tokio::select! {
            ended = sending.join_next() => ended,
            () = cancel.cancelled() => return,
        };
        match ended {
            Some(Ok((index, outcome))) => report.settle(index, outcome),
            Some(Err(_)) => {}
            None => return,
        }
    }
}
