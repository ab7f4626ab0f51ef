//! A table that nodes share: a compacted topic of one partition, in the memory of each node that follows it. Who changes
//! it shuts out whoever else was about to, reads to the end, and writes all rows of a change in one transaction.
//!
//! | Key | Value |
//! |---|---|
//! | 0, then the row's | the row's; none where it is deleted |
//! | 1 | format 1, then what names the last change: 16 bytes |

use crate::cluster::{ANSWER, Apart, Cluster, Reader};
use crate::failure::{failed, is_refused, joined};
use crate::own::follow;
use crate::scratch::Row;
use crate::tail::PAUSE;
use crate::writer::once;
use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tradewind_store::{Error, Op, Random, SharedTable};

const ROW: u8 = 0;
const CHANGE: u8 = 1;
const FORMAT: u8 = 1;
/// How often the brokers are asked what became of a change.
const ANSWERS: u32 = 6;
/// How long the end of the topic is looked for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest time to step aside for somebody else, divided by 256.
const GIVING_WAY: Duration = Duration::from_millis(4);
/// How long a node may be away, and still hear of what was deleted meanwhile.
const TOMBSTONES_MS: &str = "604800000";

/// A [`SharedTable`] on Kafka.
pub(crate) struct KafkaTable {
    cluster: Arc<Cluster>,
    random: Arc<dyn Random>,
    topic: String,
    known: Arc<Known>,
    /// One of this node changes it at a time.
    turn: tokio::sync::Mutex<()>,
    follower: AbortHandle,
}

/// What is known of the topic here.
#[derive(Debug)]
struct Known {
    rows: Mutex<Rows>,
    /// Everything below is in `rows`.
    next: watch::Sender<u64>,
    /// Why nothing more is heard, where it is refused.
    refused: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Rows {
    all: BTreeMap<Bytes, Bytes>,
    /// What names the last change.
    change: Option<Bytes>,
}

/// One record, as it was read.
#[derive(Debug)]
struct Read {
    offset: u64,
    key: Bytes,
    value: Option<Bytes>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<BorrowedMessage<'_>> for Read {
    fn from(message: BorrowedMessage<'_>) -> Self {
        Self {
            offset: u64::try_from(message.offset()).unwrap_or_default(),
            key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
            value: message.payload().map(Bytes::copy_from_slice),
        }
    }
}

impl Known {
    /// Takes what was read up to an end of the topic, where every change is whole. Says whether `change` was there.
    fn take(&self, read: Vec<Read>, change: Option<&[u8]>) -> Result<bool, Error> {
        let mut rows = locked(&self.rows);
        let (mut next, mut there) = (*self.next.borrow(), false);
        for Read { offset, key, value } in read {
            let said = match *key {
                [ROW, ..] => None,
                [CHANGE] if value.as_ref().and_then(|v| v.first()) == Some(&FORMAT) => {
                    value.clone()
                }
                _ => return Err(Error::Failed("it holds what a later version wrote".into())),
            };
            there |= change.is_some() && said.as_deref() == change;
            if offset < next {
                // Somebody else has read it already.
                continue;
            }
            next = offset + 1;
            match (said, value) {
                (Some(said), _) => rows.change = Some(said),
                (None, Some(value)) => drop(rows.all.insert(key.slice(1..), value)),
                (None, None) => drop(rows.all.remove(&key[1..])),
            }
        }
        // With the rows still held: whoever takes more has to know how far they are.
        self.next.send_if_modified(|known| {
            let later = next > *known;
            *known = next.max(*known);
            later
        });
        Ok(there)
    }

    /// What takes the rows to where operations want them.
    fn rows(&self, ops: Vec<Op>) -> Vec<Row> {
        let rows = locked(&self.rows);
        let mut wanted: BTreeMap<Bytes, Option<Bytes>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Put(key, value) => drop(wanted.insert(key, Some(value))),
                Op::Delete(key) => drop(wanted.insert(key, None)),
                Op::DeleteRange(from, to) => {
                    let range = (Bound::Included(&from), Bound::Excluded(&to));
                    let there = rows.all.range::<Bytes, _>(range);
                    let gone = there.map(|(key, _)| key.clone()).collect::<Vec<_>>();
                    wanted.retain(|key, _| *key < from || *key >= to);
                    wanted.extend(gone.into_iter().map(|key| (key, None)));
                }
            }
        }
        let tagged = |key: Bytes| {
            let mut out = BytesMut::with_capacity(1 + key.len());
            out.put_u8(ROW);
            out.put_slice(&key);
            out.freeze()
        };
        let wanted = wanted.into_iter();
        // What is not there needs no tombstone.
        let wanted = wanted.filter(|(key, value)| value.is_some() || rows.all.contains_key(key));
        wanted.map(|(key, value)| (tagged(key), value)).collect()
    }
}

