//! A lane as the table holds it.

use super::wire::{Corrupt, Reader, Writer};
use crate::Account;
use bytes::Bytes;

const VERSION: u8 = 1;

/// Cursor, accounts and flags of a lane. Consistent with the other records of the same turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LaneRecord {
    /// Subscription.
    pub(crate) name: String,
    /// Where it began to read.
    pub(crate) begins: u64,
    /// Everything below is settled or recorded.
    pub(crate) low: u64,
    /// Offsets above `low` that are settled or recorded too.
    pub(crate) done: Vec<u64>,
    /// Accounts, without what lies above `low` and is not recorded.
    pub(crate) account: Account,
    /// Next sequence number for a delivery that waits behind its key.
    pub(crate) sequence: u64,
    /// Bytes of events that wait behind their keys.
    pub(crate) waiting_bytes: u64,
    /// Bytes of events that wait for their time in `q/`.
    pub(crate) scheduled_bytes: u64,
    /// Bytes of events in its dead letters.
    pub(crate) dead_bytes: u64,
    pub(crate) paused: bool,
    pub(crate) disabled: bool,
    /// Engine time of this record: due times are meaningless to an earlier clock.
    pub(crate) at_ms: u64,
    pub(crate) job: Option<Job>,
    /// The space that its subscription belonged to when it was last in force; empty where that is not known.
    pub(crate) space: String,
}

/// What makes a lane a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// It ends before this offset.
    pub(crate) until: u64,
    /// The subscription's filter when it began.
    pub(crate) definition: String,
    /// Attempts per 1,000 seconds; 0 for no limit of its own.
    pub(crate) milli_rate: u64,
    pub(crate) cancelled: bool,
    /// How the subscription's group split keys then, in JSON.
    pub(crate) split: Option<String>,
}

impl LaneRecord {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.text(&self.name)
            .int(self.begins)
            .int(self.low)
            .int(self.done.len() as u64);
        let mut last = self.low;
        for offset in &self.done {
            w.int(offset - last);
            last = *offset;
        }
        let a = &self.account;
        for n in [
            a.matched,
            a.accepted,
            a.dead_lettered,
            a.expired,
            a.cancelled,
            a.purged,
            a.pending,
            a.filtered,
            a.attempts,
            self.sequence,
            self.waiting_bytes,
        ] {
            w.int(n);
        }
        w.flag(self.paused).flag(self.disabled).int(self.at_ms);
        w.flag(self.job.is_some());
        if let Some(job) = &self.job {
            w.text(&job.id)
                .int(job.until)
                .text(&job.definition)
                .int(job.milli_rate)
                .flag(job.cancelled);
        }
        w.int(self.dead_bytes).int(self.scheduled_bytes);
        if let Some(job) = &self.job {
            w.text(job.split.as_deref().unwrap_or_default());
        }
        w.text(&self.space);
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("lane", bytes, VERSION)?;
        let name = r.text()?.to_owned();
        let begins = r.int()?;
        let low = r.int()?;
        let mut done = Vec::new();
        let mut last = low;
        for _ in 0..r.count()? {
            last = last.saturating_add(r.int()?);
            done.push(last);
        }
        let account = Account {
            matched: r.int()?,
            accepted: r.int()?,
            dead_lettered: r.int()?,
            expired: r.int()?,
            cancelled: r.int()?,
            purged: r.int()?,
            pending: r.int()?,
            filtered: r.int()?,
            attempts: r.int()?,
        };
        let mut record = Self {
            name,
            begins,
            low,
            done,
            account,
            sequence: r.int()?,
            waiting_bytes: r.int()?,
            paused: r.flag()?,
            disabled: r.flag()?,
            at_ms: r.int()?,
            job: if r.flag()? {
                Some(Job {
                    id: r.text()?.to_owned(),
                    until: r.int()?,
                    definition: r.text()?.to_owned(),
                    milli_rate: r.int()?,
                    cancelled: r.flag()?,
                    split: None,
                })
            } else {
                None
            },
            // Not in records of the first release.
            dead_bytes: if r.left() > 0 { r.int()? } else { 0 },
            // Nor before there were spaces.
            scheduled_bytes: if r.left() > 0 { r.int()? } else { 0 },
            space: String::new(),
        };
        // Nor before there were groups.
        if let Some(job) = record.job.as_mut().filter(|_| r.left() > 0) {
            job.split = Some(r.text()?.to_owned()).filter(|split| !split.is_empty());
        }
        // Nor before it counted whose it was.
        if r.left() > 0 {
            r.text()?.clone_into(&mut record.space);
        }
        Ok(record)
    }
}
