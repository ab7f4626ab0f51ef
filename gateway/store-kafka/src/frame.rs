//! What one record of a stream's topic holds: the entries of one append to one shard, so that they are there together
//! or not at all.
//!
//! | Bytes | |
//! |---|---|
//! | 1 | format: 1 |
//! | 8 | who wrote it |
//! | 2 | number of entries |
//! | per entry | kind (bit 0: control, bit 1: identity); identity: id 16, content 16, window 8; length 4; payload |
//!
//! Integers are big endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tradewind_store::{Entry, Identity, Kind};

const FORMAT: u8 = 1;
const CONTROL: u8 = 1;
const IDENTIFIED: u8 = 2;
/// Bits of a position that number the entries of a record.
const INDEX_BITS: u32 = 10;
/// Most entries of one record.
pub(crate) const ENTRIES_MAX: usize = 1 << INDEX_BITS;

/// The position's offset of an entry.
pub(crate) fn place(offset: u64, index: usize) -> u64 {
    offset << INDEX_BITS | index as u64
}

/// The record that a position's offset lies in.
pub(crate) fn record_of(place: u64) -> u64 {
    place >> INDEX_BITS
}

/// One entry as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Framed {
    pub(crate) kind: Kind,
    pub(crate) identity: Option<Identity>,
    pub(crate) payload: Bytes,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Which opening of the stream wrote it.
    pub(crate) writer: u64,
    pub(crate) entries: Vec<Framed>,
}

/// What is no record of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign;

/// Bytes of a record's head, and of an entry beside its payload.
const HEAD: usize = 11;
pub(crate) const ENTRY: usize = 45;

/// Bytes that a record of these entries takes at most.
pub(crate) fn size(entries: &[Entry]) -> usize {
    let payloads: usize = entries.iter().map(|entry| entry.payload.len()).sum();
    HEAD + ENTRY * entries.len() + payloads
}

pub(crate) fn encode<'a>(writer: u64, entries: impl ExactSizeIterator<Item = &'a Entry>) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(FORMAT);
    out.put_u64(writer);
    out.put_u16(entries.len() as u16);
    for entry in entries {
        let control = if entry.kind == Kind::Control {
            CONTROL
        } else {
            0
        };
        let identified = if entry.identity.is_some() {
            IDENTIFIED
        } else {
            0
        };
        out.put_u8(control | identified);
        if let Some(identity) = &entry.identity {
            out.put_u128(identity.id);
            out.put_u128(identity.content);
            out.put_u64(identity.window_ms);
        }
        out.put_u32(entry.payload.len() as u32);
        out.put_slice(&entry.payload);
    }
    out.freeze()
}

impl Frame {
    pub(crate) fn decode(mut from: Bytes) -> Result<Self, Foreign> {
        let missing = |_| Foreign;
        if from.try_get_u8().map_err(missing)? != FORMAT {
            return Err(Foreign);
        }
        let writer = from.try_get_u64().map_err(missing)?;
        let count = usize::from(from.try_get_u16().map_err(missing)?);
        if count > ENTRIES_MAX {
            return Err(Foreign);
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let flags = from.try_get_u8().map_err(missing)?;
            if flags & !(CONTROL | IDENTIFIED) != 0 {
                return Err(Foreign);
            }
            let identity = match flags & IDENTIFIED != 0 {
                false => None,
                true => Some(Identity {
                    id: from.try_get_u128().map_err(missing)?,
                    content: from.try_get_u128().map_err(missing)?,
                    window_ms: from.try_get_u64().map_err(missing)?,
                }),
            };
            let length = from.try_get_u32().map_err(missing)? as usize;
            if length > from.remaining() {
                return Err(Foreign);
            }
            entries.push(Framed {
                kind: match flags & CONTROL {
                    0 => Kind::Event,
                    _ => Kind::Control,
                },
                identity,
                payload: from.split_to(length),
            });
        }
        match from.is_empty() {
            true => Ok(Self { writer, entries }),
            false => Err(Foreign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_nothing_else_is_one() {
        let entry = |kind, identified: bool, payload: &'static str| Entry {
            shard_key: 7,
            identity: identified.then_some(Identity {
                id: u128::MAX - 3,
                content: 9,
                window_ms: 600_000,
            }),
            kind,
            payload: Bytes::from_static(payload.as_bytes()),
            decoded: None,
        };
        let entries = [
            entry(Kind::Event, true, "a"),
            entry(Kind::Control, false, ""),
            entry(Kind::Event, false, "byte for byte"),
        ];
        let written = encode(5, entries.iter());
        // Those without an identity take 40 bytes less.
        assert_eq!(written.len(), size(&entries) - 2 * 40);
        let read = Frame::decode(written.clone()).unwrap();
        assert_eq!(read.writer, 5);
        for (read, written) in read.entries.iter().zip(&entries) {
            assert_eq!(
                (read.kind, &read.identity, &read.payload),
                (written.kind, &written.identity, &written.payload)
            );
        }
        for cut in 0..written.len() {
            assert_eq!(Frame::decode(written.slice(..cut)), Err(Foreign), "{cut}");
        }
        let longer = [&written[..], b"x"].concat();
        assert_eq!(Frame::decode(longer.into()), Err(Foreign));
        let mut later = written.to_vec();
        later[0] = 2;
        assert_eq!(Frame::decode(later.into()), Err(Foreign));
    }

    #[test]
    fn places_are_ordered_as_entries_are() {
        assert!(place(3, ENTRIES_MAX - 1) < place(4, 0));
        assert_eq!(record_of(place(3, ENTRIES_MAX - 1)), 3);
    }
}
