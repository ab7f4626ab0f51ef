//! The source: one of a consumer group.

use crate::access::{Access, invalid};
use crate::ledger::{Done, Ledger};
use crate::message::Taken;
use crate::pass::Pass;
use crate::{KIND, failure};
use async_trait::async_trait;
use futures_util::FutureExt;
use rdkafka::client::OAuthToken;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, TopicPartitionList};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep_until, timeout_at};
use tradewind_adapter::{
    Build, Capability, Error, ErrorKind, FramedData, Frames, Ground, Reach, Received, Settlement,
    Source, SourceAdapter, Token, Unopened,
};
use tradewind_event::Limits;

/// How long a look at the cluster may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long why it failed is waited for.
const HEARING: Duration = Duration::from_secs(2);

/// How long a consumer may take to leave its group.
const LEAVING: Duration = Duration::from_secs(2);
/// Bytes from which on no more records are given at once.
const BYTES_MAX: usize = 8 << 20;

/// Settings of a source of kind `kafka`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// Brokers, and how to get in. Since 0.1.
    pub cluster: Access,
    /// Topics that are read; one that begins with `^` is a regular expression over their names. Since 0.1.
    pub topics: Vec<String>,
    /// Consumer group: its members share the partitions, and its offsets say what is done. Since 0.1.
    pub group: String,
    /// Where a group begins that has no offsets yet, or whose offsets are no longer there. Default `earliest`.
    /// Since 0.1.
    #[serde(default)]
    pub start: Start,
    /// What opens the frames that values are in, as Confluent's serializers write them. Default: values are taken as
    /// they are. Since 0.1.
    pub framed: Option<Framed>,
}

/// Values that are framed with the number of the schema that they were written by.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Framed {
    /// The registry that has the schemas, of `schema-registries`. Since 0.1.
    pub registry: String,
    /// What the data of events is. Default `json`. Since 0.1.
    #[serde(default)]
    pub data: FramedData,
}

/// Where a group begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// With the oldest record that is there.
    #[default]
    Earliest,
    /// With the first that comes from now on.
    Latest,
}

/// Reads topics.
pub struct KafkaSource {
    name: String,
    config: SourceConfig,
    pass: Pass,
    ledger: Arc<Mutex<Ledger>>,
    consumer: OnceCell<StreamConsumer<Member>>,
    limits: Limits,
    frames: OnceLock<Arc<dyn Frames>>,
}

impl std::fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSource")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What the client tells a member of the group.
struct Member {
    ledger: Arc<Mutex<Ledger>>,
    pass: Pass,
}

impl ClientContext for Member {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.pass.token()
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.pass.told(&error, reason);
        // `receive` tells of it; here it comes several times a second while brokers are down.
        tracing::debug!(%error, reason, "the consumer has trouble");
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => locked(&self.ledger).assign(places(partitions)),
            Rebalance::Revoke(partitions) => locked(&self.ledger).revoke(places(partitions)),
            Rebalance::Error(error) => tracing::warn!(%error, "the group could not be rebalanced"),
        }
    }
}

/// A consumer that leaves its group asks the broker, for as long as that does not answer. Nobody who stops waits
/// for that: what it did not commit comes again.
impl Drop for KafkaSource {
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else {
            return;
        };
        let (done, left) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(consumer);
            done.send(()).ok();
        });
        left.recv_timeout(LEAVING).ok();
    }
}

fn places(partitions: &TopicPartitionList) -> Vec<(String, i32)> {
    let elements = partitions.elements();
    let places = elements
        .iter()
        .map(|element| (element.topic().to_owned(), element.partition()));
    places.collect()
}

