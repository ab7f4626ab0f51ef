//! The brokers, and what is made there.

use crate::failure::{failed, is_refused, joined};
use crate::reach::{Asker, Heard};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{FutureProducer, Producer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tradewind_store::Error;

/// How long a question to the brokers may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long one answer is waited for.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// How long a question is asked again where it has no answer, and the pause in between.
const ASKED: Duration = Duration::from_secs(60);
/// How often who is to be shut out is asked for.
const QUESTIONS: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(200);
/// Most bytes of one record.
pub(crate) const RECORD_MAX: usize = 16 << 20;
/// Room for what a record has around it.
const AROUND: usize = 64 << 10;
/// In-sync replicas that an append waits for.
const IN_SYNC: &str = "2";

/// On how many brokers a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// So many; an append waits for two of them at least.
    Replicated(u16),
    /// One will do, and what it loses is lost: for development, and for clusters that keep their disks safe otherwise.
    One,
}

/// How streams are kept on a cluster.
#[derive(Debug, Clone)]
pub struct Params {
    /// Brokers, and how to get in.
    pub client: ClientConfig,
    /// What the names of topics and transactions begin with.
    pub prefix: String,
    /// On how many brokers a stream is.
    pub copies: Copies,
    /// Whether nodes share streams, by a consumer group for each; else whoever opens one takes all of it.
    pub shared: bool,
    /// What this node calls itself, so that others can be told where a shard is served.
    pub node: String,
    /// Folder for copies of state; what is in it is not needed again.
    pub scratch: PathBuf,
    /// Most identities remembered of a stream's shards here, each about a hundred bytes.
    pub identities: usize,
    /// Bytes of newest items in memory, per shard.
    pub recent_bytes: usize,
}

impl Params {
    /// The usual sizes.
    pub fn new(client: ClientConfig, scratch: PathBuf) -> Self {
        Self {
            client,
            prefix: "tradewind".into(),
            copies: Copies::Replicated(3),
            shared: true,
            node: "tradewind".into(),
            scratch,
            identities: 500_000,
            recent_bytes: 8 << 20,
        }
    }
}

/// A client that is let go on a thread of its own: it may have something to tell brokers that do not answer.
pub(crate) struct Apart<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Apart<T> {
    pub(crate) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Drop for Apart<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        std::thread::spawn(move || drop(client));
    }
}

impl<T: Send + 'static> std::ops::Deref for Apart<T> {
    type Target = T;
    #[allow(clippy::expect_used, reason = "taken when it is dropped only")]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("a client that is in use")
    }
}

/// Whoever reads is told of what goes wrong, and of the end of a partition as well.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "a reader has trouble");
    }
}

impl ConsumerContext for Quiet {}

/// Reads partitions.
pub(crate) type Reader = StreamConsumer<Quiet>;

pub(crate) struct Cluster {
    pub(crate) params: Params,
    admin: AdminClient<DefaultClientContext>,
    pub(crate) asker: Arc<Apart<Asker>>,
    /// Writes events.
    pub(crate) producer: Apart<FutureProducer>,
    /// Why nothing is heard of the brokers, while that is so.
    pub(crate) away: watch::Sender<Option<String>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("prefix", &self.params.prefix)
            .field("copies", &self.params.copies)
            .finish_non_exhaustive()
    }
}

fn make<T: FromClientConfig>(config: &ClientConfig) -> Result<T, Error> {
    let made = config.create();
    made.map_err(|error| Error::Invalid(format!("Kafka: {error}")))
}

fn reading(config: &ClientConfig) -> Result<Apart<Reader>, Error> {
    let made = config.create_with_context(Quiet).map(Apart::new);
    made.map_err(|error| Error::Invalid(format!("Kafka: {error}")))
}

impl Cluster {
    pub(crate) fn new(mut params: Params) -> Result<Self, Error> {
        // A broker that is back is noticed soon.
        if params.client.get("reconnect.backoff.max.ms").is_none() {
            params.client.set("reconnect.backoff.max.ms", "1000");
        }
        let mut config = writing(&params.client);
        // What comes at the same time is one record already.
        config.set("linger.ms", "0");
        let asker = params.client.create_with_context(Heard::default());
        let asker = asker.map_err(|error| Error::Invalid(format!("Kafka: {error}")))?;
        Ok(Self {
            admin: make(&params.client)?,
            asker: Arc::new(Apart::new(asker)),
            producer: Apart::new(make(&config)?),
            away: watch::Sender::new(None),
            params,
        })
    }

