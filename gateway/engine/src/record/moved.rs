//! A shard's state where every item of its log lies elsewhere: offsets are in keys and in values.

#[cfg(test)]
mod tests;

use super::accepted::{self, Accepted};
use super::keys::{self, LaneId, Tag};
use super::wire::Corrupt;
use super::{Buried, Final, Job, LaneRecord, Pendant, Trail};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Where things lie now, by where they lay.
pub(crate) trait Places {
    /// The item at `offset`.
    fn item(&mut self, offset: u64) -> Result<u64, Corrupt>;
    /// Where everything begins that lay at or after `offset`. The beginning stays the beginning.
    fn edge(&mut self, offset: u64) -> u64;
    /// Whether there was log at `offset` still.
    fn in_log(&self, offset: u64) -> bool;
}

/// A row of the state table.
pub(crate) type Row = (Bytes, Bytes);

/// Epoch of acceptances that were moved: that of no owner.
const NOBODY: u64 = 0;

/// Goes over all rows of a shard, one by one.
#[derive(Debug, Default)]
pub(crate) struct Mover {
    /// Acceptances of several stretches may come to lie in one.
    numbered: u64,
}

/// The parts of a key behind its tag.
struct Parts<'a>(&'a [u8]);

const SHORT: Corrupt = Corrupt {
    what: "key of the state",
    why: "cut short",
};

impl Parts<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (part, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*part)
    }
    fn lane(&mut self) -> Result<LaneId, Corrupt> {
        self.take().map(u32::from_be_bytes)
    }
    fn number(&mut self) -> Result<u64, Corrupt> {
        self.take().map(u64::from_be_bytes)
    }
    fn end(self) -> Result<(), Corrupt> {
        match self.0 {
            [] => Ok(()),
            _ => Err(Corrupt {
                what: "key of the state",
                why: "longer than it should be",
            }),
        }
    }
}

/// A value that is an offset and nothing else.
fn offset(value: &[u8]) -> Result<u64, Corrupt> {
    let mut parts = Parts(value);
    let offset = parts.number()?;
    parts.end().map(|()| offset)
}

fn to_bytes(offset: u64) -> Bytes {
    Bytes::copy_from_slice(&offset.to_be_bytes())
}

impl Mover {
    /// What a row becomes: most often one.
    pub(crate) fn row(
        &mut self,
        key: &Bytes,
        value: &Bytes,
        to: &mut dyn Places,
    ) -> Result<Vec<Row>, Corrupt> {
        let Some(tag) = Tag::of(key) else {
            return Err(Corrupt {
                what: "row of the state",
                why: "of a kind that this release does not know",
            });
        };
        let mut parts = Parts(&key[1..]);
        let row = match tag {
            // No offset in them.
            Tag::NextLane | Tag::Stops | Tag::OrderBy | Tag::Tally => {
                return Ok(vec![(key.clone(), value.clone())]);
            }
            Tag::Generation => {
                let at = to.item(parts.number()?)?;
                (keys::generation(at), value.clone())
            }
            Tag::Intent => (keys::intent(), to_bytes(to.edge(offset(value)?))),
            Tag::Lane | Tag::Closed => {
                parts.lane()?;
                let moved = LaneRecord::decode(value)?.moved(to)?;
                return parts.end().map(|()| vec![(key.clone(), moved.encode())]);
            }
            Tag::Scheduled => {
                let (lane, due) = (parts.lane()?, parts.number()?);
                let at = to.item(parts.number()?)?;
                let moved = Pendant::decode(value)?.moved(to)?;
                (keys::scheduled(lane, due, at), moved.encode())
            }
            Tag::Waiting => {
                let (lane, ordering, sequence) = (parts.lane()?, parts.number()?, parts.number()?);
                let moved = Pendant::decode(value)?.moved(to)?;
                (keys::waiting(lane, ordering, sequence), moved.encode())
            }
            Tag::Parked => {
                let (lane, ordering) = (parts.lane()?, parts.number()?);
                let on = to.item(offset(value)?)?;
                (keys::parked(lane, ordering), to_bytes(on))
            }
            Tag::Dead => {
                let lane = parts.lane()?;
                let at = to.item(parts.number()?)?;
                let moved = Buried::decode(value)?.moved(to);
                (keys::dead(lane, at), moved.encode())
            }
            Tag::Accepted => {
                let [_stretch, _epoch, _number] =
                    [parts.number()?, parts.number()?, parts.number()?];
                let all = accepted::decode(value)?;
                return parts.end().and_then(|()| self.accepted(all, to));
            }
            Tag::History => {
                let at = to.item(parts.number()?)?;
                let lane = parts.lane()?;
                let Final {
                    state,
                    due_ms,
                    note,
                    trail,
                } = Final::decode(value)?;
                let trail = trail.moved(to);
                let told = Final::encode(&state, due_ms, note.as_deref(), &trail);
                (keys::history(at, lane), told)
            }
            Tag::Kept => {
                let lane = parts.lane()?;
                let at = to.item(parts.number()?)?;
                (keys::kept(lane, at), value.clone())
            }
            Tag::Damage => {
                let (from, until) = (parts.number()?, offset(value)?);
                let (from, until) = (to.edge(from), to.edge(until));
                if from == until {
                    // Nothing lies where it was, so that nothing is missing there.
                    return parts.end().map(|()| Vec::new());
                }
                (keys::damage(from), to_bytes(until))
            }
            Tag::Answer => {
                let lane = parts.lane()?;
                let at = to.item(parts.number()?)?;
                let [side] = parts.take()?;
                (keys::answer(lane, at, side), value.clone())
            }
            Tag::Differing => {
                let lane = parts.lane()?;
                let at = to.item(parts.number()?)?;
                (keys::differing(lane, at), value.clone())
            }
        };
        parts.end().map(|()| vec![row])
    }