fn locked(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KafkaSource {
    /// A source of this name with these settings; it connects when it is first asked. `reach` is the way to servers of
    /// tokens.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(name: &str, config: SourceConfig, reach: Option<&dyn Reach>) -> Result<Self, Error> {
        if config.topics.is_empty() || config.topics.iter().any(String::is_empty) {
            return Err(invalid("`topics` names at least one topic"));
        }
        if config.group.is_empty() {
            return Err(invalid("`group` must not be empty"));
        }
        Ok(Self {
            name: name.into(),
            pass: config.cluster.pass(reach)?,
            config,
            ledger: Arc::default(),
            consumer: OnceCell::new(),
            limits: Limits::default(),
            frames: OnceLock::new(),
        })
    }

    async fn consumer(&self) -> Result<&StreamConsumer<Member>, Error> {
        let make = async || {
            self.pass.ready().await?;
            let mut config = self.config.cluster.config()?;
            config
                .set("group.id", &self.config.group)
                .set(
                    "auto.offset.reset",
                    match self.config.start {
                        Start::Earliest => "earliest",
                        Start::Latest => "latest",
                    },
                )
                // What is stored by us is committed every second, when partitions go, and at the end.
                .set("enable.auto.commit", "true")
                .set("auto.commit.interval.ms", "1000")
                .set("enable.auto.offset.store", "false")
                .set("isolation.level", "read_committed");
            for (name, value) in [
                // Read ahead, of all partitions together.
                ("queued.min.messages", "1000"),
                ("queued.max.messages.kbytes", "8192"),
                // By default a partition whose records wait is not asked for more within a second, and its records
                // are given in a moment.
                ("fetch.queue.backoff.ms", "10"),
            ] {
                if !self.config.cluster.properties.contains_key(name) {
                    config.set(name, value);
                }
            }
            let member = Member {
                ledger: self.ledger.clone(),
                pass: self.pass.clone(),
            };
            let consumer: StreamConsumer<Member> = config
                .create_with_context(member)
                .map_err(|error| invalid(error.to_string()))?;
            let topics: Vec<&str> = self.config.topics.iter().map(String::as_str).collect();
            let subscribed = consumer.subscribe(&topics);
            subscribed.map_err(|error| failure::error("subscribe", &error, &self.pass))?;
            Ok(consumer)
        };
        self.consumer.get_or_try_init(make).await
    }

    /// The event that a record is.
    ///
    /// # Errors
    /// The registry is away that has the schema: the record is to be read again.
    async fn read(&self, token: Token, taken: &Taken) -> Result<Received, Error> {
        let event = match self.unframed(taken).await {
            Ok(Some(opened)) => opened.event(&self.name, &self.limits),
            Ok(None) => taken.event(&self.name, &self.limits),
            Err(Unopened::Never(reason)) => Err(Error::new(ErrorKind::Unexpected, "open", reason)),
            Err(Unopened::NotNow(error)) => {
                locked(&self.ledger).again(&token, Instant::now());
                return Err(error);
            }
        };
        let kept = || taken.plain(&self.name).kept(&self.limits);
        Ok(Received::one(token, event, kept))
    }

    /// The record without the frame around its value; `None` where there is none to open.
    async fn unframed(&self, taken: &Taken) -> Result<Option<Taken>, Unopened> {
        let (Some(framed), Some(value)) = (&self.config.framed, taken.framed()) else {
            return Ok(None);
        };
        let Some(frames) = self.frames.get() else {
            let nobody = "nothing here asks registries of schemas";
            return Err(Unopened::NotNow(invalid(nobody)));
        };
        let max = self.limits.event_bytes;
        let opened = frames.open(&framed.registry, value, framed.data, max);
        Ok(Some(taken.opened(opened.await?)))
    }

    /// Waits for records that are to be given again, if there are any. Nothing new is given before them.
    async fn again(&self, max: usize, until: Instant) -> Option<Result<Vec<Received>, Error>> {
        let due = locked(&self.ledger).due()?;
        sleep_until(due.min(until)).await;
        let given = locked(&self.ledger).take_due(max, Instant::now());
        let mut received = Vec::with_capacity(given.len());
        let mut given = given.into_iter();
        while let Some((token, taken)) = given.next() {
            match self.read(token, &taken).await {
                Ok(read) => received.push(read),
                Err(error) => {
                    // What comes after it would overtake.
                    let now = Instant::now();
                    let mut ledger = locked(&self.ledger);
                    given.for_each(|(token, _)| ledger.again(&token, now));
                    return Some(told(received, error));
                }
            }
        }
        Some(Ok(received))
    }

    /// Everything of a partition before `next` is done.
    fn store(
        &self,
        consumer: &StreamConsumer<Member>,
        topic: &str,
        partition: i32,
        next: i64,
    ) -> Result<(), Error> {
        // The call adds one.
        match consumer.store_offset(topic, partition, next - 1) {
            // The partition went a moment ago; whoever has it reads these records again.
            Err(KafkaError::StoreOffset(RDKafkaErrorCode::State)) => Ok(()),
            stored => stored.map_err(|error| failure::error("settle", &error, &self.pass)),
        }
    }
}

