//! Follows the logs of a stream's owned shards, all of them with one client, and decides record by record.

use crate::cluster::{Apart, Cluster, Reader};
use crate::own::{Gone, Own};
use bytes::Bytes;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use tradewind_store::{Error, Shard};

/// Pause after brokers gave no answer.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Who hears of the records of each shard.
type Owned = Arc<Mutex<HashMap<Shard, Weak<Own>>>>;

/// The client that follows them.
pub(crate) struct Tail {
    topic: String,
    consumer: Arc<Apart<Reader>>,
    owned: Owned,
    following: AbortHandle,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.following.abort();
    }
}

fn locked(owned: &Owned) -> MutexGuard<'_, HashMap<Shard, Weak<Own>>> {
    owned.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tail {
    /// Follows none yet.
    pub(crate) fn new(cluster: &Cluster, topic: &str) -> Result<Self, Error> {
        let consumer = Arc::new(cluster.reader()?);
        let owned = Owned::default();
        let following = tokio::spawn(follow(
            Arc::clone(&consumer),
            Arc::clone(&owned),
            topic.to_owned(),
        ));
        Ok(Self {
            topic: topic.to_owned(),
            consumer,
            owned,
            following: following.abort_handle(),
        })
    }

    /// Tells the owner of a shard of its records from there on.
    pub(crate) fn join(&self, own: &Arc<Own>, from: u64) -> Result<(), Error> {
        let shard = own.shard;
        let mut owned = locked(&self.owned);
        let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
        let place = self.place(shard, offset);
        let joined = place.and_then(|place| self.consumer.incremental_assign(&place));
        joined.map_err(|error| crate::failure::failed("read", &error))?;
        owned.insert(shard, Arc::downgrade(own));
        Ok(())
    }

    /// Tells this owner, if it is still this one, no more.
    pub(crate) fn part(&self, own: &Own) {
        let mut owned = locked(&self.owned);
        let known = owned.get(&own.shard).map(Weak::as_ptr);
        if known != Some(std::ptr::from_ref(own)) {
            return;
        }
        owned.remove(&own.shard);
        let place = self.place(own.shard, Offset::Invalid);
        let parted = place.and_then(|place| self.consumer.incremental_unassign(&place));
        if let Err(error) = parted {
            // What comes of it is nobody's, and thrown away.
            tracing::debug!(topic = self.topic, shard = own.shard, %error, "a shard is read on");
        }
    }

    fn place(&self, shard: Shard, offset: Offset) -> Result<TopicPartitionList, KafkaError> {
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(&self.topic, i32::from(shard), offset)?;
        Ok(place)
    }
}

async fn follow(consumer: Arc<Apart<Reader>>, owned: Owned, topic: String) {
    loop {
        match consumer.recv().await {
            Ok(message) => take(&owned, &message),
            Err(error) => {
                tracing::debug!(topic, %error, "the log is not followed just now");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn take(owned: &Owned, message: &BorrowedMessage<'_>) {
    let Ok(shard) = Shard::try_from(message.partition()) else {
        return;
    };
    let own = locked(owned).get(&shard).and_then(Weak::upgrade);
    let Some(own) = own else { return };
    let offset = u64::try_from(message.offset()).unwrap_or_default();
    let ms = message.timestamp().to_millis().unwrap_or_default();
    let ms = u64::try_from(ms).unwrap_or_default();
    let record = Bytes::copy_from_slice(message.payload().unwrap_or_default());
    if let Err(error) = own.take(offset, ms, record) {
        own.leave(Gone::Failed(error.to_string()));
    }
}
