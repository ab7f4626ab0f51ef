//! A hash table in pieces that snapshots share: a change copies the pieces that it touches.

use hashbrown::HashTable;
use std::sync::Arc;

type Piece<T> = Arc<HashTable<(u64, T)>>;

/// Values under hashes that the caller computes.
#[derive(Debug, Clone)]
pub(super) struct Segments<T> {
    segments: Box<[Piece<T>]>,
    len: usize,
}

impl<T: Clone> Segments<T> {
    /// Of as many pieces, a power of two.
    pub(super) fn new(pieces: usize) -> Self {
        let empty = Arc::new(HashTable::new());
        Self {
            segments: vec![empty; pieces].into(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// By bits that the tables within do not look at first.
    #[inline]
    fn at(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.segments.len() - 1)
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, eq: impl Fn(&T) -> bool) -> Option<&T> {
        let found =
            self.segments[self.at(hash)].find(hash, |(known, value)| *known == hash && eq(value));
        found.map(|(_, value)| value)
    }

    pub(super) fn find_mut(&mut self, hash: u64, eq: impl Fn(&T) -> bool) -> Option<&mut T> {
        // A miss must not copy the piece.
        self.find(hash, &eq)?;
        let at = self.at(hash);
        let segment = Arc::make_mut(&mut self.segments[at]);
        let found = segment.find_mut(hash, |(known, value)| *known == hash && eq(value));
        found.map(|(_, value)| value)
    }

    pub(super) fn insert(&mut self, hash: u64, value: T) {
        let at = self.at(hash);
        let segment = Arc::make_mut(&mut self.segments[at]);
        segment.insert_unique(hash, (hash, value), |(hash, _)| *hash);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, hash: u64, eq: impl Fn(&T) -> bool) -> Option<T> {
        self.find(hash, &eq)?;
        let at = self.at(hash);
        let segment = Arc::make_mut(&mut self.segments[at]);
        let entry = segment.find_entry(hash, |(known, value)| *known == hash && eq(value));
        let ((_, value), _) = entry.ok()?.remove();
        self.len -= 1;
        Some(value)
    }
}
