//! Which shards this node is to own: the partitions that the stream's consumer group gives it. The group does nothing
//! else; offsets say nothing, and its members read nothing through it.

use crate::cluster::Cluster;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, TopicPartitionList};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tradewind_store::{Error, Shard};

/// How long a shard that goes elsewhere may take to be given up, before whoever gets it takes it.
const GIVING_UP: Duration = Duration::from_secs(5);
/// How often the member looks whether it is still wanted.
const POLL: Duration = Duration::from_millis(100);
/// After so many milliseconds of silence a node counts as gone.
const SESSION_MS: &str = "6000";
const HEARTBEAT_MS: &str = "500";

/// Shards that are owned, and have to be given up before others get them.
#[derive(Debug, Default)]
pub(crate) struct Held {
    shards: Mutex<BTreeSet<Shard>>,
    given_up: Condvar,
}

impl Held {
    pub(crate) fn take(&self, shard: Shard) {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.insert(shard);
    }

    pub(crate) fn give_up(&self, shard: Shard) {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.remove(&shard);
        self.given_up.notify_all();
    }

    fn wait_for(&self, going: &[Shard]) {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        let held = |shards: &mut BTreeSet<Shard>| going.iter().any(|shard| shards.contains(shard));
        // Whoever is late is shut out by the next owner.
        drop(self.given_up.wait_timeout_while(shards, GIVING_UP, held));
    }
}

/// What the client tells of the group.
struct Seat {
    topic: String,
    assigned: watch::Sender<BTreeSet<Shard>>,
    held: Arc<Held>,
}

fn shards(partitions: &TopicPartitionList) -> Vec<Shard> {
    let elements = partitions.elements();
    let shards = elements.iter();
    shards
        .filter_map(|element| Shard::try_from(element.partition()).ok())
        .collect()
}

impl ClientContext for Seat {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(topic = %self.topic, %error, reason, "the member of the group has trouble");
    }
}

impl ConsumerContext for Seat {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(partitions) => {
                let going = shards(partitions);
                tracing::debug!(topic = %self.topic, ?going, "shards go elsewhere");
                self.assigned
                    .send_modify(|own| own.retain(|shard| !going.contains(shard)));
                self.held.wait_for(&going);
            }
            Rebalance::Assign(_) => {}
            Rebalance::Error(error) => {
                tracing::warn!(topic = %self.topic, %error, "the group could not be rebalanced");
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            if let Err(error) = consumer.pause(partitions) {
                tracing::warn!(topic = %self.topic, %error, "what nobody reads is fetched");
            }
            self.assigned
                .send_modify(|own| own.extend(shards(partitions)));
        }
    }
}

/// A seat in the group of a stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) assigned: watch::Receiver<BTreeSet<Shard>>,
    pub(crate) held: Arc<Held>,
    leaves: Arc<AtomicBool>,
}

impl Member {
    pub(crate) fn join(cluster: &Cluster, topic: &str) -> Result<Self, Error> {
        let (sender, assigned) = watch::channel(BTreeSet::new());
        let held = Arc::<Held>::default();
        let seat = Seat {
            topic: topic.to_owned(),
            assigned: sender,
            held: Arc::clone(&held),
        };
        let mut config: ClientConfig = cluster.params.client.clone();
        config
            .set("group.id", topic)
            .set("client.id", &cluster.params.node)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION_MS)
            .set("heartbeat.interval.ms", HEARTBEAT_MS)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "latest")
            .set("fetch.message.max.bytes", "1024");
        let joined = config
            .create_with_context(seat)
            .and_then(|consumer: BaseConsumer<Seat>| {
                consumer.subscribe(&[topic]).map(|()| consumer)
            });
        let consumer =
            joined.map_err(|error| Error::Failed(format!("join the group `{topic}`: {error}")))?;
        let leaves = Arc::new(AtomicBool::new(false));
        let left = Arc::clone(&leaves);
        // A thread of its own: it waits where shards are to be given up.
        std::thread::spawn(move || {
            while !left.load(Ordering::Acquire) {
                if let Some(Err(error)) = consumer.poll(POLL) {
                    tracing::debug!(%error, "the group is not heard of just now");
                    std::thread::sleep(POLL);
                }
            }
        });
        Ok(Self {
            assigned,
            held,
            leaves,
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leaves.store(true, Ordering::Release);
    }
}
