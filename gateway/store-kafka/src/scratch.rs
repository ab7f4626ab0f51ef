//! A shard's state in a file that nobody misses: what the state topic holds, where it can be looked through.

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition,
};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use tradewind_store::{Error, Op};

/// What the engine records.
const STATE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state");
/// Events that repeat earlier ones: place of the one, place of the other.
const TWINS: TableDefinition<'_, u64, u64> = TableDefinition::new("twins");
/// Pages in memory.
const CACHE: usize = 16 << 20;
/// Commits after which pages that are free may be written to again.
const SETTLE_EVERY: u32 = 4096;

/// A row of the state topic: no value where it is to go.
pub(crate) type Row = (Bytes, Option<Bytes>);

#[derive(Debug)]
pub(crate) struct Scratch {
    db: Database,
    commits: AtomicU32,
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Failed(format!("the copy of the state: {error}"))
}

impl Scratch {
    /// An empty one, in a file without a name: it goes with the process.
    pub(crate) fn new(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder).map_err(broken)?;
        let db = Builder::new()
            .set_cache_size(CACHE)
            .create_with_backend(FileBackend::new(file).map_err(broken)?)
            .map_err(broken)?;
        let scratch = Self {
            db,
            commits: AtomicU32::new(0),
        };
        scratch.write(|_, _| Ok(()))?;
        Ok(scratch)
    }

    fn write<T>(
        &self,
        change: impl FnOnce(&mut Table<'_, &[u8], &[u8]>, &mut Table<'_, u64, u64>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut transaction = self.db.begin_write().map_err(broken)?;
        let commits = self.commits.fetch_add(1, Ordering::Relaxed);
        if !commits.is_multiple_of(SETTLE_EVERY) {
            let set = transaction.set_durability(Durability::None);
            set.map_err(broken)?;
        }
        let changed = {
            let mut state = transaction.open_table(STATE).map_err(broken)?;
            let mut twins = transaction.open_table(TWINS).map_err(broken)?;
            change(&mut state, &mut twins)?
        };
        transaction.commit().map_err(broken)?;
        Ok(changed)
    }

    /// Applies operations, and says row by row what they come to: a topic knows no ranges.
    pub(crate) fn apply(&self, ops: Vec<Op>) -> Result<Vec<Row>, Error> {
        self.write(|state, _| {
            let mut rows = Vec::with_capacity(ops.len());
            for op in ops {
                match op {
                    Op::Put(key, value) => {
                        state.insert(&*key, &*value).map_err(broken)?;
                        rows.push((key, Some(value)));
                    }
                    Op::Delete(key) => {
                        if state.remove(&*key).map_err(broken)?.is_some() {
                            rows.push((key, None));
                        }
                    }
                    Op::DeleteRange(from, to) if from < to => {
                        let mut gone = Vec::new();
                        for row in state.range(&*from..&*to).map_err(broken)? {
                            let (key, _) = row.map_err(broken)?;
                            gone.push(Bytes::copy_from_slice(key.value()));
                        }
                        for key in gone {
                            state.remove(&*key).map_err(broken)?;
                            rows.push((key, None));
                        }
                    }
                    Op::DeleteRange(..) => {}
                }
            }
            Ok(rows)
        })
    }

    /// Takes rows as the topic has them.
    pub(crate) fn load(&self, rows: Vec<Row>, twins: Vec<(u64, Option<u64>)>) -> Result<(), Error> {
        self.write(|state, table| {
            for (key, value) in rows {
                match value {
                    Some(value) => state.insert(&*key, &*value).map_err(broken)?,
                    None => state.remove(&*key).map_err(broken)?,
                };
            }
            for (place, original) in twins {
                match original {
                    Some(original) => table.insert(place, original).map_err(broken)?,
                    None => table.remove(place).map_err(broken)?,
                };
            }
            Ok(())
        })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let transaction = self.db.begin_read().map_err(broken)?;
        let state = transaction.open_table(STATE).map_err(broken)?;
        let found = state.get(key).map_err(broken)?;
        Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
    }

    pub(crate) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        let transaction = self.db.begin_read().map_err(broken)?;
        let state = transaction.open_table(STATE).map_err(broken)?;
        let mut rows = Vec::new();
        for row in state.range(from..to).map_err(broken)?.take(limit) {
            let (key, value) = row.map_err(broken)?;
            rows.push((
                Bytes::copy_from_slice(key.value()),
                Bytes::copy_from_slice(value.value()),
            ));
        }
        Ok(rows)
    }

    /// The event that the one at `place` repeats.
    pub(crate) fn twin(&self, place: u64) -> Result<Option<u64>, Error> {
        Ok(self
            .twins(place, place + 1)?
            .first()
            .map(|(_, original)| *original))
    }

    /// Events in `[from, to)` that repeat others.
    pub(crate) fn twins(&self, from: u64, to: u64) -> Result<Vec<(u64, u64)>, Error> {
        let transaction = self.db.begin_read().map_err(broken)?;
        let twins = transaction.open_table(TWINS).map_err(broken)?;
        let mut found = Vec::new();
        for row in twins.range(from..to).map_err(broken)? {
            let (place, original) = row.map_err(broken)?;
            found.push((place.value(), original.value()));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_told_row_by_row() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path()).unwrap();
        let b = Bytes::from_static;
        let put = |key| Op::Put(b(key), b(b"v"));
        scratch
            .apply(vec![put(b"a"), put(b"b"), put(b"c"), put(b"d")])
            .unwrap();
        let rows = scratch.apply(vec![
            Op::DeleteRange(b(b"b"), b(b"d")),
            Op::Delete(b(b"absent")),
            put(b"c"),
            Op::DeleteRange(b(b"z"), b(b"a")),
        ]);
        let expected = vec![(b(b"b"), None), (b(b"c"), None), (b(b"c"), Some(b(b"v")))];
        assert_eq!(rows.unwrap(), expected);
        let keys: Vec<_> = scratch
            .scan(b"", b"z", 9)
            .unwrap()
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert_eq!(keys, [b(b"a"), b(b"c"), b(b"d")]);
    }

    #[test]
    fn twins_are_found_by_place() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path()).unwrap();
        scratch
            .load(Vec::new(), vec![(5, Some(1)), (9, Some(2)), (12, Some(3))])
            .unwrap();
        scratch.load(Vec::new(), vec![(9, None)]).unwrap();
        assert_eq!(scratch.twin(5).unwrap(), Some(1));
        assert_eq!(scratch.twin(9).unwrap(), None);
        assert_eq!(scratch.twins(5, 12).unwrap(), [(5, 1)]);
    }
}
