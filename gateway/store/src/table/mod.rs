//! The state table of one shard: what was recorded since the last checkpoint in memory, over a
//! paged B-tree on disk.
//!
//! The log is the truth. The tree is brought up to date at checkpoints only, in one durable
//! transaction that also says up to which offset it holds the log's operations.

mod backend;
mod overlay;
mod salvage;
mod snapshot;
#[cfg(all(test, feature = "testkit"))]
mod tests;
mod tree;

use crate::disk::{Disk, Open};
use crate::{Error, Op};
use backend::Backend;
use bytes::Bytes;
use overlay::{Layer, Overlay};
use redb::{Builder, Database, DatabaseError, ReadableDatabase, TableDefinition};
use salvage::{Unusable, open_whole, salvage};
use serde::{Deserialize, Serialize};
pub(crate) use snapshot::{Remade, Snapshot, parse};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tree::Tree;

const STATE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const CHECKPOINT: &str = "checkpoint";
const FILE: &str = "state.redb";
const NEW: &str = "state.redb.new";
const DAMAGED: &str = "state.redb.damaged";
/// Bytes of checksum after each value.
const CRC: usize = 4;

/// What a checkpoint says about everything beside the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The tree holds every operation recorded below this offset.
    pub(crate) applied: u64,
    /// Everything in the log below this offset was given up.
    pub(crate) start: u64,
    /// Epoch in force.
    pub(crate) epoch: u64,
    /// The runs hold every identity appended below this offset.
    pub(crate) flushed: u64,
    /// Run files in use.
    pub(crate) runs: Vec<crate::dedupe::RunInfo>,
    /// Number of events in the log below `applied`.
    #[serde(default)]
    pub(crate) events: u64,
}

/// What opening a table found.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) checkpoint: Checkpoint,
    /// Whether the checkpoint could be read.
    pub(crate) known: bool,
    /// The table was damaged, and how.
    pub(crate) damage: Option<String>,
}

impl Default for Opened {
    fn default() -> Self {
        Self {
            checkpoint: Checkpoint::default(),
            known: true,
            damage: None,
        }
    }
}

/// Keys and values, in order.
type Rows = Vec<(Bytes, Bytes)>;

/// The state table.
#[derive(Debug)]
pub(crate) struct Table {
    tree: Tree,
    layers: RwLock<Layers>,
}

#[derive(Debug, Default)]
struct Layers {
    active: Overlay,
    /// What is being written to the tree.
    frozen: Option<Arc<Overlay>>,
}

impl Table {
    /// Opens the table in `dir`, or makes one: empty, or of what can be read of a damaged one, which
    /// is set aside. Without a checkpoint nothing is known but what the log holds.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        cache_bytes: usize,
    ) -> Result<(Self, Opened), Error> {
        let names = disk.list(dir).map_err(|e| broken("open", &e))?;
        let has = |name: &str| names.iter().any(|n| n == name);
        let mut opened = Opened::default();
        if has(FILE) {
            match open_whole(disk, &dir.join(FILE), cache_bytes) {
                Ok((db, checkpoint)) => {
                    opened.checkpoint = checkpoint;
                    return Ok((Self::of(db), opened));
                }
                Err(Unusable::Failed(error)) => return Err(error),
                Err(Unusable::Damaged(why)) => opened.damage = Some(why),
            }
        } else if has(DAMAGED) {
            // Setting it aside was cut short.
            opened.damage = Some("it was being made again".into());
        }
        // Made beside and renamed, so that a crash leaves a table or none.
        let temporary = dir.join(NEW);
        let file = disk
            .open(&temporary, Open::Empty)
            .map_err(|e| broken("create", &e))?;
        let db = open_on(Backend::unknown(file.clone()), cache_bytes, false)?;
        let damaged = dir.join(if has(FILE) { FILE } else { DAMAGED });
        match opened.damage {
            Some(_) => {
                let checkpoint = salvage(disk, &damaged, cache_bytes, &db)?;
                opened.known = checkpoint.is_some();
                opened.checkpoint = checkpoint.unwrap_or_default();
            }
            None => write(&db, None, &opened.checkpoint)?,
        }
        drop(db);
        file.sync_data().map_err(|e| broken("create", &e))?;
        if has(FILE) {
            disk.rename(&damaged, &dir.join(DAMAGED))
                .map_err(|e| broken("set aside", &e))?;
        }
        disk.rename(&temporary, &dir.join(FILE))
            .and_then(|()| disk.sync_dir(dir))
            .map_err(|e| broken("create", &e))?;
        let db = open_db(disk, &dir.join(FILE), Open::Existing, cache_bytes, false)?;
        Ok((Self::of(db), opened))
    }

    fn of(db: Database) -> Self {
        Self {
            tree: Tree::new(db),
            layers: RwLock::default(),
        }
    }

    /// Applies operations; readable at once.
    pub(crate) fn apply(&self, ops: Vec<Op>) {
        self.layers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .active
            .apply(ops);
    }

    /// Bytes in memory that wait for a checkpoint.
    pub(crate) fn waiting(&self) -> usize {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        layers.active.bytes()
    }

    /// Sets aside what was applied so far for [`Table::persist`]. What was set aside before and not
    /// persisted is kept.
    pub(crate) fn freeze(&self) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        if layers.frozen.is_none() {
            layers.frozen = Some(Arc::new(std::mem::take(&mut layers.active)));
        }
    }

    /// Writes what was set aside to the tree, together with `checkpoint`, durably.
    pub(crate) fn persist(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let frozen = self
            .layers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .frozen
            .clone();
        write(self.tree.get()?, frozen.as_deref(), checkpoint)?;
        self.layers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .frozen = None;
        Ok(())
    }

    /// See [`crate::Stream::get`].
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let transaction = {
            let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
            for overlay in [Some(&layers.active), layers.frozen.as_deref()]
                .into_iter()
                .flatten()
            {
                match overlay.get(key) {
                    Layer::Value(value) => return Ok(Some(value)),
                    Layer::Gone => return Ok(None),
                    Layer::Below => {}
                }
            }
            // Begun under the lock: a checkpoint cannot take the frozen layer away in between.
            self.tree
                .get()?
                .begin_read()
                .map_err(|e| broken("read", &e))?
        };
        let table = transaction
            .open_table(STATE)
            .map_err(|e| broken("read", &e))?;
        let value = table.get(key).map_err(|e| broken("read", &e))?;
        value.map(|value| unseal(key, value.value())).transpose()
    }

    /// See [`crate::Stream::scan`].
    pub(crate) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        let mut from = Bytes::copy_from_slice(from);
        loop {
            let (page, horizon) = self.page(&from, to, limit - rows.len())?;
            rows.extend(page);
            match horizon {
                // What lies beyond was not looked at in every layer.
                Some(horizon) if rows.len() < limit => from = successor(&horizon),
                _ => return Ok(rows),
            }
        }
    }

    /// Rows from `from` on, and the key up to which they are all, if they may not be.
    fn page(&self, from: &[u8], to: &[u8], limit: usize) -> Result<(Rows, Option<Bytes>), Error> {
        let (transaction, upper, lower) = {
            let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
            let upper = layers.active.slice(from, to, limit);
            let lower = layers
                .frozen
                .as_ref()
                .map(|frozen| frozen.slice(from, to, limit));
            (
                self.tree
                    .get()?
                    .begin_read()
                    .map_err(|e| broken("read", &e))?,
                upper,
                lower.unwrap_or_default(),
            )
        };
        let horizon = match (upper.horizon(), lower.horizon()) {
            (Some(upper), Some(lower)) => Some(upper.min(lower)),
            (upper, lower) => upper.or(lower),
        };
        let table = transaction
            .open_table(STATE)
            .map_err(|e| broken("read", &e))?;
        let tree = table
            .range(from..to)
            .map_err(|e| broken("read", &e))?
            .map(|entry| {
                let (key, value) = entry.map_err(|e| broken("read", &e))?;
                let value = unseal(key.value(), value.value())?;
                Ok((Bytes::copy_from_slice(key.value()), value))
            });
        let rows = upper
            .merge(lower.merge(tree))
            .take_while(|row| match (row, &horizon) {
                (Ok((key, _)), Some(horizon)) => key <= horizon,
                _ => true,
            })
            .take(limit)
            .collect::<Result<_, _>>()?;
        Ok((rows, horizon))
    }
}

