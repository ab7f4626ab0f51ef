//! Deliveries that were accepted at their first attempt: most of them, so many share one record.

use super::delivery::{Final, Trail};
use super::keys::LaneId;
use super::wire::{Corrupt, Reader, Writer};
use crate::Attempt;
use bytes::Bytes;
use tradewind_adapter::Reason;

const VERSION: u8 = 2;
/// Is read still.
const EARLIER: u8 = 1;

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

/// What deliveries of one target that went well have in common.
#[derive(Clone, Copy, PartialEq)]
struct Words<'a> {
    note: Option<&'a str>,
    reason: Option<&'a Reason>,
    member: Option<&'a str>,
}

impl<'a> Words<'a> {
    fn of(accepted: &'a Accepted) -> Self {
        Self {
            note: accepted.note.as_deref(),
            reason: accepted.reason.as_ref(),
            member: accepted.member.as_deref(),
        }
    }
}

/// Among so many of the latest words those of the next delivery are looked for.
const LATEST: usize = 8;

/// Value of `a/`.
pub(crate) fn encode(all: &[Accepted]) -> Bytes {
    let base = all.iter().map(|a| a.offset).min().unwrap_or_default();
    let began = all.iter().map(|a| a.began_ms).min().unwrap_or_default();
    let mut words: Vec<Words<'_>> = Vec::new();
    let mut places = Vec::with_capacity(all.len());
    for a in all {
        let its = Words::of(a);
        let latest = words.len().saturating_sub(LATEST);
        let known = words[latest..].iter().position(|known| *known == its);
        places.push(known.map_or(words.len(), |n| latest + n));
        if known.is_none() {
            words.push(its);
        }
    }
    let mut w = Writer::new(VERSION);
    w.int(base).int(began).int(words.len() as u64);
    for Words {
        note,
        reason,
        member,
    } in words
    {
        w.text(note.unwrap_or_default())
            .text(member.unwrap_or_default())
            .flag(reason.is_some());
        if let Some(reason) = reason {
            w.text(&reason.code)
                .maybe(reason.status.map(u64::from))
                .text(&reason.detail);
        }
    }
    w.int(all.len() as u64);
    for (a, place) in all.iter().zip(places) {
        w.int(a.offset - base)
            .int(a.lane.into())
            .int(a.began_ms - began)
            .int(a.took_ms)
            .int(place as u64);
    }
    w.finish()
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Accepted>, Corrupt> {
    let what = "accepted deliveries";
    if bytes.first() == Some(&EARLIER) {
        return earlier(Reader::new(what, bytes, EARLIER)?);
    }
    let mut r = Reader::new(what, bytes, VERSION)?;
    let (base, began) = (r.int()?, r.int()?);
    let mut words = Vec::new();
    for _ in 0..r.count()? {
        let note = some(r.text()?);
        let member = some(r.text()?);
        words.push((note, member, reason(&mut r)?));
    }
    let mut all = Vec::new();
    for _ in 0..r.count()? {
        let (offset, lane, began_ms, took_ms) =
            (r.int()?, r.int()?, began.saturating_add(r.int()?), r.int()?);
        let place = usize::try_from(r.int()?).unwrap_or(usize::MAX);
        let (note, member, reason) = words.get(place).cloned().ok_or(Corrupt {
            what,
            why: "words that are not there",
        })?;
        all.push(Accepted {
            offset: base.saturating_add(offset),
            lane: lane as LaneId,
            began_ms,
            took_ms,
            reason,
            note,
            member,
        });
    }
    Ok(all)
}

/// Each with words of its own.
fn earlier(mut r: Reader<'_>) -> Result<Vec<Accepted>, Corrupt> {
    let (base, began) = (r.int()?, r.int()?);
    let mut all = Vec::new();
    for _ in 0..r.count()? {
        all.push(Accepted {
            offset: base.saturating_add(r.int()?),
            lane: r.int()? as LaneId,
            began_ms: began.saturating_add(r.int()?),
            took_ms: r.int()?,
            note: some(r.text()?),
            reason: reason(&mut r)?,
            member: None,
        });
    }
    // Only where some went to groups.
    if r.left() > 0 {
        for accepted in &mut all {
            accepted.member = some(r.text()?);
        }
    }
    Ok(all)
}

fn reason(r: &mut Reader<'_>) -> Result<Option<Reason>, Corrupt> {
    if !r.flag()? {
        return Ok(None);
    }
    let code = r.text()?.to_owned();
    let status = r.maybe()?.map(|s| s as u16);
    let mut reason = Reason::new(code, r.text()?);
    reason.status = status;
    Ok(Some(reason))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
