//! A store that can lose what it was not told to keep.

use super::SimClock;
use crate::moving::{self, Table};
use crate::record::Places;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tradewind_store::testkit::MemoryStreams;
use tradewind_store::{
    Appended, Batch, Entry, Error, Movable, Op, Position, Recovered, Settings, Shard, Standing,
    Stats, Stream, Streams, Sync,
};

/// In-memory streams whose lazily recorded state a crash may take back, newest first.
#[derive(Debug)]
pub struct CrashStreams {
    clock: Arc<SimClock>,
    inner: Mutex<Arc<MemoryStreams>>,
    open: Mutex<BTreeMap<String, Arc<CrashStream>>>,
    /// Calls of `append` and `record` that still succeed.
    pub budget: Arc<AtomicU64>,
    /// Calls of `record` that still succeed.
    pub records: Arc<AtomicU64>,
    /// Calls of `append` that are refused because too much waits.
    pub busy: Arc<AtomicU64>,
    /// Calls of `append` that panic.
    pub panics: Arc<AtomicU64>,
    /// Bytes of the largest record so far.
    pub largest: Arc<AtomicU64>,
    /// Calls of `close` that fail.
    pub stuck: Arc<AtomicU64>,
}

/// Where what lay at a position of a stream lies now, if that is anywhere.
pub type Relocated = Box<dyn Fn(&str, Position) -> Option<Position>>;

#[derive(Debug)]
struct CrashStream {
    inner: Arc<dyn Stream>,
    budget: Arc<AtomicU64>,
    records: Arc<AtomicU64>,
    busy: Arc<AtomicU64>,
    panics: Arc<AtomicU64>,
    largest: Arc<AtomicU64>,
    stuck: Arc<AtomicU64>,
    /// Per lazy record, what undoes it; durable ones and appends empty it.
    undo: Vec<Mutex<Vec<Vec<Op>>>>,
}

impl CrashStreams {
    /// Nothing in it, nothing broken.
    pub fn new(clock: Arc<SimClock>) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Arc::new(MemoryStreams::new(clock.clone()))),
            clock,
            open: Mutex::default(),
            budget: Arc::new(AtomicU64::new(u64::MAX)),
            records: Arc::new(AtomicU64::new(u64::MAX)),
            busy: Arc::default(),
            panics: Arc::default(),
            largest: Arc::default(),
            stuck: Arc::default(),
        })
    }

    fn inner(&self) -> Arc<MemoryStreams> {
        self.inner.lock().unwrap().clone()
    }

    /// All streams go to another place, where offsets are others, and higher. Nobody may have them open. Says where what
    /// lay at a position of a stream lies now.
    pub async fn relocate(&self, spaced: u64) -> Relocated {
        let old = self.inner();
        let mut end = 0;
        for name in old.list().await.unwrap() {
            let stream = old.lift(&name).await.unwrap().unwrap();
            let ends = (0..stream.shards()).map(|shard| stream.bounds(shard).end);
            end = ends.fold(end, u64::max);
        }
        let new = MemoryStreams::new(self.clock.clone());
        let new = Arc::new(new.spaced(spaced).beginning(end + 1));
        let mut tables: BTreeMap<String, Vec<Table>> = BTreeMap::new();
        for name in old.list().await.unwrap() {
            let settings = old.settings(&name).await.unwrap().unwrap();
            let from = old.lift(&name).await.unwrap().unwrap();
            let key = from.hash_key();
            new.make(&name, &settings, key, "there").await.unwrap();
            let to = new.lift(&name).await.unwrap().unwrap();
            for shard in 0..from.shards() {
                let copied = moving::copy_by(&*from, &*to, shard, &|_| ()).await;
                let (copied, table) = copied.unwrap();
                moving::verify(&*from, &*to, &copied).await.unwrap();
                tables.entry(name.clone()).or_default().push(table);
            }
            new.stand(&name, Standing::Here).await.unwrap();
        }
        *self.inner.lock().unwrap() = new;
        self.open.lock().unwrap().clear();
        Box::new(move |name, at| {
            let mut table = tables.get(name)?.get(usize::from(at.shard))?.clone();
            let offset = table.item(at.offset).ok()?;
            Some(Position { offset, ..at })
        })
    }

    /// The power fails: of each shard's lazy records, a random suffix is lost. Whoever had the
    /// streams open is fenced off.
    pub async fn crash(&self, mut random: impl FnMut(usize) -> usize) {
        self.budget.store(u64::MAX, Ordering::SeqCst);
        self.records.store(u64::MAX, Ordering::SeqCst);
        self.busy.store(0, Ordering::SeqCst);
        let open = self.open.lock().unwrap().clone();
        for (name, stream) in open {
            let settings = Settings {
                shards: stream.inner.shards(),
                ..Settings::default()
            };
            // A drained stream was closed.
            self.inner().open(&name, &settings).await.unwrap();
            for shard in 0..stream.inner.shards() {
                let epoch = stream.inner.recover(shard).await.unwrap().epoch;
                let mut undo =
                    std::mem::take(&mut *stream.undo[usize::from(shard)].lock().unwrap());
                for _ in 0..random(undo.len() + 1) {
                    let ops = undo.pop().unwrap();
                    stream
                        .inner
                        .record(shard, epoch, ops, Sync::Durable)
                        .await
                        .unwrap();
                }
            }
        }
    }
}