    /// Name of a stream's topic.
    pub(crate) fn topic(&self, stream: &str) -> String {
        format!("{}.{}", self.params.prefix, stream.replace('/', "."))
    }

    /// A producer that shuts out every earlier one of the same name, unless `stop` says that nobody wants it any more.
    pub(crate) async fn fencing(
        &self,
        name: String,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<FutureProducer, Error> {
        let mut config = writing(&self.params.client);
        config
            .set("transactional.id", name)
            .set("transaction.timeout.ms", "30000");
        let made = tokio::task::spawn_blocking(move || {
            let producer: FutureProducer = make(&config)?;
            let mut left = QUESTIONS;
            loop {
                left -= 1;
                if stop() {
                    return Err(Error::Closed);
                }
                match producer.init_transactions(ANSWER) {
                    Ok(()) => return Ok(producer),
                    Err(KafkaError::Transaction(error)) if error.is_retriable() && left > 0 => {
                        std::thread::sleep(BETWEEN);
                    }
                    Err(error) => return Err(failed("take over", &error)),
                }
            }
        });
        joined(made.await)
    }

    /// Reads partitions, and goes on at their ends.
    pub(crate) fn reader(&self) -> Result<Apart<Reader>, Error> {
        reading(&self.reading(false))
    }

    /// Reads one partition, and says when it is at its end.
    pub(crate) fn reader_to_end(&self) -> Result<Apart<Reader>, Error> {
        reading(&self.reading(true))
    }

    /// The same for whoever only wants to know what there is: it does not wait for more.
    pub(crate) fn hasty_reader(&self) -> Result<Apart<Reader>, Error> {
        let mut config = self.reading(true);
        config.set("fetch.wait.max.ms", "10");
        reading(&config)
    }

    fn reading(&self, tells_end: bool) -> ClientConfig {
        let mut config = self.params.client.clone();
        config
            // Without a group there is no assignment, not even one's own. Nobody joins it.
            .set("group.id", format!("{}.readers", self.params.prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", tells_end.to_string())
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.error.backoff.ms", "100");
        config
    }

    /// Asks the brokers, on a thread for it, and again where one is not there yet, or no longer: a topic is known before
    /// its leader is.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        question: impl Fn(&Asker) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, Error> {
        let asker = Arc::clone(&self.asker);
        let asked = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            loop {
                match question(&asker) {
                    Ok(answer) => return Ok(answer),
                    Err(error) if began.elapsed() >= ASKED || is_refused(&error) => {
                        return Err(failed(doing, &error));
                    }
                    Err(_) => std::thread::sleep(BETWEEN),
                }
            }
        });
        joined(asked.await)
    }

    /// The first record of a partition, and where it ends.
    pub(crate) async fn bounds(&self, topic: &str, shard: u16) -> Result<(u64, u64), Error> {
        let topic = topic.to_owned();
        let bounds = self.ask("look at a partition", move |asker| {
            asker.fetch_watermarks(&topic, i32::from(shard), ANSWER)
        });
        let (low, high) = bounds.await?;
        Ok((low.max(0) as u64, high.max(0) as u64))
    }

    /// The first record at or after a time; `None` where there is none.
    pub(crate) async fn at(&self, topic: &str, shard: u16, ms: u64) -> Result<Option<u64>, Error> {
        let topic = topic.to_owned();
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        self.ask("look for a time", move |asker| {
            let mut times = TopicPartitionList::new();
            times.add_partition_offset(&topic, i32::from(shard), Offset::Offset(ms))?;
            let found = asker.offsets_for_times(times, ANSWER)?;
            let elements = found.elements();
            let Some(element) = elements.first() else {
                return Ok(None);
            };
            element.error()?;
            match element.offset() {
                Offset::Offset(offset) => Ok(u64::try_from(offset).ok()),
                _ => Ok(None),
            }
        })
        .await
    }

