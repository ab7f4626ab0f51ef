//! What several bring to a shard at the same time goes there as one record, which costs brokers and clients hardly more
//! than each of them would by itself.

use crate::cluster::RECORD_MAX;
use crate::failure::failed;
use crate::frame::{self, ENTRIES_MAX};
use crate::stream::Common;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::FutureRecord;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};
use tradewind_store::{Entry, Error, Shard};

/// Bytes that may wait for a shard; whoever brings more is to come back.
const WAITING_MAX: usize = 64 << 20;

/// What one brings, all of it into one record.
struct Call {
    entries: Vec<Entry>,
    bytes: usize,
    /// Hears where the first of them lies.
    done: oneshot::Sender<Result<u64, Error>>,
}

/// The way into a shard's topic.
#[derive(Debug)]
pub(crate) struct Gather {
    calls: mpsc::UnboundedSender<Call>,
    waiting: Arc<AtomicUsize>,
    records: Arc<AtomicU64>,
}

impl Gather {
    pub(crate) fn new(common: Arc<Common>, shard: Shard) -> Self {
        let (calls, receive) = mpsc::unbounded_channel();
        let (waiting, records) = <(Arc<AtomicUsize>, Arc<AtomicU64>)>::default();
        let gathering = Gathering {
            common,
            shard,
            calls: receive,
            waiting: Arc::clone(&waiting),
            records: Arc::clone(&records),
        };
        tokio::spawn(gathering.run());
        Self {
            calls,
            waiting,
            records,
        }
    }

    /// Records written so far.
    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Appends entries one behind the other, there together or not at all; returns where the first lies, once all are
    /// on the brokers. To its end, whoever goes away.
    pub(crate) async fn append(&self, entries: Vec<Entry>) -> Result<u64, Error> {
        let bytes = frame::size(&entries);
        if entries.len() > ENTRIES_MAX || bytes > RECORD_MAX {
            return Err(Error::Invalid(format!(
                "{} events of {bytes} bytes are more than one record takes, which is {ENTRIES_MAX} and {RECORD_MAX} bytes",
                entries.len(),
            )));
        }
        if self.waiting.load(Ordering::Relaxed) + bytes > WAITING_MAX {
            return Err(Error::Busy);
        }
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let (done, is_done) = oneshot::channel();
        let call = Call {
            entries,
            bytes,
            done,
        };
        self.calls.send(call).map_err(|_| Error::Closed)?;
        is_done.await.unwrap_or(Err(Error::Closed))
    }
}

/// The end that writes: one record after the other, so that the next one takes what came meanwhile.
struct Gathering {
    common: Arc<Common>,
    shard: Shard,
    calls: mpsc::UnboundedReceiver<Call>,
    waiting: Arc<AtomicUsize>,
    records: Arc<AtomicU64>,
}

impl Gathering {
    async fn run(mut self) {
        let mut next = self.calls.recv().await;
        while let Some(first) = next {
            // Those who are at work bring what they have.
            tokio::task::yield_now().await;
            let group;
            (group, next) = self.group(first);
            let place = self.write(&group).await;
            let mut number = 0;
            for call in group {
                let place = match &place {
                    Ok(offset) => Ok(frame::place(*offset, number)),
                    Err(error) => Err(error.again()),
                };
                number += call.entries.len();
                self.waiting.fetch_sub(call.bytes, Ordering::Relaxed);
                call.done.send(place).ok();
            }
            if next.is_none() {
                next = self.calls.recv().await;
            }
        }
    }

    /// What goes into one record, and what came behind it and does not.
    fn group(&mut self, first: Call) -> (Vec<Call>, Option<Call>) {
        let (mut entries, mut bytes) = (first.entries.len(), first.bytes);
        let mut group = vec![first];
        while let Ok(call) = self.calls.try_recv() {
            entries += call.entries.len();
            bytes += call.bytes;
            if entries > ENTRIES_MAX || bytes > RECORD_MAX {
                return (group, Some(call));
            }
            group.push(call);
        }
        (group, None)
    }

    /// The number of the record.
    async fn write(&self, group: &[Call]) -> Result<u64, Error> {
        let entries: Vec<&Entry> = group.iter().flat_map(|call| &call.entries).collect();
        let record = frame::encode(self.common.writer, entries.iter().copied());
        let key = entries.first().map_or(0, |entry| entry.shard_key);
        let key = key.to_be_bytes();
        let now = self.common.clock.unix_ms();
        let message = FutureRecord::to(&self.common.topic)
            .partition(i32::from(self.shard))
            .timestamp(i64::try_from(now).unwrap_or(i64::MAX))
            .key(&key[..])
            .payload(&record[..]);
        let delivery = self.common.cluster.producer.send_result(message);
        let delivery = delivery.map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Error::Busy,
            _ => failed("append", &error),
        })?;
        let offset = match delivery.await {
            Ok(Ok(delivery)) => u64::try_from(delivery.offset).unwrap_or_default(),
            // It may be there all the same; who tries again meets it.
            Ok(Err((error, _))) => return Err(failed("append", &error)),
            Err(_) => return Err(Error::Closed),
        };
        self.records.fetch_add(1, Ordering::Relaxed);
        Ok(offset)
    }
}
