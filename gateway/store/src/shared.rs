//! What operators change while a gateway runs, in one place for all who follow it.

use crate::{Error, Op, Shard, Stream, Sync};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// Rows that several processes share; few enough that each may hold them in memory.
///
/// # Contract
/// - Everybody sees the same changes in the same order, each of them whole.
/// - [`SharedTable::change`] takes effect only on what its caller has seen: of two who change one revision, the second is
///   refused with [`Error::Outdated`], and can then see what the first did.
/// - A change is durable when it returns. One that fails otherwise may have been made all the same; whoever made it sees
///   it with the next revision.
/// - Revisions grow; one is told only when its rows can be read. They say nothing to another process.
#[async_trait]
pub trait SharedTable: Send + std::marker::Sync + std::fmt::Debug {
    /// The newest revision that is known here; it tells of each that comes.
    fn revision(&self) -> watch::Receiver<u64>;
    /// Rows with keys in `[from, to)` in order, at most `limit`, as they are now.
    async fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error>;
    /// Makes all of these changes, or none, unless there is a later revision than `seen`. Gives the new one.
    async fn change(&self, seen: u64, ops: Vec<Op>) -> Result<u64, Error>;
    /// Whether changes of others are heard of.
    ///
    /// # Errors
    /// `Away` while they are not.
    fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A shared table of those who share one process: the state table of a shard that is owned here.
#[derive(Debug)]
pub struct StreamTable {
    log: Arc<dyn Stream>,
    shard: Shard,
    epoch: u64,
    /// One changes it at a time.
    turn: Mutex<()>,
    revision: watch::Sender<u64>,
}

impl StreamTable {
    /// `epoch` is what [`Stream::recover`] gave for the shard.
    pub fn new(log: Arc<dyn Stream>, shard: Shard, epoch: u64) -> Self {
        Self {
            log,
            shard,
            epoch,
            turn: Mutex::default(),
            revision: watch::Sender::new(0),
        }
    }
}

#[async_trait]
impl SharedTable for StreamTable {
    fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    async fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.log.scan(self.shard, from, to, limit).await
    }

    async fn change(&self, seen: u64, ops: Vec<Op>) -> Result<u64, Error> {
        let _turn = self.turn.lock().await;
        if *self.revision.borrow() != seen {
            return Err(Error::Outdated);
        }
        let changed = self.log.record(self.shard, self.epoch, ops, Sync::Durable);
        let changed = changed.await;
        // Also where it failed: it may be there.
        self.revision.send_modify(|revision| *revision += 1);
        changed.map(|()| seen + 1)
    }
}
