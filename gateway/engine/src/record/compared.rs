//! What a target and its shadow made of events.

use super::wire::{Corrupt, Reader, Writer};
use bytes::Bytes;

const VERSION: u8 = 1;
/// Longest reason that is kept.
const NOTE_MAX: usize = 256;

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// Of the target that is in charge.
    Old,
    /// Of the shadow.
    New,
}

/// How the delivery of one event ended on one side: value of `y/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) at_ms: u64,
    pub(crate) took_ms: u64,
    pub(crate) attempts: u32,
    pub(crate) accepted: bool,
    /// Protocol status and words of the failure.
    pub(crate) status: Option<u16>,
    pub(crate) note: String,
    /// Digest of what counts of the reply.
    pub(crate) digest: Option<u128>,
    /// The reply, packed, unless it is too large to keep.
    pub(crate) reply: Option<Bytes>,
}

/// How two answers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    Status,
    Reply,
}

impl Answer {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        let note = &self.note[..self.note.floor_char_boundary(NOTE_MAX)];
        w.int(self.at_ms)
            .int(self.took_ms)
            .int(self.attempts.into())
            .flag(self.accepted)
            .maybe(self.status.map(u64::from))
            .text(note)
            .flag(self.digest.is_some());
        if let Some(digest) = self.digest {
            w.bytes(&digest.to_be_bytes());
        }
        w.flag(self.reply.is_some());
        if let Some(reply) = &self.reply {
            w.bytes(reply);
        }
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("answer", bytes, VERSION)?;
        Ok(Self {
            at_ms: r.int()?,
            took_ms: r.int()?,
            attempts: r.int()? as u32,
            accepted: r.flag()?,
            status: r.maybe()?.map(|status| status as u16),
            note: r.text()?.to_owned(),
            digest: match r.flag()? {
                true => Some(digest(r.bytes()?)?),
                false => None,
            },
            reply: match r.flag()? {
                true => Some(Bytes::copy_from_slice(r.bytes()?)),
                false => None,
            },
        })
    }

    /// How it compares with the other side's.
    pub(crate) fn against(&self, other: &Self) -> Verdict {
        match (self.accepted, other.accepted) {
            (true, true) if self.digest == other.digest => Verdict::Same,
            (true, true) => Verdict::Reply,
            (false, false) if self.status == other.status => Verdict::Same,
            _ => Verdict::Status,
        }
    }
}

fn digest(bytes: &[u8]) -> Result<u128, Corrupt> {
    let bytes = bytes.try_into().map_err(|_| Corrupt {
        what: "answer",
        why: "a digest of another length",
    })?;
    Ok(u128::from_be_bytes(bytes))
}

/// How often they agreed: value of `c/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Counted since then.
    pub(crate) since_ms: u64,
    pub(crate) same: u64,
    pub(crate) status: u64,
    pub(crate) reply: u64,
    pub(crate) only_old: u64,
    pub(crate) only_new: u64,
}

impl Tally {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.since_ms)
            .int(self.same)
            .int(self.status)
            .int(self.reply)
            .int(self.only_old)
            .int(self.only_new);
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("tally", bytes, VERSION)?;
        Ok(Self {
            since_ms: r.int()?,
            same: r.int()?,
            status: r.int()?,
            reply: r.int()?,
            only_old: r.int()?,
            only_new: r.int()?,
        })
    }
}

/// A difference that is kept as an example: value of `e/`. Both answers stay in `y/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Differing {
    pub(crate) at_ms: u64,
    pub(crate) bytes: u64,
    pub(crate) verdict: Verdict,
}

impl Differing {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.at_ms)
            .int(self.bytes)
            .flag(self.verdict == Verdict::Reply);
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("difference", bytes, VERSION)?;
        Ok(Self {
            at_ms: r.int()?,
            bytes: r.int()?,
            verdict: match r.flag()? {
                true => Verdict::Reply,
                false => Verdict::Status,
            },
        })
    }
}
