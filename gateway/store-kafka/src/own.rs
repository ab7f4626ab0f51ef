//! A shard that is owned here: what its owner knows of it.

use crate::before::{read_state, scan_from};
use crate::cluster::{Apart, Reader};
use crate::frame::{self, Frame, Framed};
use crate::index::Index;
use crate::past::Past;
use crate::ring::Ring;
use crate::scratch::{Row, Scratch};
use crate::stream::Common;
use crate::tail::Tail;
use crate::turn::Turn;
use crate::writer::{Batch, Said, Writer};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tradewind_store::{Error, Item, Op, Position, Recovered, Shard, Sync};

/// Bytes that may wait to be written before those who record wait too.
const QUEUED_MAX: usize = 16 << 20;
/// How long a shard that is given up waits for what was recorded to be durable.
const PARTING: Duration = Duration::from_secs(10);

/// Why a shard is no longer owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gone {
    Fenced,
    Closed,
    Failed(String),
}

impl Gone {
    pub(crate) fn error(&self) -> Error {
        match self {
            Self::Fenced => Error::Fenced,
            Self::Closed => Error::Closed,
            Self::Failed(why) => Error::Failed(why.clone()),
        }
    }
}

/// How far it is decided which records hold events that repeat others, and the latest time of those.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) decided: u64,
    pub(crate) ms: u64,
}

impl Mark {
    pub(crate) fn encode(self) -> Bytes {
        let mut out = BytesMut::with_capacity(16);
        out.put_u64(self.decided);
        out.put_u64(self.ms);
        out.freeze()
    }

    pub(crate) fn decode(value: &[u8]) -> Self {
        Self {
            decided: number(value),
            ms: number(value.get(8..).unwrap_or_default()),
        }
    }
}

pub(crate) fn number(value: &[u8]) -> u64 {
    let bytes = value.get(..8).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_be_bytes)
}

/// What is queued in the order in which it takes effect.
#[derive(Debug)]
struct Order {
    mark: Mark,
    window: u64,
}

