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

/// Whether this is who hears of its shard.
fn is_of(owned: &HashMap<Shard, Weak<Own>>, own: &Own) -> bool {
    owned.get(&own.shard).map(Weak::as_ptr) == Some(std::ptr::from_ref(own))
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
        let joined = self.assign(shard, from);
        joined.map_err(|error| crate::failure::failed("read", &error))?;
        owned.insert(shard, Arc::downgrade(own));
        Ok(())
    }

    /// Tells this owner, if it is still this one, once more of the records from there on.
    pub(crate) fn turn_back(&self, own: &Own, to: u64) -> Result<(), Error> {
        let owned = locked(&self.owned);
        if !is_of(&owned, own) {
            return Ok(());
        }
        let turned = self
            .unassign(own.shard)
            .and_then(|()| self.assign(own.shard, to));
        turned.map_err(|error| crate::failure::failed("read", &error))
    }

    /// Tells this owner, if it is still this one, no more.
    pub(crate) fn part(&self, own: &Own) {
        let mut owned = locked(&self.owned);
        if !is_of(&owned, own) {
            return;
        }
        owned.remove(&own.shard);
        if let Err(error) = self.unassign(own.shard) {
            // What comes of it is nobody's, and thrown away.
            tracing::debug!(topic = self.topic, shard = own.shard, %error, "a shard is read on");
        }
    }

    fn assign(&self, shard: Shard, from: u64) -> Result<(), KafkaError> {
        let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
        let place = self.place(shard, offset)?;
        self.consumer.incremental_assign(&place)
    }

    fn unassign(&self, shard: Shard) -> Result<(), KafkaError> {
        let place = self.place(shard, Offset::Invalid)?;
        self.consumer.incremental_unassign(&place)
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

#[cfg(test)]
mod tests {
    use crate::frame;
    use crate::ground::ground;
    use crate::own::{Gone, Own};
    use crate::send::arrived;
    use crate::stream::Common;
    use bytes::Bytes;
    use std::sync::Arc;
    use tradewind_store::{Entry, Kind, Shard};

    const RECORDS: u64 = 300;

    /// Appends records to both shards, some of them while these are taken over.
    async fn append(common: Arc<Common>, records: u64) {
        let entry = Entry {
            shard_key: 0,
            identity: None,
            kind: Kind::Event,
            payload: Bytes::from_static(b"x"),
            decoded: None,
        };
        for n in 0..records {
            let shard = (n % 2) as Shard;
            arrived(common.send(shard, &[&entry], n).unwrap())
                .await
                .unwrap();
        }
    }

    /// The numbers of all records that an owner has.
    async fn records(own: &Own) -> Vec<u64> {
        let (mut found, mut from, end) = (Vec::new(), 0, own.bounds().end);
        while from < end {
            let batch = own.read(from, 1 << 20).await.unwrap();
            let items = batch.items.iter();
            found.extend(items.map(|item| frame::record_of(item.position.offset)));
            from = batch.next;
        }
        found
    }

    /// Its new owner begins at the first record each time, while later ones are on their way to the one before.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_shard_that_is_taken_over_again_and_again_is_read_without_a_gap() {
        let ground = ground(2);
        let tail = ground.tail();
        let take_over = async |shard| {
            let taken = Own::recover(&ground.common, Arc::clone(&tail), shard).await;
            taken.unwrap().0
        };
        let staying = take_over(1).await;
        let appending = tokio::spawn(append(Arc::clone(&ground.common), 2 * RECORDS));
        while !appending.is_finished() {
            let own = take_over(0).await;
            let found = records(&own).await;
            assert!(found.iter().copied().eq(0..found.len() as u64), "{found:?}");
            own.leave(Gone::Closed);
        }
        appending.await.unwrap();
        let own = take_over(0).await;
        for own in [own, staying] {
            own.decided(RECORDS).await.unwrap();
            assert!(records(&own).await.into_iter().eq(0..RECORDS));
        }
    }

    /// One that was on its way to the owner before comes to the new one, which has seen nothing of what lies between.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_a_record_leaves_out_is_asked_for_before_it_is_believed_to_be_gone() {
        let ground = ground(2);
        let (own, _) = Own::recover(&ground.common, ground.tail(), 0)
            .await
            .unwrap();
        append(Arc::clone(&ground.common), 2).await;
        own.decided(1).await.unwrap();
        own.take(6, 0, Bytes::new()).unwrap();
        append(Arc::clone(&ground.common), 2 * 9).await;
        own.decided(10).await.unwrap();
        assert!(records(&own).await.into_iter().eq(0..10));
    }
}
