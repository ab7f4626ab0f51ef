//! Streams whose calls fail from the n-th on, as those of a process that was killed.

use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tradewind_store::{
    Appended, Batch, Entry, Error, Item, Movable, Op, Position, Recovered, Settings, Shard,
    Standing, Stats, Stream, Streams, Sync,
};

/// Calls that are left; both ends of a move share it.
pub(super) type Life = Arc<AtomicU64>;

fn live(life: &Life) -> Result<(), Error> {
    let spent = life.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    spent.map(drop).map_err(|_| Error::Failed("killed".into()))
}

#[derive(Debug)]
pub(super) struct Mortal {
    pub(super) inner: Arc<dyn Movable>,
    pub(super) life: Life,
}

#[derive(Debug)]
struct MortalStream {
    inner: Arc<dyn Stream>,
    life: Life,
}

#[async_trait]
impl Streams for Mortal {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        self.inner.open(name, settings).await
    }
    async fn list(&self) -> Result<Vec<String>, Error> {
        self.inner.list().await
    }
    async fn delete(&self, name: &str) -> Result<(), Error> {
        live(&self.life)?;
        self.inner.delete(name).await
    }
}

#[async_trait]
impl Movable for Mortal {
    async fn standing(&self, name: &str) -> Result<Option<Standing>, Error> {
        self.inner.standing(name).await
    }
    async fn stand(&self, name: &str, standing: Standing) -> Result<(), Error> {
        live(&self.life)?;
        self.inner.stand(name, standing).await
    }
    async fn make(
        &self,
        name: &str,
        settings: &Settings,
        hash_key: [u8; 16],
        from: &str,
    ) -> Result<(), Error> {
        live(&self.life)?;
        self.inner.make(name, settings, hash_key, from).await
    }
    async fn lift(&self, name: &str) -> Result<Option<Arc<dyn Stream>>, Error> {
        live(&self.life)?;
        let Some(inner) = self.inner.lift(name).await? else {
            return Ok(None);
        };
        let life = self.life.clone();
        Ok(Some(Arc::new(MortalStream { inner, life })))
    }
    async fn users(&self, name: &str) -> Result<Vec<String>, Error> {
        self.inner.users(name).await
    }
}

#[async_trait]
impl Stream for MortalStream {
    fn shards(&self) -> Shard {
        self.inner.shards()
    }
    fn hash_key(&self) -> [u8; 16] {
        self.inner.hash_key()
    }
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        self.inner.append(entries).await
    }
    async fn adopt(&self, shard: Shard, items: Vec<Item>) -> Result<Vec<u64>, Error> {
        live(&self.life)?;
        self.inner.adopt(shard, items).await
    }
    async fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error> {
        live(&self.life)?;
        self.inner.read(shard, from, max_bytes).await
    }
    async fn seek(&self, shard: Shard, unix_ms: u64) -> Result<u64, Error> {
        self.inner.seek(shard, unix_ms).await
    }
    fn bounds(&self, shard: Shard) -> Range<u64> {
        self.inner.bounds(shard)
    }
    async fn grown(&self, shard: Shard, seen: u64) {
        self.inner.grown(shard, seen).await;
    }
    async fn find(&self, id: u128) -> Result<Option<Position>, Error> {
        self.inner.find(id).await
    }
    async fn recover(&self, shard: Shard) -> Result<Recovered, Error> {
        live(&self.life)?;
        self.inner.recover(shard).await
    }
    async fn record(
        &self,
        shard: Shard,
        epoch: u64,
        ops: Vec<Op>,
        sync: Sync,
    ) -> Result<(), Error> {
        live(&self.life)?;
        self.inner.record(shard, epoch, ops, sync).await
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
        live(&self.life)?;
        self.inner.scan(shard, from, to, limit).await
    }
    async fn expired(&self, shard: Shard) -> Result<u64, Error> {
        self.inner.expired(shard).await
    }
    async fn trim(&self, shard: Shard, before: u64) -> Result<(), Error> {
        live(&self.life)?;
        self.inner.trim(shard, before).await
    }
    fn stats(&self) -> Stats {
        self.inner.stats()
    }
    async fn close(&self) -> Result<(), Error> {
        live(&self.life)?;
        self.inner.close().await
    }
}
