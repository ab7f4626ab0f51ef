//! A hash table in pieces that snapshots share: a change copies the pieces that it touches.

use hashbrown::HashTable;
use std::sync::Arc;

const SEGMENTS: usize = 256;

/// Values under hashes that the caller computes.
#[derive(Debug, Clone)]
pub(super) struct Segments<T> {
    segments: Vec<Arc<HashTable<(u64, T)>>>,
    len: usize,
}

impl<T: Clone> Segments<T> {
    pub(super) fn new() -> Self {
        let empty = Arc::new(HashTable::new());
        Self {
            segments: vec![empty; SEGMENTS],
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, eq: impl Fn(&T) -> bool) -> Option<&T> {
        let found =
            self.segments[at(hash)].find(hash, |(known, value)| *known == hash && eq(value));
        found.map(|(_, value)| value)
    }

    pub(super) fn find_mut(&mut self, hash: u64, eq: impl Fn(&T) -> bool) -> Option<&mut T> {
        // A miss must not copy the piece.
        self.find(hash, &eq)?;
        let segment = Arc::make_mut(&mut self.segments[at(hash)]);
        let found = segment.find_mut(hash, |(known, value)| *known == hash && eq(value));
        found.map(|(_, value)| value)
    }

    pub(super) fn insert(&mut self, hash: u64, value: T) {
        let segment = Arc::make_mut(&mut self.segments[at(hash)]);
        segment.insert_unique(hash, (hash, value), |(hash, _)| *hash);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, hash: u64, eq: impl Fn(&T) -> bool) -> Option<T> {
        self.find(hash, &eq)?;
        let segment = Arc::make_mut(&mut self.segments[at(hash)]);
        let entry = segment.find_entry(hash, |(known, value)| *known == hash && eq(value));
        let ((_, value), _) = entry.ok()?.remove();
        self.len -= 1;
        Some(value)
    }
}

/// By bits that the tables within do not look at first.
#[inline]
fn at(hash: u64) -> usize {
    (hash >> 32) as usize % SEGMENTS
}