    /// Gives up the records of a partition below `before`.
    pub(crate) async fn trim(&self, topic: &str, shard: u16, before: u64) -> Result<(), Error> {
        let mut offsets = TopicPartitionList::new();
        let offset = Offset::Offset(i64::try_from(before).unwrap_or(i64::MAX));
        let trimmed = async {
            offsets.add_partition_offset(topic, i32::from(shard), offset)?;
            let done = self.admin.delete_records(&offsets, &options()).await?;
            for element in done.elements() {
                element.error()?;
            }
            Ok::<_, KafkaError>(())
        };
        trimmed.await.map_err(|error| failed("trim", &error))
    }

    /// How many partitions a topic has; `None` where there is no such topic.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<Option<usize>, Error> {
        let topic = topic.to_owned();
        self.ask("look at a topic", move |asker| {
            let metadata = asker.fetch_metadata(Some(&topic), ANSWER)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            Ok(found
                .filter(|found| found.error().is_none())
                .map(|found| found.partitions().len()))
        })
        .await
    }

    /// Makes a topic, unless it is there.
    pub(crate) async fn create(
        &self,
        topic: &str,
        partitions: usize,
        settings: &[(&str, &str)],
    ) -> Result<(), Error> {
        let (replicas, in_sync) = match self.params.copies {
            Copies::Replicated(replicas) => (i32::from(replicas), IN_SYNC),
            Copies::One => (1, "1"),
        };
        let bytes = (RECORD_MAX + AROUND).to_string();
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        // One that was just deleted may be there for a moment yet.
        for _ in 0..40 {
            let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas))
                .set("min.insync.replicas", in_sync)
                .set("max.message.bytes", &bytes)
                // By the clock of who appends.
                .set("message.timestamp.type", "CreateTime");
            for (name, value) in settings {
                new = new.set(name, value);
            }
            let made = self.admin.create_topics([&new], &options()).await;
            let made = made.map_err(|error| failed("make a topic", &error))?;
            match made.into_iter().next() {
                Some(Err((_, Code::TopicAlreadyExists))) => {
                    if self.partitions(topic).await?.is_some() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Some(Err((_, Code::InvalidReplicationFactor))) => {
                    return Err(Error::Invalid(format!(
                        "the topic `{topic}` needs {replicas} brokers; hint: the mode that keeps one copy has a name"
                    )));
                }
                Some(Err((topic, code))) => {
                    return Err(Error::Failed(format!("make the topic `{topic}`: {code}")));
                }
                Some(Ok(_)) | None => break,
            }
        }
        self.await_partitions(topic).await?;
        self.check(topic).await
    }

    /// A topic is made before every broker knows it.
    async fn await_partitions(&self, topic: &str) -> Result<(), Error> {
        for _ in 0..80 {
            if self.partitions(topic).await?.is_some_and(|n| n > 0) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::Failed(format!(
            "the topic `{topic}` does not appear"
        )))
    }

    /// Refuses a topic that keeps less than is promised.
    async fn check(&self, topic: &str) -> Result<(), Error> {
        if self.params.copies == Copies::One {
            return Ok(());
        }
        let asked = [ResourceSpecifier::Topic(topic)];
        let found = self.admin.describe_configs(&asked, &options()).await;
        let found = found.map_err(|error| failed("look at a topic", &error))?;
        let in_sync = found.into_iter().flatten().find_map(|resource| {
            let entry = resource.get("min.insync.replicas")?;
            entry.value.as_ref()?.parse::<u16>().ok()
        });
        match in_sync {
            Some(n) if n >= 2 => Ok(()),
            _ => Err(Error::Invalid(format!(
                "the topic `{topic}` is acknowledged with less than two copies; hint: set its `min.insync.replicas` to 2"
            ))),
        }
    }

    /// Removes topics; those that are not there are no error.
    pub(crate) async fn delete(&self, topics: &[&str]) -> Result<(), Error> {
        let gone = self.admin.delete_topics(topics, &options()).await;
        for result in gone.map_err(|error| failed("remove a topic", &error))? {
            match result {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => {
                    return Err(Error::Failed(format!("remove the topic `{topic}`: {code}")));
                }
            }
        }
        Ok(())
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}

/// Settings of whoever writes: everything is acknowledged by all in-sync replicas, once, in order.
fn writing(client: &ClientConfig) -> ClientConfig {
    let mut config = client.clone();
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", "30000")
        .set("message.max.bytes", (RECORD_MAX + AROUND).to_string());
    config
}
