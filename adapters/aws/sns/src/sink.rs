//! The sink.

use crate::KIND;
use crate::config::{BYTES, SinkConfig, Topic};
use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, ErrorKind, Outcome, Payload, Permission, Report, Sink,
    SinkAdapter,
};
use tradewind_aws::{
    Access, Batched, CONTENT_TYPE, Claims, Entry, Failure, Limits, STRUCTURED, Unfit, deliver,
    group, retry, text,
};

const PUBLISH: &str = "sns:Publish";
const LOOK: &str = "sns:GetTopicAttributes";
const WITHHELD: &[(&str, &str)] = &[
    (LOOK, "only a check of the topic asks for it, never `serve`"),
    (
        "kms:GenerateDataKey",
        "needed, on its key, where the topic has a key of its own (SSE-KMS), and `kms:Decrypt` with it",
    ),
];
/// Most entries of one call.
const BATCH: usize = 10;

/// Publishes to a topic.
#[derive(Debug)]
pub struct SnsSink {
    topic: Topic,
    payload: Payload,
    max_bytes: usize,
    claims: Option<Claims>,
    access: Access,
    client: OnceCell<Client>,
}

impl SnsSink {
    /// A sink with these settings.
    ///
    /// # Errors
    /// Settings that SNS refuses.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        if !(1024..=BYTES.1).contains(&config.max_bytes) {
            let message = format!("`max-bytes` must be 1024 to {}", BYTES.1);
            return Err(Error::new(ErrorKind::ConfigInvalid, "config", message));
        }
        let region = config.topic.arn().region();
        let settings = config.claim_check.as_ref();
        Ok(Self {
            claims: Claims::new(settings, config.payload, &config.aws, Some(region))?,
            payload: config.payload,
            max_bytes: config.max_bytes as usize,
            access: config.aws,
            topic: config.topic,
            client: OnceCell::new(),
        })
    }

    async fn client(&self) -> Result<&Client, Error> {
        let make = async || {
            let region = self.topic.arn().region();
            let config = tradewind_aws::load(&self.access, Some(region)).await?;
            Ok(Client::new(&config))
        };
        self.client.get_or_try_init(make).await
    }
}

/// Attributes of a message that is an event: what it is, and what policies of subscriptions may filter by.
fn attributes(delivery: &Delivery) -> [(&'static str, &str); 3] {
    let event = &delivery.event;
    [
        (CONTENT_TYPE, STRUCTURED),
        ("type", event.ty()),
        ("source", event.source()),
    ]
}

#[async_trait]
impl Batched for SnsSink {
    type Request = PublishBatchRequestEntry;
    const SERVICE: &'static str = "SNS";

    fn limits(&self) -> Limits {
        Limits {
            count: BATCH,
            bytes: self.max_bytes,
        }
    }

    fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    fn entry(&self, delivery: &Delivery) -> Result<Entry<PublishBatchRequestEntry>, Unfit> {
        let body = text(&delivery.event, self.payload)
            .ok_or_else(|| Unfit::refused("not-text", "the event has no form as text"))?;
        let mut bytes = body.len();
        let mut request = PublishBatchRequestEntry::builder().id("0").message(body);
        if self.payload == Payload::Event {
            for (name, value) in attributes(delivery) {
                bytes += name.len() + "String".len() + value.len();
                let value = MessageAttributeValue::builder()
                    .data_type("String")
                    .string_value(value)
                    .build();
                let value = value.map_err(|e| Unfit::refused("not-text", e.to_string()))?;
                request = request.message_attributes(name, value);
            }
        }
        if bytes > self.max_bytes {
            let max = self.max_bytes;
            return Err(Unfit::TooLarge { bytes, max });
        }
        if self.topic.is_fifo() {
            request = request
                .message_group_id(group(&delivery.event))
                .message_deduplication_id(delivery.identity());
        }
        let request = request.build();
        let request = request.map_err(|e| Unfit::refused("not-text", e.to_string()))?;
        Ok(Entry { request, bytes })
    }

    async fn call(
        &self,
        mut requests: Vec<PublishBatchRequestEntry>,
    ) -> Result<Vec<Option<Outcome>>, Outcome> {
        let permission = format!("{PUBLISH} on {}", self.topic.arn());
        let client = self.client().await;
        let client = client.map_err(|error| retry("config", error.to_string()))?;
        for (place, request) in requests.iter_mut().enumerate() {
            request.id = place.to_string();
        }
        let mut outcomes = vec![None; requests.len()];
        let sent = client
            .publish_batch()
            .topic_arn(self.topic.arn().as_str())
            .set_publish_batch_request_entries(Some(requests))
            .send();
        let answer = sent.await;
        let answer = answer.map_err(|error| Failure::of(&error).outcome(&permission))?;
        let mut say = |id: &str, outcome: Outcome| {
            let place = id
                .parse()
                .ok()
                .and_then(|place: usize| outcomes.get_mut(place));
            if let Some(place) = place {
                *place = Some(outcome);
            }
        };
        for taken in answer.successful() {
            let outcome = Outcome::Accepted {
                receipt: taken.message_id().map(str::to_owned),
                reply: None,
            };
            say(taken.id().unwrap_or_default(), outcome);
        }
        for failed in answer.failed() {
            let failure = Failure::of_entry(failed.code(), failed.sender_fault(), failed.message());
            say(failed.id(), failure.outcome(&permission));
        }
        Ok(outcomes)
    }
}

#[async_trait]
impl Sink for SnsSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        deliver(self, &batch, &report, &cancel).await;
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        if self.claims.is_none() {
            capability.deliver_bytes_max = Some(self.max_bytes);
        }
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        let publish = Permission {
            cloud: "aws",
            actions: vec![PUBLISH],
            resource: self.topic.arn().to_string(),
            why: "each event is a message",
            caller: self.access.caller(),
            withheld: WITHHELD,
        };
        let claims = self.claims.as_ref().map(Claims::permission);
        std::iter::once(publish).chain(claims).collect()
    }

    fn describe(&self) -> String {
        let arn = self.topic.arn();
        format!("SNS topic {} in {}", arn.resource(), arn.region())
    }

    /// Asks for the attributes of the topic.
    async fn health(&self) -> Result<(), Error> {
        let client = self.client().await?;
        let asked = client
            .get_topic_attributes()
            .topic_arn(self.topic.arn().as_str())
            .send();
        let permission = format!("{LOOK} on {}", self.topic.arn());
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::of(&error).error("look at the topic", &permission)),
        }
    }
}

impl SinkAdapter for SnsSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
