//! Keys of a shard's state table.
//!
//! | Key | Value |
//! |---|---|
//! | `g/offset` | generation of subscriptions in force from there |
//! | `n/` | offset from which a generation was about to be written |
//! | `i/` | id of the next lane: none is given twice |
//! | `t/` | when the shard was last seen running, and the time that did not count |
//! | `o/` | attribute that the stream is ordered by: in shard 0 |
//! | `l/lane` | lane: cursor, accounts, flags |
//! | `z/lane` | closed account of a subscription that was discarded |
//! | `q/lane/due/offset` | delivery with a due time, stops taken out; from [`SHELF`] on, one that waits for a member of a group |
//! | `k/lane/key/sequence` | delivery that waits behind its ordering key |
//! | `b/lane/key` | offset of the dead letter on which the key is parked |
//! | `x/lane/offset` | dead letter |
//! | `a/stretch/epoch/number` | deliveries of a stretch of log that were accepted at once, for `explain` |
//! | `h/offset/lane` | how a delivery stands or ended, for `explain` |
//! | `p/lane/offset` | an event that outlives its log segment |
//! | `d/offset` | end of a damaged stretch |
//! | `c/lane` | how often a shadow and its target agreed |
//! | `y/lane/offset/side` | what one of them made of an event |
//! | `e/lane/offset` | an event on which they differed, and both answers are kept |

use bytes::{BufMut, Bytes, BytesMut};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

pub(crate) type LaneId = u32;

/// What a row says, by the first byte of its key. What writes a row names it, so that whoever goes over all of them
/// misses none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    Generation = b'g',
    Intent = b'n',
    NextLane = b'i',
    Stops = b't',
    OrderBy = b'o',
    Lane = b'l',
    Closed = b'z',
    Scheduled = b'q',
    Waiting = b'k',
    Parked = b'b',
    Dead = b'x',
    Accepted = b'a',
    History = b'h',
    Kept = b'p',
    Damage = b'd',
    Tally = b'c',
    Answer = b'y',
    Differing = b'e',
}

impl Tag {
    pub(crate) const ALL: [Self; 18] = [
        Self::Generation,
        Self::Intent,
        Self::NextLane,
        Self::Stops,
        Self::OrderBy,
        Self::Lane,
        Self::Closed,
        Self::Scheduled,
        Self::Waiting,
        Self::Parked,
        Self::Dead,
        Self::Accepted,
        Self::History,
        Self::Kept,
        Self::Damage,
        Self::Tally,
        Self::Answer,
        Self::Differing,
    ];

    /// What the row with this key says; `None` for what a later release may have written.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        let first = key.first()?;
        Self::ALL.into_iter().find(|tag| *tag as u8 == *first)
    }
}

fn key(tag: Tag, parts: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::with_capacity(24);
    out.put_u8(tag as u8);
    parts(&mut out);
    out.freeze()
}

/// `[from, to)` of everything that begins with `prefix`.
pub(crate) fn under(prefix: &[u8]) -> (Bytes, Bytes) {
    let mut to = prefix.to_vec();
    while let Some(last) = to.pop() {
        if last < u8::MAX {
            to.push(last + 1);
            break;
        }
    }
    (Bytes::copy_from_slice(prefix), to.into())
}

