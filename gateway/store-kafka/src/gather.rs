//! What several bring to a shard at the same time goes there as one record, which costs brokers and clients hardly more
//! than each of them would by itself.

use crate::cluster::RECORD_MAX;
use crate::frame::{self, ENTRIES_MAX};
use crate::send::{arrived, fits};
use crate::stream::Common;
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
        fits(entries.len(), bytes)?;
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
        let now = self.common.clock.unix_ms();
        let offset = arrived(self.common.send(self.shard, &entries, now)?).await?;
        self.records.fetch_add(1, Ordering::Relaxed);
        Ok(offset)
    }
}
