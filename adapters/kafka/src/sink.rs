//! The sink: an idempotent producer.

use crate::access::{Access, invalid};
use crate::pass::Pass;
use crate::{KIND, failure, source};
use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, Outcome, Reach, Reason, Report, Sink, SinkAdapter,
};
use tradewind_event::kafka::{encode_binary, encode_structured};

/// Most events of one call.
const BATCH: usize = 500;

/// Settings of a sink of kind `kafka`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// Brokers, and how to get in. Since 0.1.
    pub cluster: Access,
    /// The topic that is written. Since 0.1.
    pub topic: String,
    /// How an event becomes a record. Default `binary`. Since 0.1.
    #[serde(default)]
    pub mode: Mode,
    /// Attribute whose value is the key of the record; events without it have none. Default `partitionkey`. Since 0.1.
    #[serde(default = "partition_key")]
    pub key: String,
    /// Largest record, bytes; not above `max.message.bytes` of the topic. Default 1000000. Since 0.1.
    #[serde(default = "megabyte")]
    #[schemars(range(min = 1000, max = 1_000_000_000))]
    pub max_bytes: u32,
}

/// How an event becomes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Attributes in headers, data as the value.
    #[default]
    Binary,
    /// All of it as JSON in the value.
    Structured,
}

fn partition_key() -> String {
    "partitionkey".into()
}

fn megabyte() -> u32 {
    1_000_000
}

/// What the producer is told that no delivery is told.
#[derive(Clone)]
struct Quiet(Pass);

impl ClientContext for Quiet {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.0.token()
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.told(&error, reason);
        // Deliveries fail with it; here it comes several times a second while brokers are down.
        tracing::debug!(%error, reason, "the producer has trouble");
    }
}

/// Writes a topic.
pub struct KafkaSink {
    config: SinkConfig,
    pass: Pass,
    /// Made when it is first needed, and again after an error that ends it.
    producer: Mutex<Option<FutureProducer<Quiet>>>,
}

impl std::fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSink")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl KafkaSink {
    /// A sink with these settings; it connects when it is first needed. `reach` is the way to servers of tokens.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(config: SinkConfig, reach: Option<&dyn Reach>) -> Result<Self, Error> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let named = (1..=249).contains(&config.topic.len()) && config.topic.bytes().all(legal);
        if !named || config.topic == "." || config.topic == ".." {
            return Err(invalid(
                "`topic` is 1 to 249 letters, digits, `.`, `_` and `-`",
            ));
        }
        if !(1000..=1_000_000_000).contains(&config.max_bytes) {
            return Err(invalid("`max-bytes` is 1000 to 1000000000"));
        }
        Ok(Self {
            pass: config.cluster.pass(reach)?,
            config,
            producer: Mutex::default(),
        })
    }

    fn producer(&self) -> Result<FutureProducer<Quiet>, Error> {
        let mut kept = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*kept {
            match producer.client().fatal_error() {
                None => return Ok(producer.clone()),
                Some((_, why)) => tracing::warn!(why, "the producer ended; another one begins"),
            }
        }
        let mut config = self.config.cluster.config()?;
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.max.bytes", self.config.max_bytes.to_string());
        for (name, value) in [
            // As the clients in Java do, so that keys meet in the same partition.
            ("partitioner", "murmur2_random"),
            ("linger.ms", "2"),
            // A topic that is not there is told of before the delivery times out.
            ("topic.metadata.propagation.max.ms", "5000"),
            ("queue.buffering.max.kbytes", "65536"),
            ("message.timeout.ms", "30000"),
        ] {
            if !self.config.cluster.properties.contains_key(name) {
                config.set(name, value);
            }
        }
        let made: FutureProducer<Quiet> = config
            .create_with_context(Quiet(self.pass.clone()))
            .map_err(|error| invalid(error.to_string()))?;
        *kept = Some(made.clone());
        Ok(made)
    }

    async fn send(&self, producer: &FutureProducer<Quiet>, delivery: &Delivery) -> Outcome {
        let record = match self.config.mode {
            Mode::Binary => encode_binary(&delivery.event),
            Mode::Structured => encode_structured(&delivery.event),
        };
        let headers = OwnedHeaders::new_with_capacity(record.headers.len());
        let headers = record
            .headers
            .iter()
            .fold(headers, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            });
        let key = delivery.event.attribute(&self.config.key);
        let key = key.map(|key| key.to_canonical().into_owned());
        let sent = FutureRecord {
            headers: Some(headers),
            payload: record.value.as_deref(),
            key: key.as_deref(),
            ..FutureRecord::to(&self.config.topic)
        };
        let queued = producer.send_result(sent);
        let under_way = match queued {
            Ok(under_way) => under_way,
            Err((error, _)) => return failure::outcome(&error, &self.pass),
        };
        match under_way.await {
            Ok(Ok(place)) => {
                self.pass.is_in();
                Outcome::Accepted {
                    receipt: Some(format!("{}/{}", place.partition, place.offset)),
                    reply: None,
                }
            }
            Ok(Err((error, _))) => failure::outcome(&error, &self.pass),
            Err(_) => retry("kafka", "the producer ended"),
        }
    }
}

fn retry(code: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: None,
        throttled: false,
        reason: Reason::new(code, detail),
    }
}

#[async_trait]
impl Sink for KafkaSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let ready = self.pass.ready().await;
        let producer = match ready.and_then(|()| self.producer()) {
            Ok(producer) => producer,
            Err(error) => {
                for index in 0..batch.len() {
                    report.settle(index, retry("kafka", error.to_string()));
                }
                return;
            }
        };
        let sending: FuturesUnordered<_> = batch
            .iter()
            .enumerate()
            .map(async |(index, delivery)| {
                let sent = tokio::time::timeout(delivery.timeout, self.send(&producer, delivery));
                let late = || match self.pass.refusal() {
                    Some(why) => failure::kept_out(&why),
                    None => retry("timeout", "no broker has confirmed it in time"),
                };
                (index, sent.await.unwrap_or_else(|_| late()))
            })
            .collect();
        let mut sending = std::pin::pin!(sending);
        loop {
            // What was not reported is tried again.
            let ended = tokio::select! {
                ended = sending.next() => ended,
                () = cancel.cancelled() => return,
            };
            match ended {
                Some((index, outcome)) => report.settle(index, outcome),
                None => return,
            }
        }
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        capability.deliver_bytes_max = Some(self.config.max_bytes as usize);
        capability
    }

    fn describe(&self) -> String {
        format!(
            "Kafka topic {} at {}",
            self.config.topic,
            self.config.cluster.describe()
        )
    }

    async fn health(&self) -> Result<(), Error> {
        let config = self.config.cluster.config()?;
        source::look(config, &self.pass, Some(self.config.topic.clone())).await
    }
}

impl SinkAdapter for KafkaSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, build: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config, build.reach.as_deref())?))
    }
}
