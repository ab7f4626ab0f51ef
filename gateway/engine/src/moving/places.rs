//! Where everything of a log lies in another one.

use crate::record::{Corrupt, Places};
use std::collections::BTreeSet;

/// Pairs of offsets that are looked through one by one.
const BLOCK: usize = 64;

/// Pairs of offsets, old and new, both growing: about four bytes each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// Every [`BLOCK`]th pair, and where the differences of those behind it lie.
    blocks: Vec<(u64, u64, usize)>,
    differences: Vec<u8>,
    count: usize,
    last: (u64, u64),
    /// Where the old log began.
    start: u64,
    /// Where the new log ends.
    pub(super) end: u64,
}

impl Table {
    /// For a log that began there.
    pub(super) fn new(start: u64) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// What lay at `old` lies at `new`; both are higher than any before.
    pub(super) fn push(&mut self, old: u64, new: u64) {
        if self.count.is_multiple_of(BLOCK) {
            self.blocks.push((old, new, self.differences.len()));
        } else {
            put(&mut self.differences, old - self.last.0);
            put(&mut self.differences, new - self.last.1);
        }
        self.last = (old, new);
        self.count += 1;
    }

    /// The first pair at or after `old`.
    fn from(&self, old: u64) -> Option<(u64, u64)> {
        let next = self.blocks.partition_point(|(first, ..)| *first <= old);
        if let Some(block) = next.checked_sub(1) {
            let (mut pair, mut at) = {
                let (old, new, at) = self.blocks[block];
                ((old, new), at)
            };
            let end = self
                .blocks
                .get(next)
                .map_or(self.differences.len(), |b| b.2);
            loop {
                if pair.0 >= old {
                    return Some(pair);
                }
                if at >= end {
                    break;
                }
                pair.0 += take(&self.differences, &mut at);
                pair.1 += take(&self.differences, &mut at);
            }
        }
        self.blocks.get(next).map(|(old, new, _)| (*old, *new))
    }
}

fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn take(from: &[u8], at: &mut usize) -> u64 {
    let (mut n, mut shift) = (0, 0);
    while let Some(byte) = from.get(*at) {
        *at += 1;
        n |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    n
}

impl Places for Table {
    fn item(&mut self, offset: u64) -> Result<u64, Corrupt> {
        match self.from(offset) {
            Some((old, new)) if old == offset => Ok(new),
            _ => Err(Corrupt {
                what: "row of the state",
                why: "nothing lies at the position that it names",
            }),
        }
    }
    fn edge(&mut self, offset: u64) -> u64 {
        match offset {
            0 => 0,
            offset => self.from(offset).map_or(self.end, |(_, new)| new),
        }
    }
    fn in_log(&self, offset: u64) -> bool {
        offset >= self.start
    }
}

/// What a shard's state names that is no longer in its log.
#[derive(Debug)]
pub(super) struct Gone {
    start: u64,
    pub(super) offsets: BTreeSet<u64>,
}

impl Gone {
    /// For a log that begins there.
    pub(super) fn new(start: u64) -> Self {
        let offsets = BTreeSet::new();
        Self { start, offsets }
    }
}

impl Places for Gone {
    fn item(&mut self, offset: u64) -> Result<u64, Corrupt> {
        if offset < self.start {
            self.offsets.insert(offset);
        }
        Ok(offset)
    }
    fn edge(&mut self, offset: u64) -> u64 {
        if (1..self.start).contains(&offset) {
            self.offsets.insert(offset);
        }
        offset
    }
    fn in_log(&self, offset: u64) -> bool {
        offset >= self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn a_table_does_what_a_map_does(
            steps in prop::collection::vec((1u64..1 << 20, 1u64..1 << 20), 0..300),
            first in (0u64..100, any::<u32>()), asked in prop::collection::vec(0u64..1 << 27, 0..50),
        ) {
            let mut table = Table::new(0);
            let mut map = BTreeMap::new();
            let (mut old, mut new) = (first.0, u64::from(first.1));
            for (by, to) in steps {
                table.push(old, new);
                map.insert(old, new);
                (old, new) = (old + by, new + to);
            }
            table.end = new;
            let around = map.keys().flat_map(|at| [at.saturating_sub(1), *at, at + 1]);
            for at in asked.into_iter().chain(around.collect::<Vec<_>>()) {
                prop_assert_eq!(table.item(at).ok(), map.get(&at).copied());
                let edge = map.range(at..).next().map_or(new, |(_, new)| *new);
                prop_assert_eq!(table.edge(at), if at == 0 { 0 } else { edge });
            }
        }
    }

    #[test]
    fn an_event_takes_a_few_bytes() {
        let mut table = Table::new(0);
        for n in 0..64_000 {
            // As in the data directory, and on Kafka one by one.
            table.push(n * 1300, n << 10);
        }
        let bytes = table.differences.len() + table.blocks.len() * 24;
        assert!(bytes < 5 * 64_000, "{bytes}");
    }
}