#[async_trait]
impl Streams for CrashStreams {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        let inner = self.inner().open(name, settings).await?;
        let mut open = self.open.lock().unwrap();
        let stream = open.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(CrashStream {
                undo: (0..inner.shards()).map(|_| Mutex::default()).collect(),
                inner,
                budget: Arc::clone(&self.budget),
                records: Arc::clone(&self.records),
                busy: Arc::clone(&self.busy),
                panics: Arc::clone(&self.panics),
                largest: Arc::clone(&self.largest),
                stuck: Arc::clone(&self.stuck),
            })
        });
        Ok(Arc::clone(stream) as Arc<dyn Stream>)
    }
    async fn list(&self) -> Result<Vec<String>, Error> {
        self.inner().list().await
    }
    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.inner().delete(name).await
    }
}

impl CrashStream {
    fn spend(&self, budget: &AtomicU64) -> Result<(), Error> {
        let spent = budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        spent
            .map(|_| ())
            .map_err(|_| Error::Failed("crashed".into()))
    }
}

#[async_trait]
impl Stream for CrashStream {
    fn shards(&self) -> Shard {
        self.inner.shards()
    }
    fn hash_key(&self) -> [u8; 16] {
        self.inner.hash_key()
    }
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        self.spend(&self.budget)?;
        if self.spend(&self.busy).is_ok() {
            return Err(Error::Busy);
        }
        assert!(self.spend(&self.panics).is_err(), "as the test wants it");
        let appended = self.inner.append(entries).await?;
        for appended in &appended {
            if let Appended::New(at) = appended {
                self.undo[usize::from(at.shard)].lock().unwrap().clear();
            }
        }
        Ok(appended)
    }
    async fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error> {
        self.inner.read(shard, from, max_bytes).await
    }
    async fn seek(&self, shard: Shard, unix_ms: u64) -> Result<u64, Error> {
        self.inner.seek(shard, unix_ms).await
    }
    fn bounds(&self, shard: Shard) -> std::ops::Range<u64> {
        self.inner.bounds(shard)
    }
    async fn grown(&self, shard: Shard, seen: u64) {
        self.inner.grown(shard, seen).await;
    }
    async fn find(&self, id: u128) -> Result<Option<Position>, Error> {
        self.inner.find(id).await
    }
    async fn recover(&self, shard: Shard) -> Result<Recovered, Error> {
        self.inner.recover(shard).await
    }
    async fn record(
        &self,
        shard: Shard,
        epoch: u64,
        ops: Vec<Op>,
        sync: Sync,
    ) -> Result<(), Error> {
        self.spend(&self.budget)?;
        self.spend(&self.records)?;
        let puts = ops.iter().map(|op| match op {
            Op::Put(key, value) => (key.len() + value.len()) as u64,
            _ => 0,
        });
        self.largest.fetch_max(puts.sum(), Ordering::SeqCst);
        let mut undo = Vec::new();
        for op in &ops {
            match op {
                Op::Put(key, _) | Op::Delete(key) => {
                    undo.push(match self.inner.get(shard, key).await? {
                        Some(value) => Op::Put(key.clone(), value),
                        None => Op::Delete(key.clone()),
                    });
                }
                Op::DeleteRange(from, to) => {
                    let gone = self.inner.scan(shard, from, to, usize::MAX).await?;
                    undo.extend(gone.into_iter().map(|(k, v)| Op::Put(k, v)));
                }
            }
        }
        // Each key as it was before the first operation on it.
        undo.reverse();
        self.inner.record(shard, epoch, ops, sync).await?;
        let mut journal = self.undo[usize::from(shard)].lock().unwrap();
        match sync {
            Sync::Lazy => journal.push(undo),
            Sync::Durable => journal.clear(),
        }
        Ok(())
    }
    async fn get(&self, shard: Shard, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.inner.get(shard, key).await
    }
    async fn scan(
        &self,
        shard: Shard,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.inner.scan(shard, from, to, limit).await
    }
    async fn expired(&self, shard: Shard) -> Result<u64, Error> {
        self.inner.expired(shard).await
    }
    async fn trim(&self, shard: Shard, before: u64) -> Result<(), Error> {
        self.inner.trim(shard, before).await
    }
    fn stats(&self) -> Stats {
        self.inner.stats()
    }
    async fn close(&self) -> Result<(), Error> {
        if self.spend(&self.stuck).is_ok() {
            return Err(Error::Failed("stuck".into()));
        }
        self.inner.close().await
    }
}
