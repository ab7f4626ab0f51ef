//! The sink: one call for up to ten deliveries, each with its own outcome.

use crate::client::{Desk, Ready, SEND};
use crate::{KIND, Queue, message};
use async_trait::async_trait;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, Outcome, Payload, Permission, Report, Sink, SinkAdapter,
};
use tradewind_aws::{
    Access, Batched, CONTENT_TYPE, ClaimCheck, Claims, Entry, Failure, Limits, Unfit, deliver,
    group, retry,
};

/// Most entries of one call.
const BATCH: usize = 10;
/// Largest message, and largest call: 1 MiB (SQS developer guide, "message quotas").
const BYTES_MAX: usize = 1 << 20;

/// Settings of a sink of kind `aws-sqs`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// URL of the queue. The groups of a FIFO queue are the events' `partitionkey`, else `subject`, else `source`;
    /// repetitions of a delivery are dropped. Since 0.1.
    pub queue: Queue,
    /// What a message holds. Default: event. Since 0.1.
    #[serde(default)]
    pub payload: Payload,
    /// Where the data of events above 1 MiB goes; without it they are dead letters. Since 0.1.
    #[serde(default)]
    pub claim_check: Option<ClaimCheck>,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

/// Fills a queue.
#[derive(Debug)]
pub struct SqsSink {
    desk: Desk,
    payload: Payload,
    claims: Option<Claims>,
}

impl SqsSink {
    /// A sink with these settings.
    ///
    /// # Errors
    /// Settings that contradict each other.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        let (payload, aws) = (config.payload, config.aws);
        let settings = config.claim_check.as_ref();
        Ok(Self {
            claims: Claims::new(settings, payload, &aws, config.queue.region())?,
            desk: Desk::new(config.queue, aws),
            payload,
        })
    }
}

#[async_trait]
impl Batched for SqsSink {
    type Request = SendMessageBatchRequestEntry;
    const SERVICE: &'static str = "SQS";

    fn limits(&self) -> Limits {
        Limits {
            count: BATCH,
            bytes: BYTES_MAX,
        }
    }

    fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    fn entry(&self, delivery: &Delivery) -> Result<Entry<SendMessageBatchRequestEntry>, Unfit> {
        let (body, content_type) = message::encode(&delivery.event, self.payload)
            .ok_or_else(|| Unfit::refused("not-text", "the event has no form as text"))?;
        let bytes = message::size(&body);
        if bytes > BYTES_MAX {
            let max = BYTES_MAX;
            return Err(Unfit::TooLarge { bytes, max });
        }
        let mut request = SendMessageBatchRequestEntry::builder()
            .id("0")
            .message_body(body);
        if let Some(content_type) = content_type {
            request = request.message_attributes(CONTENT_TYPE, content_type);
        }
        if self.desk.queue.is_fifo() {
            request = request
                .message_group_id(group(&delivery.event))
                .message_deduplication_id(delivery.identity());
        }
        let request = request.build();
        let request = request.map_err(|error| Unfit::refused("not-text", error.to_string()))?;
        Ok(Entry { request, bytes })
    }

    async fn call(
        &self,
        mut requests: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<Vec<Option<Outcome>>, Outcome> {
        let ready = self.desk.ready().await;
        let Ready { client, arn } = ready.map_err(|error| retry("config", error.to_string()))?;
        let permission = format!("{SEND} on {arn}");
        for (place, request) in requests.iter_mut().enumerate() {
            request.id = place.to_string();
        }
        let mut outcomes = vec![None; requests.len()];
        let sent = client
            .send_message_batch()
            .queue_url(self.desk.queue.url())
            .set_entries(Some(requests))
            .send();
        let answer = sent.await;
        let answer = answer.map_err(|error| Failure::of(&error).outcome(&permission))?;
        let mut say = |id: &str, outcome: Outcome| {
            let place = id.parse().ok();
            if let Some(place) = place.and_then(|place: usize| outcomes.get_mut(place)) {
                *place = Some(outcome);
            }
        };
        for taken in answer.successful() {
            let outcome = Outcome::Accepted {
                receipt: Some(taken.message_id().to_owned()),
                reply: None,
            };
            say(taken.id(), outcome);
        }
        for failed in answer.failed() {
            let failure = Failure::of_entry(failed.code(), failed.sender_fault(), failed.message());
            say(failed.id(), failure.outcome(&permission));
        }
        Ok(outcomes)
    }
}

#[async_trait]
impl Sink for SqsSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        deliver(self, &batch, &report, &cancel).await;
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        if self.claims.is_none() {
            capability.deliver_bytes_max = Some(BYTES_MAX);
        }
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        let send = self.desk.permission(&[SEND], "each event is a message");
        let claims = self.claims.as_ref().map(Claims::permission);
        std::iter::once(send).chain(claims).collect()
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
        Ok(Arc::new(Self::new(config)?))
    }
}