/// The key right after `key`.
pub(crate) fn after(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

pub(crate) fn generation(offset: u64) -> Bytes {
    key(Tag::Generation, |k| k.put_u64(offset))
}
pub(crate) fn intent() -> Bytes {
    key(Tag::Intent, |_| ())
}
pub(crate) fn next_lane() -> Bytes {
    key(Tag::NextLane, |_| ())
}
pub(crate) fn stops() -> Bytes {
    key(Tag::Stops, |_| ())
}
/// Not a function: it is read before anything else is known.
pub(crate) const ORDER_BY: &[u8] = &[Tag::OrderBy as u8];
pub(crate) fn lane(lane: LaneId) -> Bytes {
    key(Tag::Lane, |k| k.put_u32(lane))
}
pub(crate) fn closed(lane: LaneId) -> Bytes {
    key(Tag::Closed, |k| k.put_u32(lane))
}
/// What rows of a lane begin with.
pub(crate) fn of_lane(tag: u8, lane: LaneId) -> Bytes {
    let mut out = BytesMut::with_capacity(5);
    out.put_u8(tag);
    out.put_u32(lane);
    out.freeze()
}
pub(crate) fn scheduled(lane: LaneId, due: u64, offset: u64) -> Bytes {
    key(Tag::Scheduled, |k| {
        k.put_u32(lane);
        k.put_u64(due);
        k.put_u64(offset);
    })
}
/// No time is due from here on: it is a member of a group that is waited for.
pub(crate) const SHELF: u64 = 0xFFFF_FFFF_0000_0000;

/// What stands in place of a due time for what waits for a member, by its name: the same after a restart.
pub(crate) fn shelf(member: &str) -> u64 {
    let mut hash = SipHasher13::new();
    hash.write(member.as_bytes());
    SHELF | (hash.finish() >> 33)
}

pub(crate) fn waiting(lane: LaneId, ordering: u64, sequence: u64) -> Bytes {
    key(Tag::Waiting, |k| {
        k.put_u32(lane);
        k.put_u64(ordering);
        k.put_u64(sequence);
    })
}
pub(crate) fn waiting_of(lane: LaneId, ordering: u64) -> Bytes {
    key(Tag::Waiting, |k| {
        k.put_u32(lane);
        k.put_u64(ordering);
    })
}
pub(crate) fn parked(lane: LaneId, ordering: u64) -> Bytes {
    key(Tag::Parked, |k| {
        k.put_u32(lane);
        k.put_u64(ordering);
    })
}
pub(crate) fn dead(lane: LaneId, offset: u64) -> Bytes {
    key(Tag::Dead, |k| {
        k.put_u32(lane);
        k.put_u64(offset);
    })
}
pub(crate) fn history(offset: u64, lane: LaneId) -> Bytes {
    key(Tag::History, |k| {
        k.put_u64(offset);
        k.put_u32(lane);
    })
}
/// Bytes of log whose deliveries are told in the same records, as a power of two: few enough to be
/// looked through for one of them.
const STRETCH: u32 = 16;

/// The stretch that `offset` lies in.
pub(crate) fn stretch(offset: u64) -> u64 {
    offset >> STRETCH
}
pub(crate) fn accepted(stretch: u64, epoch: u64, number: u64) -> Bytes {
    let mut out = BytesMut::with_capacity(25);
    out.put_u8(Tag::Accepted as u8);
    out.put_u64(stretch);
    out.put_u64(epoch);
    out.put_u64(number);
    out.freeze()
}
pub(crate) fn accepted_in(stretch: u64) -> Bytes {
    key(Tag::Accepted, |k| k.put_u64(stretch))
}
pub(crate) fn histories(offset: u64) -> Bytes {
    key(Tag::History, |k| k.put_u64(offset))
}
pub(crate) fn kept(lane: LaneId, offset: u64) -> Bytes {
    key(Tag::Kept, |k| {
        k.put_u32(lane);
        k.put_u64(offset);
    })
}
pub(crate) fn damage(offset: u64) -> Bytes {
    key(Tag::Damage, |k| k.put_u64(offset))
}

pub(crate) fn tally(lane: LaneId) -> Bytes {
    key(Tag::Tally, |k| k.put_u32(lane))
}
pub(crate) fn answer(lane: LaneId, offset: u64, side: u8) -> Bytes {
    key(Tag::Answer, |k| {
        k.put_u32(lane);
        k.put_u64(offset);
        k.put_u8(side);
    })
}
pub(crate) fn differing(lane: LaneId, offset: u64) -> Bytes {
    key(Tag::Differing, |k| {
        k.put_u32(lane);
        k.put_u64(offset);
    })
}

/// The big-endian number at `at`, after the tag.
pub(crate) fn number(key: &[u8], at: usize) -> u64 {
    key.get(at..at + 8)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}
/// The lane id at `at`.
pub(crate) fn lane_at(key: &[u8], at: usize) -> LaneId {
    key.get(at..at + 4)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

/// Where the parts lie in keys that begin with tag and lane.
pub(crate) const FIRST: usize = 5;
/// Where the second number lies in them.
pub(crate) const SECOND: usize = 13;
