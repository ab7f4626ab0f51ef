//! When whoever takes a shard over has come to the end of its log.

use crate::cluster::ANSWER;
use crate::own::{Own, follow};
use rdkafka::error::KafkaError;
use std::time::Duration;
use tokio::time::timeout;
use tradewind_store::Error;

/// How long nothing comes until it is looked whether there is more.
const QUIET: Duration = Duration::from_millis(300);

impl Own {
    /// Waits until what can be read below `high` is decided. A log may end with what no reader is shown: a mark of the
    /// end of a transaction, where somebody else wrote so.
    pub(crate) async fn caught_up(&self, high: u64) -> Result<(), Error> {
        loop {
            let before = self.next();
            if let Ok(decided) = timeout(QUIET, self.decided(high)).await {
                return decided;
            }
            if self.next() == before && self.is_last(before).await? {
                return Ok(());
            }
        }
    }

    /// Whether nothing can be read from there on. Where brokers do not say so, there may be something.
    async fn is_last(&self, from: u64) -> Result<bool, Error> {
        let consumer = self.common.cluster.hasty_reader()?;
        follow(&consumer, &self.common.topic, self.shard, from)?;
        tokio::select! {
            biased;
            gone = self.lost() => Err(gone),
            next = timeout(ANSWER, consumer.recv()) => {
                Ok(matches!(next, Ok(Err(KafkaError::PartitionEOF(_)))))
            }
        }
    }
}