impl std::fmt::Debug for KafkaTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaTable")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl Drop for KafkaTable {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl KafkaTable {
    /// Opens the table, making it if need be; all that is in it is known when this returns.
    pub(crate) async fn open(
        cluster: Arc<Cluster>,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        let topic = cluster.topic("run-time");
        let settings = [
            ("cleanup.policy", "compact"),
            ("delete.retention.ms", TOMBSTONES_MS),
        ];
        cluster.create(&topic, 1, &settings).await?;
        let known = Arc::new(Known {
            rows: Mutex::default(),
            next: watch::Sender::new(0),
            refused: Mutex::default(),
        });
        let (low, _) = cluster.bounds(&topic, 0).await?;
        let consumer = cluster.reader_to_end()?;
        follow(&consumer, &topic, 0, low)?;
        let read = to_the_end(&consumer).await?;
        let taken = known.take(read, None);
        taken.map_err(|error| Error::Failed(format!("the topic `{topic}`: {error}")))?;
        let follower = tokio::spawn(keep_up(consumer, Arc::clone(&known), topic.clone()));
        Ok(Self {
            cluster,
            random,
            topic,
            known,
            turn: tokio::sync::Mutex::default(),
            follower: follower.abort_handle(),
        })
    }

    fn revision_now(&self) -> u64 {
        *self.known.next.borrow()
    }

    /// Reads what is new; says whether a change is there.
    async fn catch_up(&self, change: Option<&[u8]>) -> Result<bool, Error> {
        let consumer = self.cluster.hasty_reader()?;
        follow(&consumer, &self.topic, 0, self.revision_now())?;
        let read = to_the_end(&consumer).await?;
        self.known.take(read, change)
    }

    /// Somebody else is as quick: whoever loses steps aside for a moment, so that not both lose again and again.
    async fn give_way(&self) -> Result<u64, Error> {
        let mut bytes = [0];
        self.random.fill(&mut bytes).ok();
        tokio::time::sleep(PAUSE + GIVING_WAY * u32::from(bytes[0])).await;
        self.catch_up(None).await?;
        Err(Error::Outdated)
    }

    async fn write(
        &self,
        rows: Vec<Row>,
        producer: rdkafka::producer::FutureProducer,
    ) -> Result<(), Error> {
        let topic = self.topic.clone();
        let written = tokio::task::spawn_blocking(move || {
            let answers = Cell::new(0);
            let patient = |_: &KafkaError| {
                answers.set(answers.get() + 1);
                answers.get() <= ANSWERS
            };
            let written = once(&producer, &topic, 0, &rows, &patient);
            written.map_err(|error| failed("change what nodes share", &error))
        });
        joined(written.await).map(|_| ())
    }
}

#[async_trait]
impl SharedTable for KafkaTable {
    fn revision(&self) -> watch::Receiver<u64> {
        self.known.next.subscribe()
    }

