//! The source: long polls, and deletes what is durable.

use crate::client::{DELETE, Desk, HIDE, RECEIVE, Ready, invalid};
use crate::{KIND, Queue, message};
use async_trait::async_trait;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName,
};
use futures_util::future::{join_all, try_join_all};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{
    Build, Capability, Error, ErrorKind, Permission, Received, Settlement, Source, SourceAdapter,
    Token,
};
use tradewind_aws::{Access, Failure, Meaning};

/// Most entries of one call.
const BATCH: usize = 10;
/// Longest poll, in seconds.
const POLL_MAX: u64 = 20;
/// Longest time for which a message can be hidden, in seconds.
const HIDDEN_MAX: u32 = 43_200;

/// Settings of a source of kind `aws-sqs`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// URL of the queue. Since 0.1.
    pub queue: Queue,
    /// Seconds for which a received message is hidden from others; hidden anew every half of that while it is stored and
    /// deleted. 1 to 43200, default 60. Since 0.1.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 43_200))]
    pub visibility_timeout: u32,
    /// Whether notifications of SNS and S3 and events of EventBridge are taken out of their
    /// messages. Default true. Since 0.1.
    #[serde(default = "yes")]
    pub unwrap: bool,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

fn minute() -> u32 {
    60
}

fn yes() -> bool {
    true
}

/// Reads a queue.
#[derive(Debug)]
pub struct SqsSource {
    desk: Desk,
    visibility_timeout: i32,
    unwrap: bool,
}

impl SqsSource {
    /// A source with these settings.
    ///
    /// # Errors
    /// Settings that SQS refuses.
    pub fn new(config: SourceConfig) -> Result<Self, Error> {
        if !(1..=HIDDEN_MAX).contains(&config.visibility_timeout) {
            return Err(invalid(format!(
                "`visibility-timeout` must be 1 to {HIDDEN_MAX}"
            )));
        }
        Ok(Self {
            desk: Desk::new(config.queue, config.aws),
            visibility_timeout: i32::try_from(config.visibility_timeout).unwrap_or(i32::MAX),
            unwrap: config.unwrap,
        })
    }

    async fn poll(&self, max: usize, wait: Duration) -> Result<Vec<Message>, Error> {
        let Ready { client, arn } = self.desk.ready().await?;
        let seconds = wait.as_secs().min(POLL_MAX);
        let asked = client
            .receive_message()
            .queue_url(self.desk.queue.url())
            .max_number_of_messages(small(max.min(BATCH)))
            .wait_time_seconds(small(seconds))
            .visibility_timeout(self.visibility_timeout)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send();
        match asked.await {
            Ok(answer) => Ok(answer.messages.unwrap_or_default()),
            Err(error) => Err(Failure::of(&error).error("receive", &format!("{RECEIVE} on {arn}"))),
        }
    }

    fn read(&self, message: Message, arn: &str) -> Received {
        let events = message::decode(&message, arn, self.unwrap)
            .map_err(|error| Error::new(ErrorKind::Unexpected, "decode", error.to_string()));
        Received {
            token: Token(message.receipt_handle.unwrap_or_default()),
            events,
            original: None,
        }
    }

    async fn delete(&self, tokens: &[String]) -> Result<(), Error> {
        let Ready { client, arn } = self.desk.ready().await?;
        let permission = format!("{DELETE} on {arn}");
        let mut batch = client
            .delete_message_batch()
            .queue_url(self.desk.queue.url());
        for (index, token) in tokens.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(token)
                .build();
            batch = batch.entries(entry.map_err(|error| incomplete(&error))?);
        }
        let answer = batch.send().await;
        let answer = answer.map_err(|error| Failure::of(&error).error("delete", &permission))?;
        refused(&answer.failed, "delete", &permission)
    }

    async fn hide(&self, tokens: &[(String, i32)]) -> Result<(), Error> {
        let Ready { client, arn } = self.desk.ready().await?;
        let permission = format!("{HIDE} on {arn}");
        let mut batch = client
            .change_message_visibility_batch()
            .queue_url(self.desk.queue.url());
        for (index, (token, seconds)) in tokens.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(token)
                .visibility_timeout(*seconds)
                .build();
            batch = batch.entries(entry.map_err(|error| incomplete(&error))?);
        }
        let answer = batch.send().await;
        let answer = answer.map_err(|error| Failure::of(&error).error("give back", &permission))?;
        refused(&answer.failed, "give back", &permission)
    }
}

fn incomplete(error: &dyn std::error::Error) -> Error {
    Error::new(ErrorKind::Unexpected, "settle", error.to_string())
}

fn small(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// Entries of a batch that failed. A message that is gone, or no longer ours, is settled: it was
/// deleted, or comes again.
fn refused(
    failed: &[aws_sdk_sqs::types::BatchResultErrorEntry],
    operation: &'static str,
    permission: &str,
) -> Result<(), Error> {
    let failures = failed
        .iter()
        .map(|entry| Failure::of_entry(entry.code(), entry.sender_fault(), entry.message()));
    let worth_telling = |failure: &Failure| failure.meaning != Meaning::Refused;
    match failures.into_iter().find(worth_telling) {
        None => Ok(()),
        Some(failure) => Err(failure.error(operation, permission)),
    }
}

#[async_trait]
impl Source for SqsSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let mut messages = self.poll(max, wait).await?;
        if messages.len() == BATCH && max > BATCH {
            // There is more than fits into one answer.
            let rest = (max - BATCH).div_ceil(BATCH);
            let polls = (0..rest).map(|n| self.poll(max - BATCH * (n + 1), Duration::ZERO));
            for more in join_all(polls).await {
                match more {
                    Ok(more) => messages.extend(more),
                    Err(error) => tracing::debug!(%error, "a further poll gave nothing"),
                }
            }
        }
        let arn = &self.desk.ready().await?.arn;
        Ok(messages.into_iter().map(|m| self.read(m, arn)).collect())
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let (mut done, mut again) = (Vec::new(), Vec::new());
        for (Token(token), settlement) in settlements {
            match settlement {
                Settlement::Ack => done.push(token),
                Settlement::Nack { delay } => {
                    let seconds = delay.unwrap_or_default().as_secs_f64().ceil();
                    again.push((token, (seconds as u64).min(HIDDEN_MAX.into()) as i32));
                }
            }
        }
        let deleted = try_join_all(done.chunks(BATCH).map(|chunk| self.delete(chunk))).await;
        let given_back = try_join_all(again.chunks(BATCH).map(|chunk| self.hide(chunk))).await;
        deleted.and(given_back).map(|_| ())
    }

    async fn extend(&self, tokens: Vec<Token>) -> Result<(), Error> {
        let longer = |token: Token| (token.0, self.visibility_timeout);
        let tokens: Vec<_> = tokens.into_iter().map(longer).collect();
        let extended = try_join_all(tokens.chunks(BATCH).map(|chunk| self.hide(chunk))).await;
        extended.map(|_| ())
    }

    fn permissions(&self) -> Vec<Permission> {
        let why =
            "messages are read, hidden for as long as it takes to store them, and deleted then";
        vec![self.desk.permission(&[RECEIVE, HIDE, DELETE], why)]
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        // A group is given out no further while one of its messages is.
        capability.receive_ordered = self.desk.queue.is_fifo();
        let seconds = u64::try_from(self.visibility_timeout).unwrap_or_default();
        capability.receive_lease = Some(Duration::from_secs(seconds));
        capability
    }

    async fn health(&self) -> Result<(), Error> {
        self.desk.health().await
    }
}

impl SourceAdapter for SqsSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, _: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