    /// By the stretches that they lie in now.
    fn accepted(&mut self, all: Vec<Accepted>, to: &mut dyn Places) -> Result<Vec<Row>, Corrupt> {
        let mut stretches: BTreeMap<u64, Vec<Accepted>> = BTreeMap::new();
        // What its record shares a stretch with may be gone from the log.
        for accepted in all
            .into_iter()
            .filter(|a| to.in_log(a.offset))
            .collect::<Vec<_>>()
        {
            let offset = to.item(accepted.offset)?;
            let stretch = stretches.entry(keys::stretch(offset)).or_default();
            stretch.push(Accepted { offset, ..accepted });
        }
        let rows = stretches.into_iter().map(|(stretch, all)| {
            self.numbered += 1;
            let key = keys::accepted(stretch, NOBODY, self.numbered);
            (key, accepted::encode(&all))
        });
        Ok(rows.collect())
    }
}

// Each field is named, so that one that is added is thought of.

impl Trail {
    fn moved(self, to: &mut dyn Places) -> Self {
        let Self {
            born_ms,
            first_ms,
            spent,
            attempts,
            skipped,
            routed,
        } = self;
        Self {
            born_ms,
            first_ms,
            spent,
            attempts,
            skipped,
            routed: routed.map(|routed| to.edge(routed)),
        }
    }
}

impl Pendant {
    fn moved(self, to: &mut dyn Places) -> Result<Self, Corrupt> {
        let Self {
            offset,
            key,
            bytes,
            trail,
        } = self;
        Ok(Self {
            offset: to.item(offset)?,
            key,
            bytes,
            trail: trail.moved(to),
        })
    }
}

impl Buried {
    fn moved(self, to: &mut dyn Places) -> Self {
        let Self {
            at_ms,
            cause,
            key,
            bytes,
            trail,
        } = self;
        Self {
            at_ms,
            cause,
            key,
            bytes,
            trail: trail.moved(to),
        }
    }
}

impl LaneRecord {
    fn moved(self, to: &mut dyn Places) -> Result<Self, Corrupt> {
        let Self {
            name,
            begins,
            low,
            done,
            account,
            sequence,
            waiting_bytes,
            scheduled_bytes,
            dead_bytes,
            paused,
            disabled,
            at_ms,
            job,
            space,
        } = self;
        let done = done.into_iter().map(|offset| to.item(offset));
        Ok(Self {
            name,
            done: done.collect::<Result<_, _>>()?,
            begins: to.edge(begins),
            low: to.edge(low),
            account,
            sequence,
            waiting_bytes,
            scheduled_bytes,
            dead_bytes,
            paused,
            disabled,
            at_ms,
            job: job.map(|job| job.moved(to)),
            space,
        })
    }
}

impl Job {
    fn moved(self, to: &mut dyn Places) -> Self {
        let Self {
            id,
            until,
            definition,
            milli_rate,
            cancelled,
            split,
        } = self;
        Self {
            id,
            until: to.edge(until),
            definition,
            milli_rate,
            cancelled,
            split,
        }
    }
}