    async fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let rows = locked(&self.known.rows);
        if from >= to {
            return Ok(Vec::new());
        }
        let range = (Bound::Included(from), Bound::Excluded(to));
        let rows = rows.all.range::<[u8], _>(range).take(limit);
        Ok(rows
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    async fn change(&self, seen: u64, ops: Vec<Op>) -> Result<u64, Error> {
        let _turn = self.turn.lock().await;
        if self.revision_now() != seen {
            return Err(Error::Outdated);
        }
        self.health()?;
        let began = Instant::now();
        let late = move || began.elapsed() >= PATIENCE;
        let producer = match self.cluster.fencing(self.topic.clone(), late).await {
            Err(Error::Fenced) => return self.give_way().await,
            Err(Error::Closed) => return Err(Error::Away("no broker lets it be changed".into())),
            producer => producer?,
        };
        // Nobody who began earlier writes any more: what is there now is all that was done before.
        self.catch_up(None).await?;
        if self.revision_now() != seen {
            return Err(Error::Outdated);
        }
        let mut rows = self.known.rows(ops);
        if rows.is_empty() {
            return Ok(seen);
        }
        let mut name = [FORMAT; 17];
        let filled = self.random.fill(&mut name[1..]);
        filled.map_err(|error| Error::Failed(format!("no randomness: {error}")))?;
        rows.push((
            Bytes::from_static(&[CHANGE]),
            Some(Bytes::copy_from_slice(&name)),
        ));
        let written = self.write(rows, producer).await;
        // The last answer may be lost, and then the next one be that of a producer that is shut out.
        let there = self.catch_up(Some(&name)).await;
        match (written, there) {
            (_, Ok(true)) => Ok(self.revision_now()),
            (Err(Error::Fenced), Ok(false)) => self.give_way().await,
            (Err(error), _) => Err(error),
            (Ok(()), Ok(false)) => Err(Error::Away("a change is not seen yet".into())),
            (Ok(()), Err(error)) => Err(error),
        }
    }

    fn health(&self) -> Result<(), Error> {
        if let Some(why) = &*locked(&self.known.refused) {
            return Err(Error::Failed(format!(
                "`{}` is not followed: {why}",
                self.topic
            )));
        }
        match &*self.cluster.away.borrow() {
            Some(why) => Err(Error::Away(why.clone())),
            None => Ok(()),
        }
    }
}

/// Reads on until there is nothing more.
async fn to_the_end(consumer: &Reader) -> Result<Vec<Read>, Error> {
    let mut read = Vec::new();
    let reading = async {
        loop {
            match consumer.recv().await {
                Ok(message) => read.push(Read::from(message)),
                Err(KafkaError::PartitionEOF(_)) => return Ok(()),
                Err(error) if is_refused(&error) => {
                    return Err(failed("read what nodes share", &error));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    };
    match tokio::time::timeout(PATIENCE.max(ANSWER), reading).await {
        Ok(done) => done.map(|()| read),
        Err(_) => Err(Error::Away(
            "what nodes share is not read: no answer".into(),
        )),
    }
}

/// Follows what others change.
async fn keep_up(consumer: Apart<Reader>, known: Arc<Known>, topic: String) {
    let mut read = Vec::new();
    loop {
        let error = match consumer.recv().await {
            Ok(message) => {
                read.push(Read::from(message));
                None
            }
            // What lies before is whole: transactions become readable at once.
            Err(KafkaError::PartitionEOF(_)) => {
                let taken = known.take(std::mem::take(&mut read), None);
                taken.err().map(|error| error.to_string())
            }
            Err(error) if is_refused(&error) => Some(error.to_string()),
            Err(error) => {
                tracing::debug!(topic, %error, "what nodes share is not followed just now");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let mut refused = locked(&known.refused);
        if let Some(why) = &error
            && *refused != error
        {
            tracing::error!(topic, why, "what nodes share is not followed");
        }
        *refused = error;
        drop(refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            rows: Mutex::default(),
            next: watch::Sender::new(0),
            refused: Mutex::default(),
        }
    }

    fn read(offset: u64, key: &[u8], value: Option<&[u8]>) -> Read {
        Read {
            offset,
            key: Bytes::copy_from_slice(key),
            value: value.map(Bytes::copy_from_slice),
        }
    }

    fn all(known: &Known) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = locked(&known.rows);
        rows.all
            .iter()
            .map(|(k, v)| (k.to_vec(), v.to_vec()))
            .collect()
    }

    #[test]
    fn what_two_read_is_taken_once() {
        let known = known();
        let first = || {
            vec![
                read(3, b"\0a", Some(b"1")),
                read(4, &[CHANGE], Some(b"\x01x")),
            ]
        };
        known.take(first(), None).unwrap();
        assert_eq!(*known.next.borrow(), 5);
        known.take(vec![read(7, b"\0a", Some(b"2"))], None).unwrap();
        // The follower comes later with what is known.
        assert!(known.take(first(), Some(b"\x01x")).unwrap());
        assert_eq!(all(&known), [(b"a".to_vec(), b"2".to_vec())]);
        assert_eq!(*known.next.borrow(), 8);
        assert!(
            !known
                .take(vec![read(9, b"\0a", None)], Some(b"\x01x"))
                .unwrap()
        );
        assert_eq!(all(&known), []);
    }

    #[test]
    fn what_a_later_version_wrote_is_refused() {
        for (key, value) in [(&b"\x02"[..], &b""[..]), (b"", b"x"), (&[CHANGE], b"\x02x")] {
            let taken = known().take(vec![read(0, key, Some(value))], None);
            assert!(matches!(taken, Err(Error::Failed(_))), "{key:?} {value:?}");
        }
    }

    #[test]
    fn operations_are_rows_in_their_order() {
        let known = known();
        let there = vec![read(0, b"\0a1", Some(b"x")), read(1, b"\0a2", Some(b"x"))];
        known.take(there, None).unwrap();
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        let rows = known.rows(vec![
            Op::Put(bytes("a0"), bytes("gone again")),
            Op::DeleteRange(bytes("a"), bytes("b")),
            Op::Put(bytes("a2"), bytes("y")),
            Op::Delete(bytes("not there")),
        ]);
        let wanted = [(bytes("\0a1"), None), (bytes("\0a2"), Some(bytes("y")))];
        assert_eq!(rows, wanted);
    }
}
