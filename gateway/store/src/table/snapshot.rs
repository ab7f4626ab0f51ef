//! The table as one checkpoint left it: read for a backup, and made again from one.

use super::salvage::read_checkpoint;
use super::{CHECKPOINT, Checkpoint, FILE, META, STATE, Table, broken, open_db, seal, unseal};
use crate::Error;
use crate::disk::{Disk, Open};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use redb::{Database, ReadTransaction, ReadableDatabase};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

const MAGIC: [u8; 6] = *b"TWrow\0";
const VERSION: u16 = 1;
/// A chunk of rows ends at a key that says so from this size on, and at the latest at the second.
const LEAST: usize = 256 << 10;
const MOST: usize = 4 << 20;
/// One key in so many ends a chunk.
const ENDS: u32 = 1024;
/// Cache while a table is made again.
const CACHE: usize = 8 << 20;

/// A table at a checkpoint. Later checkpoints do not change it.
pub(crate) struct Snapshot {
    pub(crate) checkpoint: Checkpoint,
    transaction: ReadTransaction,
    /// Transactions end with their table.
    _table: Arc<Table>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(crate) fn take(table: &Arc<Table>) -> Result<Self, Error> {
        let transaction = table
            .tree
            .get()?
            .begin_read()
            .map_err(|e| broken("read", &e))?;
        Ok(Self {
            checkpoint: read_checkpoint(&transaction)?,
            transaction,
            _table: Arc::clone(table),
        })
    }

    /// Rows after `key`, or from the first on, and the key to go on after; `None` at the end.
    ///
    /// Where a chunk ends is a function of its keys, so that rows that did not change are mostly in
    /// chunks that did not change.
    pub(crate) fn rows(&self, after: Option<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        let table = self
            .transaction
            .open_table(STATE)
            .map_err(|e| broken("read", &e))?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = table
            .range::<&[u8]>((from, Bound::Unbounded))
            .map_err(|e| broken("read", &e))?;
        let mut chunk = BytesMut::new();
        chunk.put_slice(&MAGIC);
        chunk.put_u16_le(VERSION);
        let mut last = None;
        for row in range {
            let (key, value) = row.map_err(|e| broken("read", &e))?;
            let (key, value) = (key.value(), value.value());
            unseal(key, value)?;
            chunk.put_u32_le(key.len() as u32);
            chunk.put_u32_le(value.len() as u32);
            chunk.put_slice(key);
            chunk.put_slice(value);
            last = Some(Bytes::copy_from_slice(key));
            let ends = crc32c::crc32c(key).is_multiple_of(ENDS);
            if chunk.len() >= LEAST && ends || chunk.len() >= MOST {
                break;
            }
        }
        Ok(last.map(|last| (chunk.freeze(), last)))
    }
}

/// A table that is made again.
#[derive(Debug)]
pub(crate) struct Remade(Database);

impl Remade {
    pub(crate) fn begin(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, Error> {
        let db = open_db(disk, &dir.join(FILE), Open::Empty, CACHE, false)?;
        super::write(&db, None, &Checkpoint::default())?;
        Ok(Self(db))
    }

    /// Puts a chunk of rows back; the rows that it holds.
    pub(crate) fn rows(&self, chunk: &[u8]) -> Result<u64, Error> {
        let rows = parse(chunk)?;
        let mut transaction = self.0.begin_write().map_err(|e| broken("write", &e))?;
        transaction.set_quick_repair(true);
        {
            let mut table = transaction
                .open_table(STATE)
                .map_err(|e| broken("write", &e))?;
            for (key, value) in &rows {
                table
                    .insert(*key, *value)
                    .map_err(|e| broken("write", &e))?;
            }
        }
        transaction.commit().map_err(|e| broken("write", &e))?;
        Ok(rows.len() as u64)
    }

    pub(crate) fn end(self, checkpoint: &str) -> Result<(), Error> {
        let known = serde_json::from_str::<Checkpoint>(checkpoint);
        known.map_err(|e| Error::Invalid(format!("the checkpoint of the backup: {e}")))?;
        let mut transaction = self.0.begin_write().map_err(|e| broken("write", &e))?;
        transaction.set_quick_repair(true);
        {
            let mut meta = transaction
                .open_table(META)
                .map_err(|e| broken("write", &e))?;
            let sealed = seal(CHECKPOINT.as_bytes(), checkpoint.as_bytes());
            meta.insert(CHECKPOINT, &sealed[..])
                .map_err(|e| broken("write", &e))?;
        }
        transaction.commit().map_err(|e| broken("write", &e))
    }
}

/// A key and its sealed value.
type Row<'a> = (&'a [u8], &'a [u8]);

/// The rows of a chunk.
pub(crate) fn parse(chunk: &[u8]) -> Result<Vec<Row<'_>>, Error> {
    let broken = || Error::Failed("rows of the state table are not what was written".into());
    let mut at = chunk.strip_prefix(&MAGIC).ok_or_else(broken)?;
    let version = at.try_get_u16_le().map_err(|_| broken())?;
    if version > VERSION {
        return Err(crate::stream::later(
            "the state table",
            version.into(),
            VERSION.into(),
        ));
    }
    let mut rows = Vec::new();
    while !at.is_empty() {
        let key = at.try_get_u32_le().map_err(|_| broken())? as usize;
        let value = at.try_get_u32_le().map_err(|_| broken())? as usize;
        let (key, rest) = at.split_at_checked(key).ok_or_else(broken)?;
        let (value, rest) = rest.split_at_checked(value).ok_or_else(broken)?;
        unseal(key, value)?;
        rows.push((key, value));
        at = rest;
    }
    Ok(rows)
}
