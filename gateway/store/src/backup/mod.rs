//! What a backup copies, and how it is put back.
//!
//! A cut of a shard is its durable log up to one offset, the state table as a checkpoint below that
//! offset left it, and the runs that the checkpoint names. All of it is what a crash right then would
//! have left, so a restart from it is a recovery like any other. Nothing in a cut changes any more:
//! segments only grow behind it, files that are removed stay readable, and the table is a snapshot.

mod restore;

pub use restore::{Restore, Restored, TableBuilder};

use crate::disk::DiskFile;
use crate::table::{self, Snapshot};
use crate::{Error, Shard, Stream};
use bytes::Bytes;
use std::io;
use std::sync::Arc;

/// Version of what [`StreamCut`] consists of: that of the data directory.
pub const FORMAT: u64 = crate::embedded::FORMAT;

/// A stream as it was at one moment per shard.
#[derive(Debug)]
pub struct StreamCut {
    /// Content of its settings file.
    pub settings: Bytes,
    /// Its shards, in order.
    pub shards: Vec<ShardCut>,
    /// As long as the cut lives, nobody else opens the files.
    pub(crate) _open: Arc<dyn Stream>,
}

/// A shard as it was at one moment.
#[derive(Debug)]
pub struct ShardCut {
    /// The shard.
    pub shard: Shard,
    /// Where its log begins.
    pub start: u64,
    /// The recovery point: everything below was durable, and is in here.
    pub end: u64,
    /// Events in the log below `end`, those that were given up included.
    pub events: u64,
    /// Segments, oldest first; the last may still be written behind `end`.
    pub segments: Vec<SegmentCut>,
    /// Dedupe runs.
    pub runs: Vec<RunCut>,
    /// The state table.
    pub table: TableCut,
}

/// A part of a cut that is a file.
#[derive(Debug, Clone)]
pub struct CutFile {
    pub(crate) file: Arc<dyn DiskFile>,
    /// Bytes of it that belong to the cut.
    pub len: u64,
}

impl CutFile {
    /// Bytes from `at` on, at most `max`.
    ///
    /// # Errors
    /// What the disk says; `UnexpectedEof` for a file that is shorter than it should be.
    pub fn read(&self, at: u64, max: usize) -> io::Result<Bytes> {
        let want = self.len.saturating_sub(at).min(max as u64) as usize;
        let mut bytes = vec![0; want];
        match self.file.read_at(at, &mut bytes)? {
            read if read == want => Ok(bytes.into()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A segment of a cut.
#[derive(Debug)]
pub struct SegmentCut {
    /// Offset of its first byte of log.
    pub base: u64,
    /// Length that its file had: zeros follow what belongs to the cut.
    pub file_len: u64,
    /// Checksum of its log, if it was sealed: with base and length it tells that it has not changed.
    pub sealed: Option<u32>,
    /// Its content.
    pub file: CutFile,
}

/// A dedupe run of a cut.
#[derive(Debug)]
pub struct RunCut {
    /// Its number.
    pub number: u64,
    /// What tells it from another of the same number: equal ones are of equal runs.
    pub mark: String,
    /// Its content.
    pub file: CutFile,
}

/// The state table of a cut.
#[derive(Debug)]
pub struct TableCut(pub(crate) Snapshot);

impl TableCut {
    /// What the table was written with, for [`TableBuilder::finish`]. Equal ones are of equal tables.
    ///
    /// # Errors
    /// None that a whole table gives.
    pub fn checkpoint(&self) -> Result<String, Error> {
        serde_json::to_string(&self.0.checkpoint)
            .map_err(|e| Error::Failed(format!("cannot write a checkpoint: {e}")))
    }

    /// Rows after a key, or from the first on, and the key to go on after; `None` at the end.
    ///
    /// # Errors
    /// `Failed` when the table cannot be read, or a row of it is damaged.
    pub fn rows(&self, after: Option<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        self.0.rows(after)
    }
}

/// Rows in what [`TableCut::rows`] gave, each verified.
///
/// # Errors
/// `Failed` for what is not what was written, `Invalid` for what a later version wrote.
pub fn check_rows(chunk: &[u8]) -> Result<u64, Error> {
    table::parse(chunk).map(|rows| rows.len() as u64)
}
