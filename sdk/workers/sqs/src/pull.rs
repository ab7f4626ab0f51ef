//! Messages out and back.

use crate::queue::Queue;
use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Region;
use aws_sdk_sqs::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
};
use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tradewind::worker::{self, Fut, Order, Pull, PullError, Pulled, Settled, Settlement, Token};

/// Most entries of one call.
const BATCH: usize = 10;
/// Longest poll, in seconds.
const POLL: i32 = 20;
/// How long one attempt at a call may take: nothing comes over a connection that is half open.
const ANSWERING: Duration = Duration::from_secs(POLL.unsigned_abs() as u64 + 10);
/// Longest time for which a message can be hidden, in seconds.
const HIDDEN_MAX: u64 = 43_200;
/// What no waiting mends.
const FATAL: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "InvalidAddress",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "QueueDoesNotExist",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

#[derive(Debug)]
pub(crate) struct Queued {
    client: Client,
    queue: Queue,
    arn: String,
    hidden: i32,
}

impl Queued {
    pub(crate) async fn connect(queue: Queue, hidden: i32) -> Result<Self, PullError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts());
        if let Some(region) = &queue.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &queue.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let config = loader.load().await;
        let region = config.region().map(ToString::to_string);
        let region = region.ok_or_else(|| {
            PullError::fatal("no region is known: set AWS_REGION, or a URL of a queue that has one")
        })?;
        Ok(Self {
            arn: queue.arn(&region),
            client: Client::new(&config),
            queue,
            hidden,
        })
    }

    async fn receive(&self, max: usize) -> Result<Vec<Pulled>, PullError> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.queue.url)
            .max_number_of_messages(i32::try_from(max.min(BATCH)).unwrap_or(1))
            .wait_time_seconds(POLL)
            .visibility_timeout(self.hidden)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        let received = received.map_err(|error| self.failed("sqs:ReceiveMessage", &error))?;
        let messages = received.messages.unwrap_or_default().into_iter();
        Ok(messages.map(|message| self.pulled(message)).collect())
    }

    fn pulled(&self, message: Message) -> Pulled {
        let group = message
            .attributes()
            .and_then(|all| all.get(&MessageSystemAttributeName::MessageGroupId));
        let order = match group {
            Some(group) if self.queue.is_fifo() => Order::Group(group.clone()),
            _ => Order::Free,
        };
        let payload = json!({ "Records": [record(&message, &self.arn)] }).to_string();
        let deliveries = match worker::carried(&payload.into()) {
            Ok(Some(mut carried)) if carried.len() == 1 => carried.remove(0),
            Ok(_) => Err("SQS left out what every message has".into()),
            Err(reason) => Err(reason),
        };
        Pulled {
            token: Token(message.receipt_handle.unwrap_or_default()),
            deliveries,
            order,
            deadline: None,
        }
    }

    async fn delete(&self, tokens: &[String]) -> Result<(), PullError> {
        let mut batch = self
            .client
            .delete_message_batch()
            .queue_url(&self.queue.url);
        for (index, token) in tokens.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(token);
            batch = batch.entries(entry.build().map_err(incomplete)?);
        }
        let answer = batch.send().await;
        let answer = answer.map_err(|error| self.failed("sqs:DeleteMessage", &error))?;
        refused("sqs:DeleteMessage", answer.failed())
    }

    async fn hide(&self, tokens: &[(String, i32)]) -> Result<(), PullError> {
        let mut batch = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.queue.url);
        for (index, (token, seconds)) in tokens.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(token)
                .visibility_timeout(*seconds);
            batch = batch.entries(entry.build().map_err(incomplete)?);
        }
        let answer = batch.send().await;
        let answer = answer.map_err(|error| self.failed("sqs:ChangeMessageVisibility", &error))?;
        refused("sqs:ChangeMessageVisibility", answer.failed())
    }

    /// By code and action: what the SDK prints of a cause may name credentials.
    fn failed<E, R>(&self, action: &str, error: &SdkError<E, R>) -> PullError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let Some(code) = error.code() else {
            let what = match error {
                SdkError::TimeoutError(_) => "took too long",
                SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
                    "could not reach SQS"
                }
                SdkError::DispatchFailure(_) => "could not be sent: credentials may be missing",
                _ => "failed",
            };
            return PullError::passing(format!("{action} on {} {what}", self.arn));
        };
        let text = format!("{action} on {}: {code}", self.arn);
        // Some emulators and older services put the family before the name.
        let name = code.rsplit('#').next().unwrap_or(code);
        match FATAL.contains(&name) {
            true => PullError::fatal(text),
            false => PullError::passing(text),
        }
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(ANSWERING)
        .build()
}

