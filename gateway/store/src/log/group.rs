//! Bytes of commit groups and records.
//!
//! A group is a header and records back to back, written at once. All integers are little endian.
//! Each checksum covers the offset at which the bytes belong and the log's secret salt, so bytes are
//! valid only in their place, and a payload cannot pose as a group.

use crate::{Entry, Error, Identity, Item, Kind, Op, Position, Shard};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes of a group header.
pub(crate) const GROUP: usize = 64;
/// Bytes of a record header, without the identity.
pub(crate) const RECORD: usize = 24;
const IDENTITY: usize = 40;
const MAGIC: [u8; 4] = *b"TWg1";
/// Largest body of a record: what a reader is ready to take into memory.
pub(crate) const BODY_MAX: usize = 256 << 20;

/// Header of a commit group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of records after the header.
    pub(crate) len: u32,
    /// Where the header lies.
    pub(crate) offset: u64,
    pub(crate) epoch: u64,
    /// Everything below this was durable when the group was written.
    pub(crate) synced: u64,
    /// Number of events in the log before this group.
    pub(crate) ordinal: u64,
    pub(crate) appended_ms: u64,
    /// Events, then events and control, then records of all kinds.
    pub(crate) events: u32,
    pub(crate) entries: u32,
    pub(crate) records: u32,
}

impl Header {
    /// Where the next group begins.
    pub(crate) fn end(&self) -> u64 {
        self.offset + (GROUP as u64) + u64::from(self.len)
    }

    fn encode(&self, salt: u64) -> [u8; GROUP] {
        let mut out = [0; GROUP];
        let mut at = &mut out[..];
        at.put_slice(&MAGIC);
        at.put_u32_le(self.len);
        at.put_u64_le(self.offset);
        at.put_u64_le(self.epoch);
        at.put_u64_le(self.synced);
        at.put_u64_le(self.ordinal);
        at.put_u64_le(self.appended_ms);
        at.put_u32_le(self.events);
        at.put_u32_le(self.entries);
        at.put_u32_le(self.records);
        let crc = checksum(salt, self.offset, &out[..GROUP - 4]);
        out[GROUP - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header that `bytes` begin with, if it is one that belongs at `offset`.
    pub(crate) fn decode(bytes: &[u8], salt: u64, offset: u64) -> Option<Self> {
        let bytes = bytes.get(..GROUP)?;
        let (mut at, crc) = bytes.split_at(GROUP - 4);
        if at[..4] != MAGIC || checksum(salt, offset, at).to_le_bytes() != crc {
            return None;
        }
        at.advance(4);
        let header = Self {
            len: at.get_u32_le(),
            offset: at.get_u64_le(),
            epoch: at.get_u64_le(),
            synced: at.get_u64_le(),
            ordinal: at.get_u64_le(),
            appended_ms: at.get_u64_le(),
            events: at.get_u32_le(),
            entries: at.get_u32_le(),
            records: at.get_u32_le(),
        };
        (header.offset == offset && header.synced <= offset).then_some(header)
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) offset: u64,
    /// Bytes in the log, header and all.
    pub(crate) size: usize,
    pub(crate) appended_ms: u64,
    pub(crate) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Entry {
        kind: Kind,
        identity: Option<Identity>,
        payload: Bytes,
    },
    Ops(Bytes),
}

const EVENT: u8 = 1;
const CONTROL: u8 = 2;
const OPS: u8 = 3;
const IDENTIFIED: u8 = 1;

impl Record {
    pub(crate) fn is_event(&self) -> bool {
        matches!(
            self.body,
            Body::Entry {
                kind: Kind::Event,
                ..
            }
        )
    }

    /// The record that `bytes` begin with, if it is one that belongs at `offset`.
    pub(crate) fn decode(bytes: &Bytes, salt: u64, offset: u64) -> Option<Self> {
        let mut head = bytes.get(..RECORD)?;
        let crc = head.get_u32_le();
        let len = head.get_u32_le() as usize;
        let (kind, flags) = (head.get_u8(), head.get_u8());
        head.advance(6);
        let appended_ms = head.get_u64_le();
        if len > BODY_MAX || bytes.len() < RECORD + len {
            return None;
        }
        if checksum(salt, offset, &bytes[4..RECORD + len]) != crc {
            return None;
        }
        let mut body = bytes.slice(RECORD..RECORD + len);
        let body = match (kind, flags) {
            (EVENT | CONTROL, 0) => Body::Entry {
                kind: kind_of(kind),
                identity: None,
                payload: body,
            },
            (EVENT | CONTROL, IDENTIFIED) if len >= IDENTITY => {
                let identity = Identity {
                    id: body.get_u128_le(),
                    content: body.get_u128_le(),
                    window_ms: body.get_u64_le(),
                };
                Body::Entry {
                    kind: kind_of(kind),
                    identity: Some(identity),
                    payload: body,
                }
            }
            (OPS, 0) => Body::Ops(body),
            _ => return None,
        };
        Some(Self {
            offset,
            size: RECORD + len,
            appended_ms,
            body,
        })
    }

    /// Refuses a record that is whole but of a kind that this version does not know.
    pub(crate) fn check_known(bytes: &[u8], salt: u64, offset: u64) -> Result<(), Error> {
        let Some(record) = Self::claimed(bytes).and_then(|size| bytes.get(..size)) else {
            return Ok(());
        };
        let (crc, content) = record.split_at(4);
        let (kind, flags) = (record[8], record[9]);
        let known = matches!((kind, flags), (EVENT | CONTROL, 0 | IDENTIFIED) | (OPS, 0));
        if known || checksum(salt, offset, content).to_le_bytes() != crc {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "the record at {offset} is of kind {kind} with flags {flags}, this version knows kinds \
             up to {OPS} and flags up to {IDENTIFIED}: use a later version"
        )))
    }

