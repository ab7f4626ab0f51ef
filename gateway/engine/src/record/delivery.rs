//! Deliveries outside memory: pending ones, dead letters, and how each one ended.

use super::wire::{Corrupt, Reader, Writer};
use crate::Attempt;
use bytes::Bytes;
use tradewind_adapter::Reason;

const VERSION: u8 = 1;
/// Of many attempts, so many of the first are kept,
const FIRST: usize = 8;
/// and so many of the last: a delivery takes the same room however often it fails.
const LAST: usize = 24;
/// Details of all but the last attempt are cut to this, so that thirty of them stay small.
const OLD_DETAIL_MAX: usize = 128;

/// What a delivery has behind it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Trail {
    /// What its age counts from: the append, or the redrive.
    pub(crate) born_ms: u64,
    /// First attempt since then.
    pub(crate) first_ms: Option<u64>,
    /// Attempts before the last redrive: shown, not counted against the policy.
    pub(crate) spent: u32,
    /// The first and the last of them.
    pub(crate) attempts: Vec<Attempt>,
    /// Those in between, of which only the number is known.
    pub(crate) skipped: u32,
    /// Goes to the member of a group that it would go to from there, and not from where it lies: it was
    /// redriven.
    pub(crate) routed: Option<u64>,
}

impl Trail {
    /// Attempts that were made.
    pub(crate) fn made(&self) -> u32 {
        self.skipped.saturating_add(self.attempts.len() as u32)
    }

    /// Attempts that count against the policy.
    pub(crate) fn counted(&self) -> u32 {
        self.made().saturating_sub(self.spent)
    }

    pub(crate) fn push(&mut self, attempt: Attempt) {
        if self.attempts.len() >= FIRST + LAST {
            self.attempts.remove(FIRST);
            self.skipped = self.skipped.saturating_add(1);
        }
        self.attempts.push(attempt);
    }

    fn write(&self, w: &mut Writer) {
        w.int(self.born_ms)
            .maybe(self.first_ms)
            .int(self.spent.into())
            .int(self.attempts.len() as u64);
        for (i, a) in self.attempts.iter().enumerate() {
            w.int(a.number.into()).int(a.at_ms).int(a.took_ms);
            w.int(match a.outcome.as_str() {
                "accepted" => 0,
                "retry" => 1,
                _ => 2,
            });
            w.flag(a.reason.is_some());
            if let Some(reason) = &a.reason {
                let mut end = reason.detail.len();
                if i + 1 < self.attempts.len() {
                    end = reason.detail.floor_char_boundary(OLD_DETAIL_MAX);
                }
                w.text(&reason.code)
                    .maybe(reason.status.map(u64::from))
                    .text(&reason.detail[..end]);
            }
        }
        let grouped = self.routed.is_some() || self.attempts.iter().any(|a| a.member.is_some());
        if self.skipped > 0 || grouped {
            w.int(self.skipped.into());
        }
        if grouped {
            for attempt in &self.attempts {
                w.text(attempt.member.as_deref().unwrap_or_default());
            }
            w.maybe(self.routed);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let mut trail = Self {
            born_ms: r.int()?,
            first_ms: r.maybe()?,
            spent: r.int()? as u32,
            attempts: Vec::new(),
            skipped: 0,
            routed: None,
        };
        for _ in 0..r.count()? {
            trail.attempts.push(Attempt {
                number: r.int()? as u32,
                at_ms: r.int()?,
                took_ms: r.int()?,
                outcome: match r.int()? {
                    0 => "accepted",
                    1 => "retry",
                    _ => "reject",
                }
                .to_owned(),
                reason: if r.flag()? {
                    let code = r.text()?.to_owned();
                    let status = r.maybe()?.map(|s| s as u16);
                    let mut reason = Reason::new(code, r.text()?);
                    reason.status = status;
                    Some(reason)
                } else {
                    None
                },
                member: None,
            });
        }
        // The trail ends its record.
        if r.left() > 0 {
            trail.skipped = r.int()? as u32;
        }
        // Only of deliveries to groups.
        if r.left() > 0 {
            for attempt in &mut trail.attempts {
                attempt.member = Some(r.text()?.to_owned()).filter(|member| !member.is_empty());
            }
            trail.routed = r.maybe()?;
        }
        Ok(trail)
    }
}

/// A pending delivery: value of `q/` and `k/`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pendant {
    pub(crate) offset: u64,
    pub(crate) key: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) trail: Trail,
}

impl Pendant {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.offset).maybe(self.key).int(self.bytes);
        self.trail.write(&mut w);
        w.finish()
    }
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("pending delivery", bytes, VERSION)?;
        Ok(Self {
            offset: r.int()?,
            key: r.maybe()?,
            bytes: r.int()?,
            trail: Trail::read(&mut r)?,
        })
    }
}

/// Why a delivery became a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Exhausted,
    Rejected,
    TooOld,
    Hops,
    Backlog,
    ParkedOverflow,
    Damaged,
}

const CAUSES: [(Cause, &str); 7] = [
    (Cause::Exhausted, "exhausted"),
    (Cause::Rejected, "rejected"),
    (Cause::TooOld, "too-old"),
    (Cause::Hops, "hops"),
    (Cause::Backlog, "backlog"),
    (Cause::ParkedOverflow, "parked-overflow"),
    (Cause::Damaged, "damaged"),
];

pub(crate) fn cause_name(cause: Cause) -> &'static str {
    CAUSES[cause as usize].1
}

/// A dead letter: value of `x/`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Buried {
    pub(crate) at_ms: u64,
    pub(crate) cause: Cause,
    pub(crate) key: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) trail: Trail,
}

impl Buried {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.at_ms)
            .int(self.cause as u64)
            .maybe(self.key)
            .int(self.bytes);
        self.trail.write(&mut w);
        w.finish()
    }
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("dead letter", bytes, VERSION)?;
        Ok(Self {
            at_ms: r.int()?,
            cause: CAUSES
                .get(r.int()? as usize)
                .map_or(Cause::Damaged, |(cause, _)| *cause),
            key: r.maybe()?,
            bytes: r.int()?,
            trail: Trail::read(&mut r)?,
        })
    }
}

/// How a delivery stands: value of `h/`. For people only; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Final {
    /// As in `Stop::state`.
    pub(crate) state: String,
    pub(crate) due_ms: Option<u64>,
    pub(crate) note: Option<String>,
    pub(crate) trail: Trail,
}

impl Final {
    pub(crate) fn encode(
        state: &str,
        due_ms: Option<u64>,
        note: Option<&str>,
        trail: &Trail,
    ) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.text(state).maybe(due_ms).text(note.unwrap_or_default());
        trail.write(&mut w);
        w.finish()
    }
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("history", bytes, VERSION)?;
        Ok(Self {
            state: r.text()?.to_owned(),
            due_ms: r.maybe()?,
            note: Some(r.text()?.to_owned()).filter(|s| !s.is_empty()),
            trail: Trail::read(&mut r)?,
        })
    }
}
