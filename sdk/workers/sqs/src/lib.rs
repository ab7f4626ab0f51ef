//! Handlers that take messages of an Amazon SQS queue by themselves: in a container, on a machine, anywhere.
//!
//! ```no_run
//! # #[tradewind::handler]
//! # async fn charge(event: tradewind::Event) {}
//! fn main() -> tradewind::Exit {
//!     tradewind::App::new(charge).worker(tradewind_worker_sqs::Sqs).run()
//! }
//! ```
//!
//! | Variable | What it is |
//! |---|---|
//! | `TRADEWIND_SQS_QUEUE` | URL of the queue |
//! | `TRADEWIND_SQS_VISIBILITY` | seconds for which a message is hidden, made longer for as long as it is handled; 3 to 43200, default 30 |
//!
//! Credentials and region are those of the AWS SDK; the region of the URL stands above its own. The handler sees the
//! events that it would see on AWS Lambda. It needs `sqs:ReceiveMessage`, `sqs:DeleteMessage` and
//! `sqs:ChangeMessageVisibility` on the queue.
//!
//! A message is deleted when it is done. One that failed is visible again when the time for which it is hidden is
//! over, or after the pause that the handler asked for; the redrive policy of the queue sets it aside after so many times.
//! SQS knows no rejection: that is a failure like any other. FIFO queues are handled in order by group.

#![warn(clippy::expect_used)]

mod pull;
mod queue;

use pull::Queued;
use queue::Queue;
use std::fmt;
use std::sync::Arc;
use tradewind::Kind;
use tradewind::worker::{Fut, Opened, Worker};

const QUEUE: &str = "TRADEWIND_SQS_QUEUE";
const VISIBILITY: &str = "TRADEWIND_SQS_VISIBILITY";
/// Shortest and longest time for which a message is hidden, in seconds. Less leaves no time to make it longer.
const HIDDEN: std::ops::RangeInclusive<i32> = 3..=43_200;
const HIDDEN_DEFAULT: i32 = 30;

/// The worker.
#[derive(Debug, Clone, Copy)]
pub struct Sqs;

/// A variable that is missing or cannot be right.
#[derive(Debug, PartialEq, Eq)]
struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

fn settings(get: &dyn Fn(&str) -> Option<String>) -> Result<(Queue, i32), Invalid> {
    let read = |name: &str| get(name).filter(|value| !value.is_empty());
    let queue = read(QUEUE).unwrap_or_default();
    let queue = Queue::parse(&queue).map_err(|reason| Invalid(format!("{QUEUE}: {reason}")))?;
    let hidden = match read(VISIBILITY) {
        None => HIDDEN_DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| HIDDEN.contains(seconds))
            .ok_or_else(|| {
                let (least, most) = (HIDDEN.start(), HIDDEN.end());
                Invalid(format!(
                    "{VISIBILITY}: `{text}` is no number of seconds from {least} to {most}"
                ))
            })?,
    };
    Ok((queue, hidden))
}

impl Worker for Sqs {
    fn name(&self) -> &'static str {
        "sqs"
    }
    fn sign(&self) -> &'static str {
        QUEUE
    }
    fn kind(&self) -> Kind {
        Kind::Queue
    }
    fn open(&self, get: &dyn Fn(&str) -> Option<String>) -> Fut<'static, Opened> {
        let settings = settings(get);
        Box::pin(async move {
            let (queue, hidden) = settings?;
            let queued = Queued::connect(queue, hidden).await?;
            let opened: Opened = Ok(Arc::new(queued));
            opened
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_at_start() {
        let read = |queue: &'static str, hidden: &'static str| {
            let get = move |name: &str| match name {
                QUEUE => Some(queue.to_owned()),
                VISIBILITY => Some(hidden.to_owned()),
                _ => None,
            };
            settings(&get)
                .map(|(_, hidden)| hidden)
                .map_err(|e| e.to_string())
        };
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";
        assert_eq!(read(url, ""), Ok(30));
        assert_eq!(read(url, "43200"), Ok(43_200));
        for hidden in ["2", "43201", "-1", "x", "1.5"] {
            let reason = read(url, hidden).unwrap_err();
            assert!(
                reason.starts_with("TRADEWIND_SQS_VISIBILITY: `"),
                "{reason}"
            );
        }
        let reason = read("orders", "").unwrap_err();
        assert!(
            reason.starts_with("TRADEWIND_SQS_QUEUE: `orders` is no URL"),
            "{reason}"
        );
    }
}
