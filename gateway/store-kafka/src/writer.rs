//! What is recorded goes to the state topic: everything that waits in one transaction, in order.

use crate::cluster::Apart;
use crate::failure::is_fenced;
use crate::own::{Gone, Mark};
use crate::scratch::Row;
use crate::stream::Common;
use crate::turn::Turn;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tradewind_store::Error;

/// Rows of one transaction, about.
const ROWS_MAX: usize = 20_000;
/// Bytes of one transaction, about.
const BYTES_MAX: usize = 8 << 20;
/// How long one answer of the brokers is waited for, before it is looked whether anybody still wants it.
const ANSWER: Duration = Duration::from_secs(5);
/// How long rows that nobody waits for are gathered. Those of one key that come meanwhile are one.
const GATHERED: Duration = Duration::from_millis(100);
/// Pause before a transaction that failed is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Whose key it is, by its first byte.
const ENGINE: u8 = 0;
const STORE: u8 = 1;

/// What a row of the state topic says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Engine(Bytes),
    /// How far it is decided which events repeat others.
    Mark,
    Epoch,
    /// The longest time for which a repetition is recognised.
    Window,
    /// The event at this place repeats another.
    Twin(u64),
}

impl Said {
    pub(crate) fn key(&self) -> Bytes {
        let own = |name: u8| Bytes::copy_from_slice(&[STORE, name]);
        match self {
            Self::Engine(key) => {
                let mut out = BytesMut::with_capacity(1 + key.len());
                out.put_u8(ENGINE);
                out.put_slice(key);
                out.freeze()
            }
            Self::Mark => own(b'm'),
            Self::Epoch => own(b'e'),
            Self::Window => own(b'w'),
            Self::Twin(place) => {
                let mut out = BytesMut::with_capacity(10);
                out.put_slice(&[STORE, b't']);
                out.put_u64(*place);
                out.freeze()
            }
        }
    }

    /// `None` for what a later version may have written.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        match key {
            [ENGINE, key @ ..] => Some(Self::Engine(Bytes::copy_from_slice(key))),
            [STORE, b'm'] => Some(Self::Mark),
            [STORE, b'e'] => Some(Self::Epoch),
            [STORE, b'w'] => Some(Self::Window),
            [STORE, b't', place @ ..] => {
                let place = place.try_into().ok()?;
                Some(Self::Twin(u64::from_be_bytes(place)))
            }
            _ => None,
        }
    }
}

/// Rows that are there together or not at all.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Row>,
    /// How far it was decided when these were queued.
    pub(crate) mark: Mark,
    pub(crate) done: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Batch {
    pub(crate) fn bytes(&self) -> usize {
        let size = |(key, value): &Row| key.len() + value.as_ref().map_or(0, Bytes::len) + 32;
        self.rows.iter().map(size).sum()
    }
}

/// The end of the queue that writes.
pub(crate) struct Writer {
    pub(crate) common: Arc<Common>,
    pub(crate) shard: u16,
    pub(crate) turn: Turn,
    pub(crate) producer: Arc<Apart<FutureProducer>>,
    /// What lies below in the state topic is known here.
    pub(crate) known: u64,
    pub(crate) queue: mpsc::UnboundedReceiver<Batch>,
    /// Bytes that wait.
    pub(crate) queued: Arc<AtomicUsize>,
    pub(crate) gone: watch::Sender<Option<Gone>>,
    /// Why what was recorded last is not written yet.
    pub(crate) trouble: watch::Sender<Option<String>>,
}

impl Writer {
    /// Writes until nobody records any more, or somebody else owns the shard.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.queue.recv().await {
            let (mut bytes, mut mark, mut waiting) = (0, first.mark, Vec::new());
            // What is said last of a key is what counts.
            let mut rows = HashMap::new();
            let until = Instant::now() + GATHERED;
            let mut next = Some(first);
            while let Some(batch) = next.take() {
                bytes += batch.bytes();
                mark = batch.mark;
                rows.extend(batch.rows);
                waiting.extend(batch.done);
                if rows.len() < ROWS_MAX && bytes < BYTES_MAX {
                    next = match waiting.is_empty() {
                        true => timeout_at(until, self.queue.recv()).await.ok().flatten(),
                        false => self.queue.try_recv().ok(),
                    };
                }
            }
            let failed = match rows.is_empty() {
                true => None,
                false => {
                    rows.insert(Said::Mark.key(), Some(mark.encode()));
                    self.write(rows.into_iter().collect()).await.err()
                }
            };
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
            // Known before anybody is told, who would find it owned yet.
            if let Some(gone) = &failed {
                self.gone.send_if_modified(|known| match known {
                    Some(_) => false,
                    None => {
                        *known = Some(gone.clone());
                        true
                    }
                });
            }
            for waiter in waiting {
                let outcome = match &failed {
                    None => Ok(()),
                    Some(gone) => Err(gone.error()),
                };
                waiter.send(outcome).ok();
            }
            if failed.is_some() {
                return;
            }
        }
    }

    /// Tries until it is done, or somebody else owns the shard. Whether what a producer that is ended had begun was
    /// committed need not be known: rows say what is, so that those of the last transaction may come twice.
    async fn write(&mut self, rows: Vec<Row>) -> Result<(), Gone> {
        let rows = Arc::new(rows);
        let written = loop {
            match self.try_write(&rows).await {
                Ok(last) => break last,
                Err(Halt::Gone(gone)) => return Err(gone),
                Err(Halt::Ended(why)) => {
                    tracing::warn!(topic = %self.common.state_topic, shard = self.shard, why,
                        "the producer is ended; another takes its place");
                    self.trouble.send_replace(Some(why));
                    self.revive().await?;
                }
            }
        };
        self.known = written.map_or(self.known, |last| last + 1);
        if self.trouble.borrow().is_some() {
            self.trouble.send_replace(None);
        }
        Ok(())
    }

    async fn try_write(&self, rows: &Arc<Vec<Row>>) -> Result<Option<u64>, Halt> {
        let transaction = Transaction {
            producer: Arc::clone(&self.producer),
            common: Arc::clone(&self.common),
            shard: self.shard,
            gone: self.gone.subscribe(),
            trouble: self.trouble.clone(),
        };
        let rows = Arc::clone(rows);
        let done = tokio::task::spawn_blocking(move || transaction.commit(&rows)).await;
        done.unwrap_or_else(|error| Err(Halt::Gone(Gone::Failed(error.to_string()))))
    }
}