/// What the owner of a shard knows of it, and whoever follows its log.
pub(crate) struct Own {
    pub(crate) common: Arc<Common>,
    pub(crate) shard: Shard,
    pub(crate) epoch: u64,
    scratch: Scratch,
    order: Mutex<Order>,
    index: Mutex<Index>,
    ring: Mutex<Ring>,
    past: tokio::sync::Mutex<Past>,
    /// The first record.
    start: AtomicU64,
    /// Every record below is decided.
    end: watch::Sender<u64>,
    /// A record that came where another was expected.
    gap: AtomicU64,
    /// Records below were decided by an earlier owner.
    settled: u64,
    /// The last place of which this owner found that it repeats another.
    last_twin: AtomicU64,
    gone: watch::Sender<Option<Gone>>,
    trouble: watch::Receiver<Option<String>>,
    queue: mpsc::UnboundedSender<Batch>,
    queued: Arc<AtomicUsize>,
    /// Repetitions of events that others appended here.
    pub(crate) late: AtomicU64,
    tail: Arc<Tail>,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own")
            .field("shard", &self.shard)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.leave(Gone::Closed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Own {
    /// Takes a shard over: shuts out whoever had it, reads what was recorded, and follows the log to its end.
    pub(crate) async fn recover(
        common: &Arc<Common>,
        tail: Arc<Tail>,
        shard: Shard,
    ) -> Result<(Arc<Self>, Recovered), Error> {
        let cluster = &common.cluster;
        let producer = cluster.fencing(common.lock(shard), || false).await?;
        let before = read_state(common, shard).await?;
        let (low, high) = cluster.bounds(&common.topic, shard).await?;
        let from = scan_from(common, shard, &before, low, high).await?;

        let gone = watch::Sender::new(None);
        let (queue, queued) = mpsc::unbounded_channel();
        let waiting = Arc::<AtomicUsize>::default();
        let epoch = before.epoch + 1;
        let turn = Turn {
            epoch,
            name: common.owner(),
        };
        let writer = Writer {
            common: Arc::clone(common),
            shard,
            turn,
            producer: Arc::new(Apart::new(producer)),
            known: before.end,
            queue: queued,
            queued: Arc::clone(&waiting),
            gone: gone.clone(),
            trouble: watch::Sender::new(None),
        };
        let params = &cluster.params;
        let own = Arc::new(Self {
            common: Arc::clone(common),
            shard,
            epoch,
            scratch: before.scratch,
            order: Mutex::new(Order {
                mark: before.mark,
                window: before.window,
            }),
            index: Mutex::new(Index::new(common.identities)),
            ring: Mutex::new(Ring::new(frame::place(from, 0), params.recent_bytes)),
            past: tokio::sync::Mutex::default(),
            start: AtomicU64::new(low),
            end: watch::Sender::new(from),
            gap: AtomicU64::default(),
            settled: before.mark.decided,
            last_twin: AtomicU64::default(),
            gone,
            trouble: writer.trouble.subscribe(),
            queue,
            queued: waiting,
            late: AtomicU64::new(0),
            tail,
        });
        tokio::spawn(writer.run());
        own.tail.join(&own, from)?;

        own.caught_up(high).await?;
        let row = (Said::Epoch.key(), Some(turn.encode()));
        own.written(vec![row]).await?;
        let recovered = Recovered {
            epoch,
            start: own.bounds().start,
            end: own.bounds().end,
            findings: Vec::new(),
        };
        Ok((own, recovered))
    }

    /// Gives it up, once everything recorded is durable.
    pub(crate) async fn end(&self) -> Result<(), Error> {
        let outcome = match tokio::time::timeout(PARTING, self.barrier()).await {
            // Whoever owns it now has what was durable.
            Ok(Err(Error::Fenced)) => Ok(()),
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Failed(
                "no broker answers; what was recorded last is not written".into(),
            )),
        };
        self.leave(Gone::Closed);
        outcome
    }

    /// It is owned no longer.
    pub(crate) fn leave(&self, why: Gone) {
        self.gone.send_if_modified(|gone| match gone {
            Some(_) => false,
            None => {
                *gone = Some(why);
                true
            }
        });
        self.tail.part(self);
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match &*self.gone.borrow() {
            None => Ok(()),
            Some(gone) => Err(gone.error()),
        }
    }

    /// Why what is recorded is not written just now.
    pub(crate) fn health(&self) -> Result<(), Error> {
        if let Some(Gone::Failed(why)) = &*self.gone.borrow() {
            return Err(Error::Failed(format!("shard {}: {why}", self.shard)));
        }
        match &*self.trouble.borrow() {
            Some(why) => Err(Error::Away(format!("shard {}: {why}", self.shard))),
            None => Ok(()),
        }
    }

    /// Resolves when it is owned no longer.
    pub(crate) async fn lost(&self) -> Error {
        let mut gone = self.gone.subscribe();
        let found = gone.wait_for(Option::is_some).await;
        found.map_or(Error::Closed, |gone| {
            gone.as_ref().map_or(Error::Closed, Gone::error)
        })
    }

    /// Where the log begins and ends, in places.
    pub(crate) fn bounds(&self) -> Range<u64> {
        let start = self.start.load(Ordering::Acquire);
        frame::place(start, 0)..frame::place(self.next().max(start), 0)
    }

    /// The record that comes next.
    pub(crate) fn next(&self) -> u64 {
        *self.end.borrow()
    }

    /// Waits until every record below is decided.
    pub(crate) async fn decided(&self, below: u64) -> Result<(), Error> {
        let mut end = self.end.subscribe();
        tokio::select! {
            biased;
            // The sender lives as long as `self`.
            _ = end.wait_for(|end| *end >= below) => Ok(()),
            gone = self.lost() => Err(gone),
        }
    }

    /// A record of the log, which comes after all that came before.
    pub(crate) fn take(&self, offset: u64, ms: u64, record: Bytes) -> Result<(), Error> {
        let end = self.next();
        if offset < end {
            // Seen before.
            return Ok(());
        }
        // It may have been on its way to an earlier owner. What lies between is asked for once more before it is believed
        // to be gone.
        if offset > end && self.gap.swap(offset, Ordering::Relaxed) != offset {
            return self.tail.turn_back(self, end);
        }
        match Frame::decode(record) {
            Ok(frame) => self.decide(offset, ms, frame)?,
            Err(_) => {
                tracing::error!(topic = %self.common.topic, shard = self.shard, offset,
                    "a record that no gateway wrote is passed over");
            }
        }
        self.end.send_replace(offset + 1);
        Ok(())
    }

    fn decide(&self, offset: u64, ms: u64, frame: Frame) -> Result<(), Error> {
        let settled = offset < self.settled;
        let known = match settled {
            true => self
                .scratch
                .twins(frame::place(offset, 0), frame::place(offset + 1, 0))?,
            false => Vec::new(),
        };
        let mut order = locked(&self.order);
        let (mut rows, mut twins, mut items): (Vec<Row>, Vec<_>, Vec<_>) = Default::default();
        {
            let mut index = locked(&self.index);
            let forgot = index.evicted > 0;
            for (number, entry) in frame.entries.into_iter().enumerate() {
                let place = frame::place(offset, number);
                if let Some(identity) = &entry.identity {
                    if identity.window_ms > order.window {
                        order.window = identity.window_ms;
                        let window = Bytes::copy_from_slice(&order.window.to_be_bytes());
                        rows.push((Said::Window.key(), Some(window)));
                    }
                    if settled {
                        if known.iter().any(|(twin, _)| *twin == place) {
                            continue;
                        }
                        index.put(place, ms, identity);
                    } else if let Some(original) = index.decide(place, ms, identity) {
                        let value = Bytes::copy_from_slice(&original.to_be_bytes());
                        rows.push((Said::Twin(place).key(), Some(value)));
                        twins.push((place, Some(original)));
                        if frame.writer != self.common.writer {
                            self.late.fetch_add(1, Ordering::Relaxed);
                        }
                        continue;
                    }
                }
                items.push(self.item(place, ms, entry));
            }
            if index.evicted > 0 && !forgot {
                tracing::warn!(topic = %self.common.topic, shard = self.shard, identities = self.common.identities,
                    "events are forgotten before their window has ended: a repetition of one is a new event; hint: a \
                     shorter window");
            }
        }
        if let Some((last, _)) = twins.last() {
            self.last_twin.store(*last, Ordering::Release);
            self.scratch.load(Vec::new(), twins)?;
        }
        if !settled {
            order.mark = Mark {
                decided: offset + 1,
                ms: order.mark.ms.max(ms),
            };
        }
        if !rows.is_empty() {
            self.enqueue(&order, rows, None);
        }
        drop(order);
        let mut ring = locked(&self.ring);
        for item in items {
            ring.push(item);
        }
        Ok(())
    }

    pub(crate) fn item(&self, place: u64, ms: u64, entry: Framed) -> Item {
        Item {
            position: Position {
                shard: self.shard,
                offset: place,
            },
            kind: entry.kind,
            identity: entry.identity,
            appended_ms: ms,
            payload: entry.payload,
            decoded: None,
        }
    }

    fn enqueue(
        &self,
        order: &Order,
        rows: Vec<Row>,
        done: Option<oneshot::Sender<Result<(), Error>>>,
    ) {
        let batch = Batch {
            rows,
            mark: order.mark,
            done,
        };
        self.queued.fetch_add(batch.bytes(), Ordering::Relaxed);
        // Nobody takes it once it is lost, and those who wait are told so.
        self.queue.send(batch).ok();
    }

    /// Writes rows of the store's own; returns when they are durable.
    async fn written(&self, rows: Vec<Row>) -> Result<(), Error> {
        let (done, is_done) = oneshot::channel();
        self.enqueue(&locked(&self.order), rows, Some(done));
        self.answered(is_done).await
    }

    async fn answered(&self, is_done: oneshot::Receiver<Result<(), Error>>) -> Result<(), Error> {
        match is_done.await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.lost().now_or_never().unwrap_or(Error::Closed)),
        }
    }

    /// Waits until everything recorded before is durable.
    pub(crate) async fn barrier(&self) -> Result<(), Error> {
        self.written(Vec::new()).await
    }

    pub(crate) async fn record(self: Arc<Self>, ops: Vec<Op>, sync: Sync) -> Result<(), Error> {
        self.check()?;
        if ops.is_empty() && sync == Sync::Lazy {
            return Ok(());
        }
        let full = self.queued.load(Ordering::Relaxed) > QUEUED_MAX;
        let (done, is_done) = match sync == Sync::Durable || full {
            true => {
                let (done, is_done) = oneshot::channel();
                (Some(done), Some(is_done))
            }
            false => (None, None),
        };
        match self.scratch.is_quick(&ops) {
            true => self.apply(ops, done)?,
            false => {
                let own = Arc::clone(&self);
                let applied = tokio::task::spawn_blocking(move || own.apply(ops, done));
                crate::failure::joined(applied.await)?;
            }
        }
        match is_done {
            Some(is_done) => self.answered(is_done).await,
            None => Ok(()),
        }
    }

    /// Applies operations here, and queues what they come to.
    fn apply(
        &self,
        ops: Vec<Op>,
        done: Option<oneshot::Sender<Result<(), Error>>>,
    ) -> Result<(), Error> {
        let order = locked(&self.order);
        let rows = self.scratch.apply(ops)?;
        let rows = rows
            .into_iter()
            .map(|(key, value)| (Said::Engine(key).key(), value));
        self.enqueue(&order, rows.collect(), done);
        Ok(())
    }

    pub(crate) async fn get(self: Arc<Self>, key: Bytes) -> Result<Option<Bytes>, Error> {
        self.check()?;
        let got = tokio::task::spawn_blocking(move || self.scratch.get(&key));
        crate::failure::joined(got.await)
    }

    pub(crate) async fn scan(
        self: Arc<Self>,
        from: Bytes,
        to: Bytes,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.check()?;
        let rows = tokio::task::spawn_blocking(move || self.scratch.scan(&from, &to, limit));
        crate::failure::joined(rows.await)
    }

    pub(crate) fn twins(&self, from: u64, to: u64) -> Result<Vec<(u64, u64)>, Error> {
        self.scratch.twins(from, to)
    }

    /// What the event at a place repeats, which was decided by this owner.
    pub(crate) fn twin(&self, place: u64) -> Result<Option<u64>, Error> {
        match place > self.last_twin.load(Ordering::Acquire) {
            true => Ok(None),
            false => self.scratch.twin(place),
        }
    }

    /// Looks something up among the identities.
    pub(crate) fn identities<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&locked(&self.index))
    }

    pub(crate) async fn read(
        &self,
        from: u64,
        max_bytes: usize,
    ) -> Result<tradewind_store::Batch, Error> {
        self.check()?;
        let bounds = self.bounds();
        let from = from.max(bounds.start);
        if from >= bounds.end {
            return Ok(tradewind_store::Batch {
                next: from,
                ..Default::default()
            });
        }
        if let Some(batch) = locked(&self.ring).read(from, max_bytes, bounds.end) {
            return Ok(batch);
        }
        self.past
            .lock()
            .await
            .read(self, from, max_bytes, bounds.end)
            .await
    }

    /// The longest time for which a repetition is recognised.
    pub(crate) fn window(&self) -> u64 {
        locked(&self.order).window
    }

    pub(crate) async fn trim(self: Arc<Self>, before: u64) -> Result<(), Error> {
        let before = frame::record_of(before.min(self.bounds().end));
        let start = self.start.load(Ordering::Acquire);
        if before <= start {
            return Ok(());
        }
        self.barrier().await?;
        let common = &self.common;
        common
            .cluster
            .trim(&common.topic, self.shard, before)
            .await?;
        self.start.fetch_max(before, Ordering::AcqRel);
        let gone = self.scratch.twins(0, frame::place(before, 0))?;
        if gone.is_empty() {
            return Ok(());
        }
        let rows = gone.iter().map(|(twin, _)| (Said::Twin(*twin).key(), None));
        let rows: Vec<Row> = rows.collect();
        let order = locked(&self.order);
        self.scratch.load(
            Vec::new(),
            gone.into_iter().map(|(twin, _)| (twin, None)).collect(),
        )?;
        self.enqueue(&order, rows, None);
        Ok(())
    }
}

/// Reads a partition from a record on.
pub(crate) fn follow(consumer: &Reader, topic: &str, shard: Shard, from: u64) -> Result<(), Error> {
    let mut place = TopicPartitionList::new();
    let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
    let assigned = place
        .add_partition_offset(topic, i32::from(shard), offset)
        .and_then(|()| consumer.assign(&place));
    assigned.map_err(|error| crate::failure::failed("read", &error))
}
