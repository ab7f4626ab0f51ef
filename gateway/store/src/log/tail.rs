//! What was written last, still in memory as it came: who follows the log closely asks no disk for it and takes
//! nothing apart that somebody has just put together.

use super::group::RECORD;
use crate::{Batch, Item};
use std::collections::VecDeque;

/// Most bytes that are kept.
const MOST: u64 = 512 << 10;
/// What an item takes beside its payload, about.
const ITEM: u64 = 512;

/// A stretch of log, and the items in it.
#[derive(Debug)]
struct Group {
    from: u64,
    to: u64,
    items: Vec<Item>,
}

impl Group {
    fn bytes(&self) -> u64 {
        self.to - self.from + ITEM * self.items.len() as u64
    }
}

/// Groups that follow each other, up to the end of the log.
#[derive(Debug, Default)]
pub(super) struct Tail {
    groups: VecDeque<Group>,
    bytes: u64,
}

impl Tail {
    /// Adds the group from `from` to `to`, which is now in the file.
    pub(super) fn push(&mut self, from: u64, to: u64, items: Vec<Item>) {
        let group = Group { from, to, items };
        self.bytes += group.bytes();
        self.groups.push_back(group);
        while self.bytes > MOST
            && let Some(oldest) = self.groups.pop_front()
        {
            self.bytes -= oldest.bytes();
        }
    }

    /// See [`crate::Stream::read`]; `None` for a place that is older than what is kept. Readers see the log up to `end`.
    pub(super) fn read(&self, from: u64, end: u64, max_bytes: usize) -> Option<Batch> {
        let after = self.groups.partition_point(|group| group.from <= from);
        let first = after.checked_sub(1)?;
        if self.groups.get(first)?.to <= from {
            return None;
        }
        let (mut bytes, mut items) = (0, Vec::new());
        let mut next = from;
        for group in self.groups.range(first..) {
            if group.to > end {
                break;
            }
            for item in &group.items {
                if item.position.offset < from {
                    continue;
                }
                let size = RECORD + item.payload.len();
                if !items.is_empty() && bytes + size > max_bytes {
                    let next = item.position.offset;
                    return Some(Batch {
                        items,
                        next,
                        ..Batch::default()
                    });
                }
                bytes += size;
                items.push(item.clone());
            }
            next = group.to;
        }
        Some(Batch {
            items,
            next,
            ..Batch::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Position};

    /// Bytes that an item with a payload of 10 bytes counts.
    const SIZE: usize = RECORD + 10;

    fn item(offset: u64, size: usize) -> Item {
        Item {
            position: Position { shard: 0, offset },
            kind: Kind::Event,
            identity: None,
            appended_ms: 0,
            payload: vec![0; size].into(),
            decoded: None,
        }
    }

    fn read(tail: &Tail, from: u64, end: u64, most: usize) -> Option<(Vec<u64>, u64)> {
        let batch = tail.read(from, end, most)?;
        let offsets = batch.items.iter().map(|item| item.position.offset);
        Some((offsets.collect(), batch.next))
    }

    #[test]
    fn the_last_groups_are_found_and_older_ones_forgotten() {
        let mut tail = Tail::default();
        assert_eq!(read(&tail, 0, 0, 9), None);
        tail.push(100, 150, vec![item(110, 10), item(130, 10)]);
        // Records of the engine only.
        tail.push(150, 170, Vec::new());
        tail.push(170, 200, vec![item(180, 10)]);
        for (from, end, most, expected) in [
            (100, 200, 999, Some((vec![110, 130, 180], 200))),
            (100, 200, 2 * SIZE, Some((vec![110, 130], 180))),
            (100, 200, 0, Some((vec![110], 130))),
            // Within an item, and behind the last of a group.
            (111, 200, 999, Some((vec![130, 180], 200))),
            (140, 200, 999, Some((vec![180], 200))),
            (160, 170, 999, Some((vec![], 170))),
            // What is not durable yet is not seen.
            (130, 170, 999, Some((vec![130], 170))),
            (99, 200, 999, None),
            (200, 200, 999, None),
        ] {
            assert_eq!(
                read(&tail, from, end, most),
                expected,
                "{from} {end} {most}"
            );
        }
        tail.push(200, 200 + MOST - ITEM, vec![item(210, 1)]);
        assert_eq!(read(&tail, 170, u64::MAX, 999), None);
        let end = 200 + MOST - ITEM;
        assert_eq!(read(&tail, 200, end, 999), Some((vec![210], end)));
        // One that is larger than all that is kept is not kept.
        tail.push(end, end + MOST + 1, Vec::new());
        assert_eq!((read(&tail, end, u64::MAX, 999), tail.bytes), (None, 0));
    }
}
