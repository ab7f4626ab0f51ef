//! A shard's state in a file that nobody misses: what the state topic holds, where it can be looked through. What was
//! put last lies in memory, and goes there many rows at a time.

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tradewind_store::{Error, Op};

/// What the engine records.
const STATE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state");
/// Events that repeat earlier ones: place of the one, place of the other.
const TWINS: TableDefinition<'_, u64, u64> = TableDefinition::new("twins");
/// Pages in memory.
const CACHE: usize = 16 << 20;
/// Commits after which pages that are free may be written to again.
const SETTLE_EVERY: u32 = 4096;
/// Bytes of rows in memory from which on they go to the file.
const YOUNG_MAX: usize = 1 << 20;
/// What a row in memory counts beside its key and value.
const ROW: usize = 128;

/// A row of the state topic: no value where it is to go.
pub(crate) type Row = (Bytes, Option<Bytes>);

#[derive(Debug)]
pub(crate) struct Scratch {
    db: Database,
    commits: AtomicU32,
    young: Mutex<Young>,
}

/// Rows that were put, and are not in the file as they are now.
#[derive(Debug, Default)]
struct Young {
    rows: BTreeMap<Bytes, Bytes>,
    bytes: usize,
}

impl Young {
    fn put(&mut self, key: Bytes, value: Bytes) {
        let size = |value: &Bytes| ROW + key.len() + value.len();
        self.bytes += size(&value);
        if let Some(before) = self.rows.get(&key) {
            self.bytes -= size(before);
        }
        self.rows.insert(key, value);
    }
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
            young: Mutex::default(),
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

    fn young(&self) -> MutexGuard<'_, Young> {
        self.young.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether operations can be applied without the file.
    pub(crate) fn is_quick(&self, ops: &[Op]) -> bool {
        self.young().bytes < YOUNG_MAX && ops.iter().all(|op| matches!(op, Op::Put(..)))
    }

    /// Applies operations, and says row by row what they come to: a topic knows no ranges.
    pub(crate) fn apply(&self, ops: Vec<Op>) -> Result<Vec<Row>, Error> {
        if !self.is_quick(&ops) {
            return self.apply_to_file(ops);
        }
        let mut young = self.young();
        let mut rows = Vec::with_capacity(ops.len());
        for op in ops {
            if let Op::Put(key, value) = op {
                young.put(key.clone(), value.clone());
                rows.push((key, Some(value)));
            }
        }
        Ok(rows)
    }

    /// Takes what lies in memory to the file.
    fn settle(&self) -> Result<(), Error> {
        let settled = self.young().rows.is_empty();
        match settled {
            true => Ok(()),
            false => self.apply_to_file(Vec::new()).map(drop),
        }
    }

    fn apply_to_file(&self, ops: Vec<Op>) -> Result<Vec<Row>, Error> {
        let mut young = self.young();
        let rows = self.write(|state, _| {
            for (key, value) in &young.rows {
                state.insert(&**key, &**value).map_err(broken)?;
            }
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
        })?;
        *young = Young::default();
        Ok(rows)
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
        if let Some(value) = self.young().rows.get(key) {
            return Ok(Some(value.clone()));
        }
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
        self.settle()?;
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

    /// Against a plain map, over ops that take turns at staying in memory and going to the file.
    #[test]
    fn what_lies_in_memory_and_what_lies_in_the_file_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path()).unwrap();
        let mut plain = BTreeMap::new();
        let mut quick = 0;
        for n in 0u32..4000 {
            let key = Bytes::from(format!("{:03}", n * 7919 % 300));
            let op = match n % 500 {
                13 => Op::Delete(key.clone()),
                370 => Op::DeleteRange(key.clone(), Bytes::from_static(b"2")),
                _ => Op::Put(key.clone(), Bytes::from(vec![b'x'; 2000 + n as usize])),
            };
            match &op {
                Op::Put(key, value) => drop(plain.insert(key.clone(), value.clone())),
                Op::Delete(key) => drop(plain.remove(key)),
                Op::DeleteRange(from, to) => plain.retain(|key, _| key < from || key >= to),
            }
            quick += u32::from(scratch.is_quick(std::slice::from_ref(&op)));
            scratch.apply(vec![op]).unwrap();
            assert_eq!(scratch.get(&key).unwrap(), plain.get(&key).cloned());
            if n % 400 == 0 {
                let all = scratch.scan(b"", b"~", 1000).unwrap();
                assert_eq!(all, plain.clone().into_iter().collect::<Vec<_>>());
            }
        }
        assert!((3900..3984).contains(&quick), "{quick}");
        let few = scratch.scan(b"1", b"~", 2).unwrap();
        let expected = plain.range(Bytes::from_static(b"1")..).take(2);
        assert!(few.iter().map(|(key, value)| (key, value)).eq(expected));
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