/// Why a transaction is not tried any further.
enum Halt {
    Gone(Gone),
    /// This producer writes no more; another may.
    Ended(String),
}

/// Rows written together, on a thread that may wait.
struct Transaction {
    producer: Arc<Apart<FutureProducer>>,
    common: Arc<Common>,
    shard: u16,
    gone: watch::Receiver<Option<Gone>>,
    trouble: watch::Sender<Option<String>>,
}

impl Transaction {
    /// Tries until it is done, or can never be. Gives where its last row lies, where that is known.
    fn commit(&self, rows: &[Row]) -> Result<Option<u64>, Halt> {
        let topic = &*self.common.state_topic;
        let again = |error: &KafkaError| {
            self.trouble.send_replace(Some(error.to_string()));
            self.gone.borrow().is_none()
        };
        loop {
            let error = match once(&self.producer, topic, self.shard, rows, &again) {
                Ok(last) => return Ok(last),
                Err(error) => error,
            };
            if let Some(gone) = self.gone.borrow().clone() {
                return Err(Halt::Gone(gone));
            }
            again(&error);
            self.step_back(&error)?;
            tracing::warn!(topic, shard = self.shard, %error,
                "what was recorded is not written yet; it is tried again");
            std::thread::sleep(AGAIN);
        }
    }

    /// Gives up what was begun, so that it can be begun again.
    fn step_back(&self, error: &KafkaError) -> Result<(), Halt> {
        final_word(&self.producer, error)?;
        loop {
            let Err(error) = self.producer.abort_transaction(ANSWER) else {
                return Ok(());
            };
            final_word(&self.producer, &error)?;
            match &error {
                KafkaError::Transaction(error) if error.is_retriable() => {}
                // There is none to give up.
                KafkaError::Transaction(error) if error.code() == Code::State => return Ok(()),
                error => return Err(Halt::Ended(error.to_string())),
            }
            if let Some(gone) = self.gone.borrow().clone() {
                return Err(Halt::Gone(gone));
            }
        }
    }
}

/// Whether nothing will ever be written by this producer again.
fn final_word(producer: &FutureProducer, error: &KafkaError) -> Result<(), Halt> {
    if is_fenced(error) {
        return Err(Halt::Gone(Gone::Fenced));
    }
    match producer.client().fatal_error() {
        None => Ok(()),
        Some((Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch, _)) => {
            Err(Halt::Gone(Gone::Fenced))
        }
        Some((_, why)) => Err(Halt::Ended(why)),
    }
}

/// One transaction. What brokers do not answer is asked for as long as `again` says so. Gives where its last row lies,
/// where that is known.
pub(crate) fn once(
    producer: &FutureProducer,
    topic: &str,
    shard: u16,
    rows: &[Row],
    again: &dyn Fn(&KafkaError) -> bool,
) -> Result<Option<u64>, KafkaError> {
    producer.begin_transaction()?;
    let mut last = None;
    for (key, value) in rows {
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic)
            .partition(i32::from(shard))
            .key(&key[..]);
        if let Some(value) = value {
            record = record.payload(&value[..]);
        }
        // What becomes of it is known when the transaction is.
        last = loop {
            match producer.send_result(record) {
                Ok(delivery) => break Some(delivery),
                Err((error, back)) => {
                    if error.rdkafka_error_code() != Some(Code::QueueFull) || !again(&error) {
                        return Err(error);
                    }
                    std::thread::sleep(Duration::from_millis(20));
                    record = back;
                }
            }
        };
    }
    loop {
        match producer.commit_transaction(ANSWER) {
            Err(error) if may_be_done_yet(&error) && again(&error) => {}
            done => break done?,
        }
    }
    let last = last.and_then(FutureExt::now_or_never);
    Ok(match last {
        Some(Ok(Ok(delivery))) => u64::try_from(delivery.offset).ok(),
        _ => None,
    })
}

/// Whether a commit that failed is asked for again.
fn may_be_done_yet(error: &KafkaError) -> bool {
    let KafkaError::Transaction(error) = error else {
        return false;
    };
    error.is_retriable() && !error.txn_requires_abort() && !error.is_fatal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_they_say() {
        for said in [
            Said::Engine(Bytes::from_static(b"")),
            Said::Engine(Bytes::from_static(b"\x01m")),
            Said::Mark,
            Said::Epoch,
            Said::Window,
            Said::Twin(u64::MAX - 1),
        ] {
            assert_eq!(Said::of(&said.key()), Some(said));
        }
        assert_eq!(Said::of(b""), None);
        assert_eq!(Said::of(&[STORE, b'?']), None);
    }
}
