//! Tables that are damaged: telling them from those that only cannot be read now, and saving what is
//! whole of them.

use super::{CHECKPOINT, Checkpoint, META, STATE, broken, open_db, seal, unseal};
use crate::Error;
use crate::disk::{Disk, Open};
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageError, TableError,
    TransactionError,
};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// Why a table is of no use.
#[derive(Debug)]
pub(super) enum Unusable {
    /// The disk would not read or write it now.
    Failed(Error),
    /// It is not what was written.
    Damaged(String),
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Unusable> for Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Failed(error) => error,
            Unusable::Damaged(why) => broken("open", &why),
        }
    }
}

impl From<StorageError> for Unusable {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged("it is cut short".into())
            }
            StorageError::Corrupted(why) => Self::Damaged(why),
            error => Self::Failed(broken("read", &error)),
        }
    }
}

impl From<TransactionError> for Unusable {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            error => Self::Failed(broken("read", &error)),
        }
    }
}

impl From<TableError> for Unusable {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// Opens a table and verifies every page of it.
pub(super) fn open_whole(
    disk: &Arc<dyn Disk>,
    path: &Path,
    cache_bytes: usize,
) -> Result<(Database, Checkpoint), Unusable> {
    let db = open_db(disk, path, Open::Existing, cache_bytes, true)?;
    let checkpoint = read_checkpoint(&db.begin_read()?)?;
    Ok((db, checkpoint))
}

pub(super) fn read_checkpoint(transaction: &ReadTransaction) -> Result<Checkpoint, Unusable> {
    let table = transaction.open_table(META)?;
    let damaged = || Unusable::Damaged("it has no whole checkpoint".into());
    let value = table.get(CHECKPOINT)?.ok_or_else(damaged)?;
    let content = unseal(CHECKPOINT.as_bytes(), value.value()).map_err(|_| damaged())?;
    serde_json::from_slice(&content).map_err(|_| damaged())
}

/// Copies the rows that are whole, and a checkpoint by which all of the log is applied again. What a
/// damaged tree hides or shows again of old cannot be told. Returns that checkpoint; `None` where the
/// table's own cannot be read.
pub(super) fn salvage(
    disk: &Arc<dyn Disk>,
    path: &Path,
    cache_bytes: usize,
    to: &Database,
) -> Result<Option<Checkpoint>, Error> {
    // Without its own checks redb may panic over what it finds; that is as good as unreadable.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let db = open_db(disk, path, Open::Existing, cache_bytes, false)?;
        let checkpoint = db.begin_read().map_err(Unusable::from);
        let checkpoint = checkpoint.and_then(|t| read_checkpoint(&t)).ok();
        Ok::<_, Unusable>((db, checkpoint))
    }));
    let (from, checkpoint) = match opened {
        Ok(Ok((db, checkpoint))) => (Some(db), checkpoint),
        Ok(Err(Unusable::Failed(error))) => return Err(error),
        Ok(Err(Unusable::Damaged(_))) | Err(_) => (None, None),
    };
    let mut transaction = to.begin_write().map_err(|e| broken("write", &e))?;
    transaction.set_quick_repair(true);
    let known = checkpoint.is_some();
    let again = Checkpoint {
        applied: 0,
        ..checkpoint.unwrap_or_default()
    };
    {
        let mut table = transaction
            .open_table(STATE)
            .map_err(|e| broken("write", &e))?;
        if let Some(from) = &from {
            let mut refused = None;
            // What cannot be copied is missing.
            catch_unwind(AssertUnwindSafe(|| {
                copy(from, |key, value| {
                    let inserted = table.insert(key, value);
                    let result = inserted.map(drop).map_err(|e| broken("write", &e));
                    refused = result.err();
                    refused.is_none()
                })
            }))
            .ok();
            if let Some(error) = refused {
                return Err(error);
            }
        }
        let content = serde_json::to_vec(&again).map_err(|e| broken("write", &e))?;
        let mut meta = transaction
            .open_table(META)
            .map_err(|e| broken("write", &e))?;
        meta.insert(CHECKPOINT, &seal(CHECKPOINT.as_bytes(), &content)[..])
            .map_err(|e| broken("write", &e))?;
    }
    transaction.commit().map_err(|e| broken("write", &e))?;
    // What closing it writes is of no interest, and may panic too.
    catch_unwind(AssertUnwindSafe(|| drop(from))).ok();
    Ok(known.then_some(again))
}

/// Shows whole rows to `take` until it answers false.
fn copy(from: &Database, mut take: impl FnMut(&[u8], &[u8]) -> bool) -> Result<(), Unusable> {
    let table = from.begin_read()?.open_table(STATE)?;
    for row in table.iter()? {
        let (key, value) = row?;
        let whole = unseal(key.value(), value.value()).is_ok();
        if whole && !take(key.value(), value.value()) {
            break;
        }
    }
    Ok(())
}
