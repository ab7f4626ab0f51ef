//! The last groups that were written, still in memory: who follows the log closely asks no disk for
//! what was written a moment ago.

use bytes::Bytes;
use std::collections::VecDeque;

/// Most bytes that are kept.
const MOST: usize = 512 << 10;

/// Groups that follow each other, up to the end of the log.
#[derive(Debug, Default)]
pub(super) struct Tail {
    groups: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Tail {
    /// Adds the group at `offset`, which is now in the file.
    pub(super) fn push(&mut self, offset: u64, group: Bytes) {
        self.bytes += group.len();
        self.groups.push_back((offset, group));
        while self.bytes > MOST
            && let Some((_, oldest)) = self.groups.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }

    /// The rest of the group in which `offset` lies.
    pub(super) fn at(&self, offset: u64) -> Option<Bytes> {
        let after = self.groups.partition_point(|(start, _)| *start <= offset);
        let (start, group) = self.groups.get(after.checked_sub(1)?)?;
        let skip = usize::try_from(offset - start).ok()?;
        (skip < group.len()).then(|| group.slice(skip..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_groups_are_found_and_older_ones_forgotten() {
        let mut tail = Tail::default();
        assert_eq!(tail.at(0), None);
        tail.push(100, Bytes::from_static(b"abc"));
        tail.push(103, Bytes::from_static(b"de"));
        for (offset, rest) in [(100, "abc"), (102, "c"), (103, "de"), (104, "e")] {
            assert_eq!(tail.at(offset).as_deref(), Some(rest.as_bytes()));
        }
        assert_eq!((tail.at(99), tail.at(105)), (None, None));
        tail.push(105, vec![0; MOST].into());
        assert_eq!((tail.at(103), tail.at(104)), (None, None));
        assert_eq!(tail.at(105).map(|rest| rest.len()), Some(MOST));
        // One that is larger than all that is kept is not kept.
        tail.push(105 + MOST as u64, vec![0; MOST + 1].into());
        assert_eq!((tail.at(105), tail.bytes), (None, 0));
    }
}
