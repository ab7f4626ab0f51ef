//! The newest items of a shard in memory, so that whoever reads at the tip asks no broker.

use std::collections::VecDeque;
use tradewind_store::{Batch, Item};

/// Bytes beside the payload that an item counts.
pub(crate) const HEADER: usize = 64;

/// A stretch of log up to its end: every item from `from` on.
#[derive(Debug)]
pub(crate) struct Ring {
    items: VecDeque<Item>,
    from: u64,
    bytes: usize,
    max: usize,
}

impl Ring {
    pub(crate) fn new(from: u64, max: usize) -> Self {
        Self {
            items: VecDeque::new(),
            from,
            bytes: 0,
            max,
        }
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.bytes += HEADER + item.payload.len();
        self.items.push_back(item);
        while self.bytes > self.max
            && let Some(item) = self.items.pop_front()
        {
            self.bytes -= HEADER + item.payload.len();
            self.from = item.position.offset + 1;
        }
    }

    /// What lies from `from` on, up to about `max_bytes`; `None` where that is older than what is here. `end` is where
    /// the log ends: an item behind it is here a moment before the end is told, and would be read twice.
    pub(crate) fn read(&self, from: u64, max_bytes: usize, end: u64) -> Option<Batch> {
        if from < self.from {
            return None;
        }
        let before = |place: u64| {
            self.items
                .partition_point(|item| item.position.offset < place)
        };
        let end = end.max(from);
        let items = self.items.range(before(from)..before(end));
        Some(page(items, max_bytes, end))
    }
}

/// Items up to about `max_bytes`, one at least; where they end, the log ends or is read on.
pub(crate) fn page<'a>(items: impl Iterator<Item = &'a Item>, max_bytes: usize, end: u64) -> Batch {
    let mut batch = Batch {
        next: end,
        ..Batch::default()
    };
    let mut bytes = 0;
    for item in items {
        let size = HEADER + item.payload.len();
        if !batch.items.is_empty() && bytes + size > max_bytes {
            batch.next = item.position.offset;
            break;
        }
        bytes += size;
        batch.items.push(item.clone());
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use tradewind_store::{Kind, Position};

    #[test]
    fn what_it_has_it_has_all_of() {
        let mut ring = Ring::new(10, 3 * (HEADER + 1));
        for offset in [10, 13, 14, 20] {
            ring.push(Item {
                position: Position { shard: 0, offset },
                kind: Kind::Event,
                identity: None,
                appended_ms: 0,
                payload: Bytes::from_static(b"x"),
                decoded: None,
            });
        }
        let places = |from, max| {
            let batch = ring.read(from, max, 21)?;
            let places: Vec<u64> = batch
                .items
                .iter()
                .map(|item| item.position.offset)
                .collect();
            Some((places, batch.next))
        };
        assert_eq!(places(10, 1000), None);
        assert_eq!(places(11, 1000), Some((vec![13, 14, 20], 21)));
        assert_eq!(places(13, 1), Some((vec![13], 14)));
        assert_eq!(places(14, 1), Some((vec![14], 20)));
        assert_eq!(places(21, 1), Some((vec![], 21)));
        // What is behind the end is read when the end is behind it, and once.
        for (from, end, read) in [(13, 14, 1), (13, 20, 2), (14, 14, 0), (20, 14, 0)] {
            let batch = ring.read(from, 1000, end).unwrap();
            assert_eq!((batch.items.len(), batch.next), (read, end.max(from)));
        }
    }
}
