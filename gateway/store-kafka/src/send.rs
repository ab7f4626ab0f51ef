//! One record on its way.

use crate::cluster::RECORD_MAX;
use crate::failure::failed;
use crate::frame::{self, ENTRIES_MAX};
use crate::stream::Common;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::FutureRecord;
use rdkafka::producer::future_producer::DeliveryFuture;
use tradewind_store::{Entry, Error, Shard};

impl Common {
    /// Sends entries as one record, of this time.
    pub(crate) fn send(
        &self,
        shard: Shard,
        entries: &[&Entry],
        ms: u64,
    ) -> Result<DeliveryFuture, Error> {
        let record = frame::encode(self.writer, entries.iter().copied());
        fits(entries.len(), record.len())?;
        let key = entries.first().map_or(0, |entry| entry.shard_key);
        let key = key.to_be_bytes();
        let message = FutureRecord::to(&self.topic)
            .partition(i32::from(shard))
            .timestamp(i64::try_from(ms).unwrap_or(i64::MAX))
            .key(&key[..])
            .payload(&record[..]);
        let delivery = self.cluster.producer.send_result(message);
        delivery.map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Error::Busy,
            _ => failed("append", &error),
        })
    }
}

/// Refuses more than one record takes.
pub(crate) fn fits(entries: usize, bytes: usize) -> Result<(), Error> {
    match entries <= ENTRIES_MAX && bytes <= RECORD_MAX {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "{entries} events of {bytes} bytes are more than one record takes, which is {ENTRIES_MAX} and {RECORD_MAX} bytes",
        ))),
    }
}

/// The record's offset, once it is on the brokers.
pub(crate) async fn arrived(delivery: DeliveryFuture) -> Result<u64, Error> {
    match delivery.await {
        Ok(Ok(delivery)) => Ok(u64::try_from(delivery.offset).unwrap_or_default()),
        // It may be there all the same; who tries again meets it.
        Ok(Err((error, _))) => Err(failed("append", &error)),
        Err(_) => Err(Error::Closed),
    }
}