/// As AWS Lambda has it, so that what is made of it is the same.
fn record(message: &Message, arn: &str) -> Value {
    let system = message.attributes().into_iter().flatten();
    let system: Map<String, Value> = system
        .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
        .collect();
    let own = message.message_attributes().into_iter().flatten();
    let own: Map<String, Value> = own
        .map(|(name, value)| {
            let value =
                json!({ "stringValue": value.string_value(), "dataType": value.data_type() });
            (name.clone(), value)
        })
        .collect();
    json!({
        "messageId": message.message_id(),
        "body": message.body().unwrap_or_default(),
        "attributes": system,
        "messageAttributes": own,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
    })
}

fn incomplete(error: BuildError) -> PullError {
    PullError::passing(DisplayErrorContext(&error).to_string())
}

/// Entries that failed. A message that is gone, or no longer ours, is settled: it was deleted, or comes again.
fn refused(action: &str, failed: &[BatchResultErrorEntry]) -> Result<(), PullError> {
    match failed.iter().find(|entry| !entry.sender_fault()) {
        None => Ok(()),
        Some(entry) => Err(PullError::passing(format!("{action}: {}", entry.code()))),
    }
}

impl Pull for Queued {
    fn pull(&self, max: usize) -> Fut<'_, Result<Vec<Pulled>, PullError>> {
        Box::pin(self.receive(max))
    }

    fn settle(&self, settlements: Vec<Settlement>) -> Fut<'_, Result<(), PullError>> {
        let (mut done, mut again) = (Vec::new(), Vec::new());
        for Settlement { token, settled } in settlements {
            match settled {
                Settled::Done => done.push(token.0),
                Settled::Untouched => again.push((token.0, 0)),
                Settled::Again { after: Some(after) } => {
                    let seconds = after.as_secs_f64().ceil() as u64;
                    let seconds = i32::try_from(seconds.min(HIDDEN_MAX)).unwrap_or(i32::MAX);
                    again.push((token.0, seconds));
                }
                // Hidden for what is left of its time, and counted: the redrive policy is the queue's.
                Settled::Again { after: None } | Settled::Never { .. } => {}
            }
        }
        Box::pin(async move {
            let deleted = try_join_all(done.chunks(BATCH).map(|chunk| self.delete(chunk))).await;
            let hidden = try_join_all(again.chunks(BATCH).map(|chunk| self.hide(chunk))).await;
            deleted.and(hidden).map(drop)
        })
    }

    fn extend(&self, tokens: Vec<Token>) -> Fut<'_, Result<(), PullError>> {
        Box::pin(async move {
            let longer: Vec<_> = tokens
                .into_iter()
                .map(|token| (token.0, self.hidden))
                .collect();
            let hidden = longer.chunks(BATCH).map(|chunk| self.hide(chunk));
            try_join_all(hidden).await.map(drop)
        })
    }

    fn lease(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.hidden.unsigned_abs().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_carries_what_it_would_on_lambda() {
        let arn = "arn:aws:sqs:eu-west-1:123456789012:orders";
        let event = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":{"a":1}}"#;
        for (body, ty, id) in [
            (event, "t", "e"),
            ("hello", "com.amazonaws.sqs.Message", "m-1"),
        ] {
            let message = Message::builder()
                .message_id("m-1")
                .body(body)
                .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "3")
                .attributes(MessageSystemAttributeName::SentTimestamp, "1700000000123")
                .build();
            let payload = json!({ "Records": [record(&message, arn)] }).to_string();
            let carried = worker::carried(&payload.into()).unwrap().unwrap();
            let delivery = &carried[0].as_ref().unwrap()[0];
            assert_eq!((delivery.event.ty(), delivery.event.id()), (ty, id));
            assert_eq!(delivery.context.attempt(), 3);
        }
    }
}
