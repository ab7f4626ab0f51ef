//! The sink: one call for up to ten deliveries, each with its own outcome.

use crate::client::{Desk, Ready, SEND};
use crate::{KIND, Queue, message};
use async_trait::async_trait;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, Outcome, Payload, Permission, Reason, Report, Sink,
    SinkAdapter,
};
use tradewind_aws::{Access, Failure};
use tradewind_event::Event;

/// Most entries of one call.
const BATCH: usize = 10;
/// Largest message, and largest call: 1 MiB (SQS developer guide, "message quotas").
const BYTES_MAX: usize = 1 << 20;
/// Longest group or deduplication id of a FIFO queue, in characters.
const FIFO_ID_MAX: usize = 128;

/// Settings of a sink of kind `aws-sqs`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// URL of the queue. The groups of a FIFO queue are the events' `partitionkey`, else `subject`,
    /// else `source`; the delivery id deduplicates. Since 0.1.
    pub queue: Queue,
    /// What a message holds. Default: event. Since 0.1.
    #[serde(default)]
    pub payload: Payload,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

/// Fills a queue.
#[derive(Debug)]
pub struct SqsSink {
    desk: Desk,
    payload: Payload,
}

impl SqsSink {
    /// A sink with these settings.
    pub fn new(config: SinkConfig) -> Self {
        Self {
            desk: Desk::new(config.queue, config.aws),
            payload: config.payload,
        }
    }

    fn entry(&self, index: usize, delivery: &Delivery) -> Result<Entry, Outcome> {
        let refused = |code, detail: String| Outcome::Reject {
            disable: false,
            reason: Reason::new(code, detail),
        };
        let not_text = || refused("not-text", "the event has no form as text".into());
        let (body, content_type) =
            message::encode(&delivery.event, self.payload).ok_or_else(not_text)?;
        let bytes = message::size(&body);
        if bytes > BYTES_MAX {
            let detail = format!("{bytes} bytes as a message, SQS takes {BYTES_MAX}");
            return Err(refused("too-large", detail));
        }
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(body);
        if let Some(content_type) = content_type {
            entry = entry.message_attributes(message::CONTENT_TYPE, content_type);
        }
        if self.desk.queue.is_fifo() {
            entry = entry
                .message_group_id(fifo_id(&group(&delivery.event)))
                .message_deduplication_id(fifo_id(&delivery.id));
        }
        let built = entry.build();
        let request = built.map_err(|error| refused("not-text", error.to_string()))?;
        Ok(Entry {
            index,
            bytes,
            request,
        })
    }

    async fn send(&self, entries: Vec<Entry>, time: Duration, report: &Report) {
        let indexes: Vec<usize> = entries.iter().map(|entry| entry.index).collect();
        let all = |outcome: &Outcome| {
            for index in &indexes {
                report.settle(*index, outcome.clone());
            }
        };
        let Ready { client, arn } = match self.desk.ready().await {
            Ok(ready) => ready,
            Err(error) => return all(&retry("config", error.to_string())),
        };
        let permission = format!("{SEND} on {arn}");
        let requests = entries.into_iter().map(|entry| entry.request).collect();
        let sent = client
            .send_message_batch()
            .queue_url(self.desk.queue.url())
            .set_entries(Some(requests))
            .send();
        let answer = match timeout(time, sent).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return all(&Failure::of(&error).outcome(&permission)),
            Err(_) => return all(&retry("timeout", "SQS did not answer in time".into())),
        };
        let of = |id: &str| {
            indexes
                .iter()
                .copied()
                .find(|index| id == index.to_string())
        };
        for taken in answer.successful() {
            if let Some(index) = of(taken.id()) {
                let outcome = Outcome::Accepted {
                    receipt: Some(taken.message_id().to_owned()),
                    reply: None,
                };
                report.settle(index, outcome);
            }
        }
        for failed in answer.failed() {
            if let Some(index) = of(failed.id()) {
                let failure =
                    Failure::of_entry(failed.code(), failed.sender_fault(), failed.message());
                report.settle(index, failure.outcome(&permission));
            }
        }
    }
}

struct Entry {
    index: usize,
    bytes: usize,
    request: SendMessageBatchRequestEntry,
}

/// Calls that SQS takes: by count, and by bytes together.
fn calls(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut calls: Vec<Vec<Entry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        match calls.last_mut() {
            Some(call) if call.len() < BATCH && bytes + entry.bytes <= BYTES_MAX => {
                bytes += entry.bytes;
                call.push(entry);
            }
            _ => {
                bytes = entry.bytes;
                calls.push(vec![entry]);
            }
        }
    }
    calls
}

fn retry(code: &str, detail: String) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: None,
        throttled: false,
        reason: Reason::new(code, detail),
    }
}

/// What keeps its order.
fn group(event: &Event) -> String {
    let key = event.attribute("partitionkey");
    let key = key.map(|key| key.to_canonical().into_owned());
    let key = key.or_else(|| event.subject().map(str::to_owned));
    key.unwrap_or_else(|| event.source().to_owned())
}

/// An id of a FIFO queue: printable ASCII without space; others become their hash.
fn fifo_id(id: &str) -> String {
    if id.len() <= FIFO_ID_MAX && !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()) {
        return id.to_owned();
    }
    let hash = Sha256::digest(id);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[async_trait]
impl Sink for SqsSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let time = batch.iter().map(|delivery| delivery.timeout).min();
        let mut entries = Vec::with_capacity(batch.len());
        for (index, delivery) in batch.iter().enumerate() {
            match self.entry(index, delivery) {
                Ok(entry) => entries.push(entry),
                Err(outcome) => report.settle(index, outcome),
            }
        }
        let sending = async {
            for call in calls(entries) {
                self.send(call, time.unwrap_or_default(), &report).await;
            }
        };
        // What was not reported is tried again.
        tokio::select! {
            () = sending => {}
            () = cancel.cancelled() => {}
        }
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        capability.deliver_bytes_max = Some(BYTES_MAX);
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        vec![self.desk.permission(&[SEND], "each event is a message")]
    }

    fn describe(&self) -> String {
        self.desk.describe()
    }

    async fn health(&self) -> Result<(), Error> {
        self.desk.health().await
    }
}

impl SinkAdapter for SqsSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_a_fifo_queue_refuses_are_hashed() {
        for (id, kept) in [
            ("orders/1", true),
            ("a b", false),
            ("é", false),
            ("", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            let made = fifo_id(id);
            assert_eq!(made == id, kept, "{id}");
            assert!(!made.is_empty() && made.len() <= FIFO_ID_MAX);
        }
    }

    #[test]
    fn calls_are_as_large_as_sqs_takes() {
        let entry = |index: usize, bytes: usize| Entry {
            index,
            bytes,
            request: SendMessageBatchRequestEntry::builder()
                .id("1")
                .message_body("x")
                .build()
                .unwrap(),
        };
        let counts = |sizes: &[usize]| {
            let entries = sizes.iter().enumerate().map(|(i, size)| entry(i, *size));
            let calls = calls(entries.collect());
            calls.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(counts(&[]), [0; 0]);
        assert_eq!(counts(&[1; 25]), [10, 10, 5]);
        assert_eq!(counts(&[BYTES_MAX, 1, BYTES_MAX - 1, 1]), [1, 2, 1]);
    }
}
