//! Which owner of a shard wrote the row of the epoch.

use crate::own::number;
use bytes::{BufMut, Bytes, BytesMut};

/// An epoch, and a name that no other owner has: where an owner never got to write its row, the next one counts the same
/// epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) epoch: u64,
    /// The opening of the stream, and how many owners it had made.
    pub(crate) name: (u64, u64),
}

impl Turn {
    /// Begins as earlier versions wrote it, which read no further than the epoch.
    pub(crate) fn encode(self) -> Bytes {
        let mut out = BytesMut::with_capacity(24);
        out.put_u64(self.epoch);
        out.put_u64(self.name.0);
        out.put_u64(self.name.1);
        out.freeze()
    }

    /// Whether the owner that wrote this came after, or in the place of, the one of this turn.
    pub(crate) fn is_over_by(self, value: &[u8]) -> bool {
        let epoch = number(value);
        epoch > self.epoch || epoch == self.epoch && *value != *self.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Turn = Turn {
        epoch: 7,
        name: (1, 2),
    };

    #[test]
    fn whoever_else_has_the_epoch_or_a_later_one_ends_a_turn() {
        let by = |epoch, name| OURS.is_over_by(&Turn { epoch, name }.encode());
        assert!(!by(7, (1, 2)));
        assert!(by(7, (1, 3)));
        assert!(by(7, (2, 2)));
        assert!(by(8, (1, 2)));
        assert!(!by(6, (1, 3)));
    }

    #[test]
    fn earlier_versions_read_what_is_written_and_are_read() {
        assert_eq!(number(&OURS.encode()), 7);
        let bare = |epoch: u64| OURS.is_over_by(&epoch.to_be_bytes());
        assert!(!bare(6));
        assert!(bare(7));
        assert!(bare(8));
    }
}
