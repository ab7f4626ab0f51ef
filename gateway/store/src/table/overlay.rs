//! Changes in memory, over something that holds the rest.

use crate::{Error, Op};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::iter::Peekable;
use std::ops::Bound;

/// Rough cost of an entry beside its bytes.
const ENTRY: usize = 64;

/// The outcome of a number of operations: keys set or removed, and ranges removed before those.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    keys: BTreeMap<Bytes, Option<Bytes>>,
    /// Start → end; disjoint.
    ranges: BTreeMap<Bytes, Bytes>,
    bytes: usize,
}

/// What an overlay knows of a key.
pub(super) enum Layer {
    Value(Bytes),
    Gone,
    Below,
}

impl Overlay {
    pub(super) fn apply(&mut self, ops: Vec<Op>) {
        for op in ops {
            match op {
                Op::Put(key, value) => self.set(key, Some(value)),
                Op::Delete(key) => self.set(key, None),
                Op::DeleteRange(from, to) if from < to => self.remove(from, to),
                Op::DeleteRange(..) => {}
            }
        }
    }

    fn set(&mut self, key: Bytes, value: Option<Bytes>) {
        let len = value.as_ref().map_or(0, Bytes::len);
        match self.keys.entry(key) {
            Entry::Occupied(mut entry) => {
                self.bytes -= entry.get().as_ref().map_or(0, Bytes::len);
                entry.insert(value);
            }
            Entry::Vacant(entry) => {
                self.bytes += ENTRY + entry.key().len();
                entry.insert(value);
            }
        }
        self.bytes += len;
    }

    fn remove(&mut self, from: Bytes, to: Bytes) {
        let inside: Vec<_> = range(&self.keys, &from, &to)
            .map(|(key, _)| key.clone())
            .collect();
        for key in inside {
            let value = self.keys.remove(&key).flatten();
            self.bytes -= ENTRY + key.len() + value.map_or(0, |value| value.len());
        }
        let (mut from, mut to) = (from, to);
        while let Some((start, end)) = self.overlapping(&from, &to) {
            self.ranges.remove(&start);
            self.bytes -= ENTRY + start.len() + end.len();
            from = from.min(start);
            to = to.max(end);
        }
        self.bytes += ENTRY + from.len() + to.len();
        self.ranges.insert(from, to);
    }

    fn overlapping(&self, from: &Bytes, to: &Bytes) -> Option<(Bytes, Bytes)> {
        let (start, end) = self.ranges.range::<Bytes, _>(..=to).next_back()?;
        (end >= from).then(|| (start.clone(), end.clone()))
    }

    pub(super) fn get(&self, key: &[u8]) -> Layer {
        match self.keys.get(key) {
            Some(Some(value)) => Layer::Value(value.clone()),
            Some(None) => Layer::Gone,
            None if covers(&self.ranges, key) => Layer::Gone,
            None => Layer::Below,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&Bytes, &Option<Bytes>)> {
        self.keys.iter()
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.ranges.iter()
    }

    /// A copy of what lies in `[from, to)`, as far as the first `limit` values need it.
    pub(super) fn slice(&self, from: &[u8], to: &[u8], limit: usize) -> Slice {
        let mut values = 0;
        let mut keys = BTreeMap::new();
        let mut horizon = None;
        for (key, value) in range(&self.keys, from, to) {
            keys.insert(key.clone(), value.clone());
            values += usize::from(value.is_some());
            if values == limit {
                horizon = Some(key.clone());
                break;
            }
        }
        let ranges = self
            .ranges
            .range::<[u8], _>((Bound::Unbounded, Bound::Excluded(to)))
            .filter(|(_, end)| end[..] > *from)
            .map(|(start, end)| (start.clone(), end.clone()))
            .collect();
        Slice {
            keys,
            ranges,
            horizon,
        }
    }
}

fn range<'a, V>(
    keys: &'a BTreeMap<Bytes, V>,
    from: &[u8],
    to: &[u8],
) -> std::collections::btree_map::Range<'a, Bytes, V> {
    keys.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
}

fn covers(ranges: &BTreeMap<Bytes, Bytes>, key: &[u8]) -> bool {
    ranges
        .range::<[u8], _>((Bound::Unbounded, Bound::Included(key)))
        .next_back()
        .is_some_and(|(_, end)| end[..] > *key)
}

/// Part of an overlay.
#[derive(Debug, Default)]
pub(super) struct Slice {
    keys: BTreeMap<Bytes, Option<Bytes>>,
    ranges: BTreeMap<Bytes, Bytes>,
    horizon: Option<Bytes>,
}

type Row = Result<(Bytes, Bytes), Error>;

impl Slice {
    /// The key after which this slice says nothing, if it was cut.
    pub(super) fn horizon(&self) -> Option<Bytes> {
        self.horizon.clone()
    }

    /// The rows of `below`, which are in order, as this slice changes them.
    pub(super) fn merge<I: Iterator<Item = Row>>(self, below: I) -> Merge<I> {
        Merge {
            keys: self.keys.into_iter().peekable(),
            ranges: self.ranges,
            below: below.peekable(),
        }
    }
}

/// See [`Slice::merge`].
pub(super) struct Merge<I: Iterator<Item = Row>> {
    keys: Peekable<std::collections::btree_map::IntoIter<Bytes, Option<Bytes>>>,
    ranges: BTreeMap<Bytes, Bytes>,
    below: Peekable<I>,
}

impl<I: Iterator<Item = Row>> Iterator for Merge<I> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let below = match self.below.peek() {
                Some(Ok((key, _))) => Some(key),
                Some(Err(_)) => return self.below.next(),
                None => None,
            };
            let ours = match (self.keys.peek(), below) {
                (None, None) => return None,
                (Some((ours, _)), Some(below)) => ours <= below,
                (ours, _) => ours.is_some(),
            };
            if !ours {
                let row = self.below.next()?;
                if row.as_ref().is_ok_and(|(key, _)| covers(&self.ranges, key)) {
                    continue;
                }
                return Some(row);
            }
            let (key, value) = self.keys.next()?;
            if below == Some(&key) {
                self.below.next();
            }
            if let Some(value) = value {
                return Some(Ok((key, value)));
            }
        }
    }
}
