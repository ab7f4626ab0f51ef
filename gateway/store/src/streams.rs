//! Streams by name.

use crate::backup::StreamCut;
use crate::{Error, Shard, Stream};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// When an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// After fdatasync: survives a power loss. The default.
    #[default]
    Fsync,
    /// After the write: survives a crash of the process, not of the machine.
    Os,
    /// As `Os`, and the data directory may lie in memory: for development and tests.
    Ephemeral,
}

/// What a stream is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Number of shards; fixed at creation (default 1).
    pub shards: Shard,
    /// When an append is acknowledged.
    pub durability: Durability,
    /// How long events stay (default 7 days).
    pub retention: Duration,
    /// Most bytes of log, over all shards; `None` for no limit.
    pub retention_bytes: Option<u64>,
    /// Most identities remembered for deduplication (default and maximum 10 million).
    pub dedupe_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: 1,
            durability: Durability::Fsync,
            retention: Duration::from_secs(7 * 24 * 3600),
            retention_bytes: None,
            dedupe_max: 10_000_000,
        }
    }
}

/// Opens streams; one data directory, one cluster.
#[async_trait]
pub trait Streams: Send + Sync + std::fmt::Debug {
    /// Opens a stream, creating it if need be; the same again while it is open. `name` is
    /// `space/stream`, each `[a-z0-9-]{1,63}`. All settings but `shards` may differ from last time.
    ///
    /// # Errors
    /// `Invalid` for a name or number of shards that cannot be, and for a data directory that does not
    /// outlive the machine unless the durability is `Ephemeral`.
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error>;
    /// Names of all streams that exist.
    async fn list(&self) -> Result<Vec<String>, Error>;
    /// Settings that a stream was opened with last, so that it can be opened when nobody says how;
    /// `None` where there is no such stream, or the store keeps none.
    async fn settings(&self, _name: &str) -> Result<Option<Settings>, Error> {
        Ok(None)
    }
    /// A consistent cut of a stream, for a backup, also while it is written; `None` where there is no
    /// such stream, or where the store keeps no files of its own.
    async fn cut(&self, _name: &str) -> Result<Option<StreamCut>, Error> {
        Ok(None)
    }
    /// Removes a closed stream and all its data; one that does not exist is no error.
    async fn delete(&self, name: &str) -> Result<(), Error>;
}

/// Refuses a name that is not `space/stream`. For engines.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_name(name: &str) -> Result<(), Error> {
    let part = |part: &str| {
        (1..=63).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match name.split_once('/') {
        Some((space, stream)) if part(space) && part(stream) => Ok(()),
        _ => Err(Error::Invalid(format!(
            "`{name}` is not a stream name: write space/stream, each [a-z0-9-]{{1,63}}"
        ))),
    }
}