/// The least key after `key`.
fn successor(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

fn open_db(
    disk: &Arc<dyn Disk>,
    path: &Path,
    how: Open,
    cache_bytes: usize,
    verify: bool,
) -> Result<Database, Unusable> {
    let file = disk.open(path, how).map_err(|e| broken("open", &e))?;
    open_on(Backend::new(file), cache_bytes, verify)
}

fn open_on(backend: Backend, cache_bytes: usize, verify: bool) -> Result<Database, Unusable> {
    Builder::new()
        .set_cache_size(cache_bytes)
        .set_check_integrity_on_open(verify)
        .create_with_backend(backend)
        .map_err(|error| match error {
            DatabaseError::Storage(error) => error.into(),
            error => Unusable::Damaged(error.to_string()),
        })
}

fn write(db: &Database, overlay: Option<&Overlay>, checkpoint: &Checkpoint) -> Result<(), Error> {
    let content = serde_json::to_vec(checkpoint).map_err(|e| broken("write", &e))?;
    let mut transaction = db.begin_write().map_err(|e| broken("write", &e))?;
    // Two-phase commits, and a recovery that need not walk the tree: payloads are an attacker's.
    transaction.set_quick_repair(true);
    {
        let mut table = transaction
            .open_table(STATE)
            .map_err(|e| broken("write", &e))?;
        if let Some(overlay) = overlay {
            for (from, to) in overlay.ranges() {
                table
                    .retain_in::<&[u8], _>(&from[..]..&to[..], |_, _| false)
                    .map_err(|e| broken("write", &e))?;
            }
            for (key, value) in overlay.keys() {
                match value {
                    Some(value) => {
                        table
                            .insert(&key[..], &seal(key, value)[..])
                            .map_err(|e| broken("write", &e))?;
                    }
                    None => {
                        table.remove(&key[..]).map_err(|e| broken("write", &e))?;
                    }
                }
            }
        }
        let mut meta = transaction
            .open_table(META)
            .map_err(|e| broken("write", &e))?;
        meta.insert(CHECKPOINT, &seal(CHECKPOINT.as_bytes(), &content)[..])
            .map_err(|e| broken("write", &e))?;
    }
    transaction.commit().map_err(|e| broken("write", &e))
}

fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(value.len() + CRC);
    sealed.extend_from_slice(value);
    sealed.extend_from_slice(&crc(key, value).to_le_bytes());
    sealed
}

fn unseal(key: &[u8], sealed: &[u8]) -> Result<Bytes, Error> {
    match sealed.split_last_chunk::<CRC>() {
        Some((value, expected)) if crc(key, value).to_le_bytes() == *expected => {
            Ok(Bytes::copy_from_slice(value))
        }
        _ => Err(Error::Failed(
            "a value of the state table is damaged".into(),
        )),
    }
}

fn crc(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}

fn broken(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Failed(format!("cannot {what} the state table: {error}"))
}