    /// How many bytes the record at the start of `bytes` claims to have.
    pub(crate) fn claimed(bytes: &[u8]) -> Option<usize> {
        let mut at = bytes.get(4..8)?;
        let len = at.get_u32_le() as usize;
        (len <= BODY_MAX).then_some(RECORD + len)
    }
}

fn kind_of(byte: u8) -> Kind {
    if byte == EVENT {
        Kind::Event
    } else {
        Kind::Control
    }
}

/// Puts a group together.
#[derive(Debug)]
pub(crate) struct Builder {
    buf: BytesMut,
    salt: u64,
    header: Header,
    /// The entries in it, as they will be read.
    items: Vec<Item>,
}

impl Builder {
    /// A group of about so many bytes that will lie where `header` says; its lengths and counts are filled in.
    pub(crate) fn new(salt: u64, header: Header, bytes: usize) -> Self {
        let mut buf = BytesMut::with_capacity(GROUP + bytes);
        buf.resize(GROUP, 0);
        Self {
            buf,
            salt,
            header,
            items: Vec::new(),
        }
    }

    /// Where the next record will lie.
    pub(crate) fn offset(&self) -> u64 {
        self.header.offset + self.buf.len() as u64
    }

    pub(crate) fn events(&self) -> u32 {
        self.header.events
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.header.records == 0
    }

    /// Adds an entry of a shard; returns where it will lie.
    pub(crate) fn entry(&mut self, shard: Shard, entry: &Entry) -> Position {
        let offset = self.offset();
        let position = Position { shard, offset };
        self.item(Item {
            position,
            kind: entry.kind,
            identity: entry.identity,
            appended_ms: self.header.appended_ms,
            payload: entry.payload.clone(),
            decoded: entry.decoded.clone(),
        });
        position
    }

    /// Adds an item whose position says where it will lie.
    pub(crate) fn item(&mut self, item: Item) {
        let start = self.begin(
            if item.kind == Kind::Event {
                EVENT
            } else {
                CONTROL
            },
            if item.identity.is_some() {
                IDENTIFIED
            } else {
                0
            },
            item.appended_ms,
        );
        if let Some(identity) = &item.identity {
            self.buf.put_u128_le(identity.id);
            self.buf.put_u128_le(identity.content);
            self.buf.put_u64_le(identity.window_ms);
        }
        self.buf.put_slice(&item.payload);
        self.end(start, item.position.offset);
        self.header.events += u32::from(item.kind == Kind::Event);
        self.header.entries += 1;
        self.items.push(item);
    }

    pub(crate) fn ops(&mut self, encoded: &[u8]) {
        let offset = self.offset();
        let start = self.begin(OPS, 0, self.header.appended_ms);
        self.buf.put_slice(encoded);
        self.end(start, offset);
    }

    fn begin(&mut self, kind: u8, flags: u8, appended_ms: u64) -> usize {
        let start = self.buf.len();
        self.buf.put_u64_le(0);
        self.buf.put_u8(kind);
        self.buf.put_u8(flags);
        self.buf.put_slice(&[0; 6]);
        self.buf.put_u64_le(appended_ms);
        start
    }

    fn end(&mut self, start: usize, offset: u64) {
        let len = (self.buf.len() - start - RECORD) as u32;
        self.buf[start + 4..start + 8].copy_from_slice(&len.to_le_bytes());
        let crc = checksum(self.salt, offset, &self.buf[start + 4..]);
        self.buf[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        self.header.records += 1;
    }

    pub(crate) fn finish(mut self) -> (Header, Bytes, Vec<Item>) {
        self.header.len = (self.buf.len() - GROUP) as u32;
        let header = self.header.encode(self.salt);
        self.buf[..GROUP].copy_from_slice(&header);
        (self.header, self.buf.freeze(), self.items)
    }
}

/// CRC32C over salt, offset and bytes.
pub(crate) fn checksum(salt: u64, offset: u64, bytes: &[u8]) -> u32 {
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&salt.to_le_bytes());
    seed[8..].copy_from_slice(&offset.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&seed), bytes)
}

/// Operations as the body of a record.
pub(crate) fn encode_ops(ops: &[Op]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |tag: u8, parts: [&[u8]; 2]| {
        out.put_u8(tag);
        for part in &parts[..if tag == b'd' { 1 } else { 2 }] {
            out.put_u32_le(part.len() as u32);
            out.put_slice(part);
        }
    };
    for op in ops {
        match op {
            Op::Put(key, value) => put(b'p', [key, value]),
            Op::Delete(key) => put(b'd', [key, &[]]),
            Op::DeleteRange(from, to) => put(b'r', [from, to]),
        }
    }
    out
}

/// Undoes [`encode_ops`]; `None` for bytes that it never makes.
pub(crate) fn decode_ops(mut body: &[u8]) -> Option<Vec<Op>> {
    // Copies: a key in the table must not pin the segment that it was read with.
    fn take(body: &mut &[u8]) -> Option<Bytes> {
        let len = body.try_get_u32_le().ok()? as usize;
        let (part, rest) = body.split_at_checked(len)?;
        *body = rest;
        Some(Bytes::copy_from_slice(part))
    }
    let mut ops = Vec::new();
    while !body.is_empty() {
        ops.push(match body.get_u8() {
            b'p' => Op::Put(take(&mut body)?, take(&mut body)?),
            b'd' => Op::Delete(take(&mut body)?),
            b'r' => Op::DeleteRange(take(&mut body)?, take(&mut body)?),
            _ => return None,
        });
    }
    Some(ops)
}
