//! What the gateway remembers beside its streams: how far schedules have come, places of pulled sources that nobody
//! keeps a place for, what it has told, events that wait for their time, what registries said last, and what is changed at
//! run time where no other node shares that. A stream of the store whose log holds nothing but state.

use super::gateway::Gateway;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{Error, ErrorKind, Memory};
use tradewind_store::{Durability, Op, Settings, SharedTable, Stream, StreamTable, Streams, Sync};

/// Its name in the store, outside the space of streams that events go to.
pub(super) const NOTES: &str = "gateway/notes";
/// Most values that are looked through for sources that are gone.
const SOURCES_MAX: usize = 10_000;
/// How long its log is kept at least; the state is in its table.
const LOG_KEPT: Duration = Duration::from_secs(3600);

/// A durable table.
#[derive(Debug, Clone)]
pub(crate) struct Notes {
    log: Arc<dyn Stream>,
    epoch: u64,
    table: Arc<StreamTable>,
}

impl Notes {
    pub(crate) async fn open(
        streams: &dyn Streams,
        durability: Durability,
    ) -> Result<Self, tradewind_store::Error> {
        let settings = Settings {
            durability,
            retention: LOG_KEPT,
            ..Settings::default()
        };
        let log = streams.open(NOTES, &settings).await?;
        let epoch = log.recover(0).await?.epoch;
        let table = Arc::new(StreamTable::new(Arc::clone(&log), 0, epoch));
        Ok(Self { log, epoch, table })
    }

    /// Its rows, for changes that wait for each other.
    pub(super) fn table(&self) -> Arc<dyn SharedTable> {
        self.table.clone()
    }

    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, tradewind_store::Error> {
        self.log.get(0, key).await
    }

    /// Keys in `[from, to)` in order, with their values.
    pub(crate) async fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, tradewind_store::Error> {
        self.log.scan(0, from, to, limit).await
    }

    /// Durable when it returns.
    pub(crate) async fn write(&self, ops: Vec<Op>) -> Result<(), tradewind_store::Error> {
        self.log.record(0, self.epoch, ops, Sync::Durable).await
    }

    /// Gives up the log of what the table holds.
    pub(crate) async fn trim(&self) -> Result<(), tradewind_store::Error> {
        let before = self.log.expired(0).await?;
        self.log.trim(0, before).await
    }

    pub(crate) async fn close(&self) -> Result<(), tradewind_store::Error> {
        self.log.close().await
    }

    /// Forgets what sources remember that are not there any more.
    pub(crate) async fn keep_sources(
        &self,
        there: impl Fn(&str) -> bool,
    ) -> Result<(), tradewind_store::Error> {
        let mut gone = Vec::new();
        // `0` comes after `/`.
        for (key, _) in self.scan(b"s/", b"s0", SOURCES_MAX).await? {
            let name = key.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
            if !there(&String::from_utf8_lossy(name)) {
                gone.push(Op::Delete(key));
            }
        }
        match gone.is_empty() {
            true => Ok(()),
            false => self.write(gone).await,
        }
    }

    /// What a source with this name remembers.
    pub(crate) fn of_source(&self, source: &str) -> Arc<dyn Memory> {
        Arc::new(OfSource {
            notes: self.clone(),
            prefix: format!("s/{source}/"),
        })
    }
}

impl Gateway {
    /// Never returns.
    pub(super) async fn keep_notes(&self) {
        loop {
            tokio::time::sleep(LOG_KEPT).await;
            if let Err(error) = self.notes.trim().await {
                tracing::warn!(%error, "the log of what the gateway remembers is not trimmed");
            }
        }
    }
}

#[derive(Debug)]
struct OfSource {
    notes: Notes,
    prefix: String,
}

fn failed(error: tradewind_store::Error) -> Error {
    let kind = match error.is_temporary() {
        true => ErrorKind::Unavailable,
        false => ErrorKind::Unexpected,
    };
    Error::new(kind, "remember", error.to_string())
}

#[async_trait]
impl Memory for OfSource {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let key = format!("{}{key}", self.prefix);
        self.notes.get(key.as_bytes()).await.map_err(failed)
    }
    async fn set(&self, key: &str, value: Bytes) -> Result<(), Error> {
        let key = Bytes::from(format!("{}{key}", self.prefix));
        let put = Op::Put(key, value);
        self.notes.write(vec![put]).await.map_err(failed)
    }
}
