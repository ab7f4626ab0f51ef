//! Another producer in the place of one that is ended for good. librdkafka ends one where an answer leaves it no way to
//! go on: after a broker was killed in the middle of a commit, the next may say that there is no such transaction.

use crate::cluster::{ANSWER, Apart};
use crate::failure::failed;
use crate::own::{Gone, follow};
use crate::writer::{Said, Writer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use std::sync::Arc;
use std::time::Duration;
use tradewind_store::Error;

/// Pause after the first attempt that failed; it doubles up to `LONGEST`.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

impl Writer {
    /// Tries until there is a producer again, the shard is given up, or belongs to somebody else.
    pub(crate) async fn revive(&mut self) -> Result<(), Gone> {
        let mut gone = self.gone.subscribe();
        let mut pause = FIRST;
        loop {
            let why = match self.try_revive().await {
                Ok(()) => return Ok(()),
                Err(Error::Fenced) => return Err(Gone::Fenced),
                Err(Error::Away(why)) => why,
                Err(Error::Closed) => return Err(gone.borrow().clone().unwrap_or(Gone::Closed)),
                Err(error) => return Err(Gone::Failed(error.to_string())),
            };
            tracing::warn!(topic = %self.common.state_topic, shard = self.shard, why,
                "there is no producer yet; it is tried again");
            tokio::select! {
                _ = gone.wait_for(Option::is_some) => {}
                () = tokio::time::sleep(pause) => {}
            }
            if let Some(gone) = gone.borrow().clone() {
                return Err(gone);
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// The brokers end what the earlier producer had begun, one way or the other, before they let the new one begin.
    async fn try_revive(&mut self) -> Result<(), Error> {
        // Looked at before, so that whoever took over meanwhile is not shut out.
        self.still_ours().await?;
        let gone = self.gone.subscribe();
        let stop = move || gone.borrow().is_some();
        let name = self.common.lock(self.shard);
        let producer = self.common.cluster.fencing(name, stop).await?;
        self.producer = Arc::new(Apart::new(producer));
        // And once more, since somebody may have done so in between.
        self.still_ours().await
    }

    /// Reads what was committed since the last transaction that is known here.
    async fn still_ours(&self) -> Result<(), Error> {
        let topic = &self.common.state_topic;
        let consumer = self.common.cluster.reader_to_end()?;
        follow(&consumer, topic, self.shard, self.known)?;
        loop {
            let next = tokio::time::timeout(ANSWER, consumer.recv()).await;
            match next {
                Ok(Ok(message)) => {
                    let said = Said::of(message.key().unwrap_or_default());
                    let value = message.payload().unwrap_or_default();
                    if said == Some(Said::Epoch) && self.turn.is_over_by(value) {
                        return Err(Error::Fenced);
                    }
                }
                Ok(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                Ok(Err(error)) => return Err(failed("read what was recorded", &error)),
                Err(_) => return Err(Error::Away("read what was recorded: no answer".into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cluster::Apart;
    use crate::ground::{Ground, ground};
    use crate::own::{Gone, Own};
    use crate::turn::Turn;
    use crate::writer::{Said, Writer};
    use bytes::Bytes;
    use rdkafka::producer::{FutureProducer, FutureRecord};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::{mpsc, watch};
    use tradewind_store::{Error, Op, Sync};

    impl Ground {
        async fn recover(&self) -> Arc<Own> {
            Own::recover(&self.common, self.tail(), 0).await.unwrap().0
        }

        /// What an owner writes with that has written nothing yet.
        async fn writer(&self, epoch: u64) -> Writer {
            let producer = self.common.cluster.fencing(self.common.lock(0), || false);
            let (_, queue) = mpsc::unbounded_channel();
            Writer {
                common: Arc::clone(&self.common),
                shard: 0,
                turn: Turn {
                    epoch,
                    name: self.common.owner(),
                },
                producer: Arc::new(Apart::new(producer.await.unwrap())),
                known: 0,
                queue,
                queued: Arc::default(),
                gone: watch::Sender::new(None),
                trouble: watch::Sender::new(None),
            }
        }

        /// Another owner says that it is one.
        async fn take_over(&self, epoch: u64) {
            let name = self.common.owner();
            let (key, value) = (Said::Epoch.key(), Turn { epoch, name }.encode());
            let record = FutureRecord::to("t.state")
                .partition(0)
                .key(&key[..])
                .payload(&value[..]);
            let other: FutureProducer = self.config.create().unwrap();
            other.send(record, Duration::from_secs(10)).await.unwrap();
        }
    }

    fn put(value: &str) -> Vec<Op> {
        let value = Bytes::copy_from_slice(value.as_bytes());
        vec![Op::Put(Bytes::from_static(b"k"), value)]
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_owner_whose_producer_is_ended_goes_on() {
        let ground = ground(1);
        let own = ground.recover().await;
        for value in ["1", "2"] {
            ground.end_the_producer();
            let recorded = Arc::clone(&own).record(put(value), Sync::Durable).await;
            assert!(recorded.is_ok(), "{recorded:?}");
            assert!(own.health().is_ok());
        }
        let next = ground.recover().await;
        assert!(next.epoch > own.epoch);
        let got = next.get(Bytes::from_static(b"k")).await.unwrap();
        assert_eq!(got, Some(Bytes::from_static(b"2")));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_owner_that_another_followed_does_not_come_back() {
        let ground = ground(1);
        let own = ground.recover().await;
        ground.take_over(own.epoch + 1).await;
        ground.end_the_producer();
        let recorded = Arc::clone(&own).record(put("late"), Sync::Durable).await;
        assert!(matches!(recorded, Err(Error::Fenced)), "{recorded:?}");
    }

    /// Nothing of it was committed, so that whoever came next counted as it did.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_owner_whose_first_row_never_came_does_not_come_back_after_another() {
        let ground = ground(1);
        let mut writer = ground.writer(5).await;
        writer.revive().await.unwrap();
        ground.take_over(4).await;
        writer.revive().await.unwrap();
        ground.take_over(5).await;
        assert_eq!(writer.revive().await, Err(Gone::Fenced));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_owner_whose_producer_is_ended_in_its_first_transaction_goes_on() {
        let ground = ground(1);
        ground.end_the_producer();
        let own = ground.recover().await;
        let recorded = Arc::clone(&own).record(put("1"), Sync::Durable).await;
        assert!(recorded.is_ok(), "{recorded:?}");
    }
}
