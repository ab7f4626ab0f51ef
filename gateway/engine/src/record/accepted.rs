//! Deliveries that were accepted at their first attempt: most of them, so many share one record.

use super::delivery::{Final, Trail};
use super::keys::LaneId;
use super::wire::{Corrupt, Reader, Writer};
use crate::Attempt;
use bytes::Bytes;
use tradewind_adapter::Reason;

const VERSION: u8 = 1;

/// How one of them went. For people only; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) offset: u64,
    pub(crate) lane: LaneId,
    pub(crate) began_ms: u64,
    pub(crate) took_ms: u64,
    pub(crate) reason: Option<Reason>,
    pub(crate) note: Option<String>,
    pub(crate) member: Option<String>,
}

impl Accepted {
    /// As it is told where deliveries have a record of their own.
    pub(crate) fn told(self) -> Final {
        Final {
            state: "accepted".into(),
            due_ms: None,
            note: self.note,
            trail: Trail {
                first_ms: Some(self.began_ms),
                attempts: vec![Attempt {
                    number: 1,
                    at_ms: self.began_ms,
                    took_ms: self.took_ms,
                    outcome: "accepted".into(),
                    reason: self.reason,
                    member: self.member,
                }],
                ..Trail::default()
            },
        }
    }
}

/// Value of `a/`.
pub(crate) fn encode(all: &[Accepted]) -> Bytes {
    let base = all.iter().map(|a| a.offset).min().unwrap_or_default();
    let began = all.iter().map(|a| a.began_ms).min().unwrap_or_default();
    let mut w = Writer::new(VERSION);
    w.int(base).int(began).int(all.len() as u64);
    for a in all {
        w.int(a.offset - base)
            .int(a.lane.into())
            .int(a.began_ms - began)
            .int(a.took_ms)
            .text(a.note.as_deref().unwrap_or_default())
            .flag(a.reason.is_some());
        if let Some(reason) = &a.reason {
            w.text(&reason.code)
                .maybe(reason.status.map(u64::from))
                .text(&reason.detail);
        }
    }
    if all.iter().any(|a| a.member.is_some()) {
        for a in all {
            w.text(a.member.as_deref().unwrap_or_default());
        }
    }
    w.finish()
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Accepted>, Corrupt> {
    let mut r = Reader::new("accepted deliveries", bytes, VERSION)?;
    let (base, began) = (r.int()?, r.int()?);
    let mut all = Vec::new();
    for _ in 0..r.count()? {
        all.push(Accepted {
            offset: base.saturating_add(r.int()?),
            lane: r.int()? as LaneId,
            began_ms: began.saturating_add(r.int()?),
            took_ms: r.int()?,
            note: Some(r.text()?.to_owned()).filter(|note| !note.is_empty()),
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
    // Only where some went to groups.
    if r.left() > 0 {
        for accepted in &mut all {
            accepted.member = Some(r.text()?.to_owned()).filter(|member| !member.is_empty());
        }
    }
    Ok(all)
}