/// What was read before a registry went away; why there is nothing, where that is nothing.
fn told(received: Vec<Received>, error: Error) -> Result<Vec<Received>, Error> {
    match received.is_empty() {
        true => Err(error),
        false => Ok(received),
    }
}

#[async_trait]
impl Source for KafkaSource {
    fn lend(&self, ground: Ground) {
        if let Some(frames) = ground.frames {
            self.frames.set(frames).ok();
        }
    }

    fn schema_registry(&self) -> Option<(&'static str, &str)> {
        let framed = self.config.framed.as_ref()?;
        Some(("framed/registry", &framed.registry))
    }

    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let until = Instant::now() + wait;
        let consumer = self.consumer().await?;
        if let Some(again) = self.again(max, until).await {
            return again;
        }
        let mut received = Vec::new();
        let mut bytes = 0;
        while received.len() < max && bytes < BYTES_MAX {
            let message = match received.is_empty() {
                true => match timeout_at(until, consumer.recv()).await {
                    Ok(message) => message,
                    Err(_) => break,
                },
                // What is here already goes with it.
                false => match consumer.recv().now_or_never() {
                    Some(message) => message,
                    None => break,
                },
            };
            match message {
                Ok(message) => {
                    self.pass.is_in();
                    let taken = Arc::new(Taken::of(&message));
                    drop(message);
                    bytes += taken.size();
                    let token = locked(&self.ledger).out(taken.clone());
                    let Some(token) = token else { continue };
                    match self.read(token, &taken).await {
                        Ok(read) => received.push(read),
                        Err(error) => return told(received, error),
                    }
                }
                Err(error) if received.is_empty() => {
                    return Err(failure::error("receive", &error, &self.pass));
                }
                Err(error) => {
                    tracing::debug!(%error, "no more records for now");
                    break;
                }
            }
        }
        Ok(received)
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let consumer = self.consumer().await?;
        let now = Instant::now();
        // Of each partition, how far it is done at the end.
        let mut done = BTreeMap::new();
        {
            let mut ledger = locked(&self.ledger);
            for (token, settlement) in settlements {
                match settlement {
                    Settlement::Ack => {
                        if let Some(Done { place, next }) = ledger.done(&token) {
                            done.insert(place, next);
                        }
                    }
                    Settlement::Nack { delay } => {
                        ledger.again(&token, now + delay.unwrap_or_default());
                    }
                }
            }
        }
        let mut outcome = Ok(());
        for ((topic, partition), next) in done {
            let stored = self.store(consumer, &topic, partition, next);
            outcome = outcome.and(stored);
        }
        outcome
    }

    fn revoked(&self) -> Vec<Token> {
        locked(&self.ledger).revoked()
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        capability.receive_ordered = true;
        capability
    }

    async fn health(&self) -> Result<(), Error> {
        let config = self.config.cluster.config()?;
        let topic = self
            .config
            .topics
            .iter()
            .find(|topic| !topic.starts_with('^'));
        look(config, &self.pass, topic.cloned()).await
    }
}

/// Asks the cluster for a topic.
pub(crate) async fn look(
    config: rdkafka::ClientConfig,
    pass: &Pass,
    topic: Option<String>,
) -> Result<(), Error> {
    pass.ready().await?;
    let pass = pass.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let member = Member {
            ledger: Arc::default(),
            pass: pass.clone(),
        };
        let consumer: BaseConsumer<Member> = config
            .create_with_context(member)
            .map_err(|error| invalid(error.to_string()))?;
        // What a client is asked for, and what it is told, comes with a poll only.
        consumer.poll(Duration::ZERO);
        let found = consumer.fetch_metadata(topic.as_deref(), PATIENCE);
        let found = found.map_err(|error| {
            // That it failed is known a moment before why.
            let until = Instant::now() + HEARING;
            while pass.refusal().is_none() && Instant::now() < until {
                consumer.poll(HEARING / 10);
            }
            failure::error("look at the cluster", &error, &pass)
        })?;
        pass.is_in();
        let refused = found.topics().iter().find_map(|topic| topic.error());
        match refused {
            None => Ok(()),
            Some(error) => {
                let error = KafkaError::MetadataFetch(error.into());
                Err(failure::error("look at the topic", &error, &pass))
            }
        }
    });
    asked
        .await
        .unwrap_or_else(|error| Err(invalid(error.to_string())))
}

impl SourceAdapter for KafkaSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(
            &build.name,
            config,
            build.reach.as_deref(),
        )?))
    }
}
