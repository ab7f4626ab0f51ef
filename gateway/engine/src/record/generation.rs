//! Generations of subscriptions: what the log holds, and what the table says is in force.

use super::keys::LaneId;
use super::wire::{Corrupt, Reader, Writer};
use crate::Start;
use bytes::Bytes;

const VERSION: u8 = 1;

/// A change of the stream's subscriptions, as a control record holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Generation {
    pub(crate) subscriptions: Vec<Declared>,
}

/// One subscription of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) renamed_from: Option<String>,
    /// The filter as written, in JSON.
    pub(crate) definition: String,
    pub(crate) start: Start,
    /// How its group splits keys, in JSON.
    pub(crate) split: Option<String>,
    /// The space that it belongs to; empty where that is not known.
    pub(crate) space: String,
}

impl Generation {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.subscriptions.len() as u64);
        for s in &self.subscriptions {
            w.text(&s.name)
                .text(s.renamed_from.as_deref().unwrap_or_default())
                .text(&s.definition);
            match s.start {
                Start::Tip => w.int(0),
                Start::Oldest => w.int(1),
                Start::Time(ms) => w.int(2).int(ms),
            };
        }
        write_splits(self.subscriptions.iter().map(|s| &s.split), &mut w);
        for s in &self.subscriptions {
            w.text(&s.space);
        }
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("generation", bytes, VERSION)?;
        let mut subscriptions = Vec::new();
        for _ in 0..r.count()? {
            subscriptions.push(Declared {
                name: r.text()?.to_owned(),
                renamed_from: Some(r.text()?.to_owned()).filter(|s| !s.is_empty()),
                definition: r.text()?.to_owned(),
                start: match r.int()? {
                    0 => Start::Tip,
                    1 => Start::Oldest,
                    _ => Start::Time(r.int()?),
                },
                split: None,
                space: String::new(),
            });
        }
        for (at, split) in read_splits(&mut r)? {
            if let Some(subscription) = subscriptions.get_mut(at) {
                subscription.split = Some(split);
            }
        }
        // Nor had records of earlier releases these.
        if r.left() > 0 {
            for declared in &mut subscriptions {
                r.text()?.clone_into(&mut declared.space);
            }
        }
        Ok(Self { subscriptions })
    }
}

/// A generation as the table holds it: lanes instead of names, so that it survives renaming.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct InForce {
    pub(crate) lanes: Vec<(LaneId, Ruled)>,
}

/// What a generation says of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ruled {
    pub(crate) definition: String,
    pub(crate) split: Option<String>,
}

impl InForce {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.lanes.len() as u64);
        for (lane, ruled) in &self.lanes {
            w.int((*lane).into()).text(&ruled.definition);
        }
        write_splits(self.lanes.iter().map(|(_, ruled)| &ruled.split), &mut w);
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("generation in force", bytes, VERSION)?;
        let mut lanes = Vec::new();
        for _ in 0..r.count()? {
            let lane = r.int()? as LaneId;
            let definition = r.text()?.to_owned();
            let split = None;
            lanes.push((lane, Ruled { definition, split }));
        }
        for (at, split) in read_splits(&mut r)? {
            if let Some((_, ruled)) = lanes.get_mut(at) {
                ruled.split = Some(split);
            }
        }
        Ok(Self { lanes })
    }
}

/// Behind what earlier releases wrote, who read no further.
fn write_splits<'a>(all: impl Iterator<Item = &'a Option<String>>, w: &mut Writer) {
    let there: Vec<_> = all
        .enumerate()
        .filter_map(|(at, split)| Some((at, split.as_deref()?)))
        .collect();
    w.int(there.len() as u64);
    for (at, split) in there {
        w.int(at as u64).text(split);
    }
}

fn read_splits(r: &mut Reader<'_>) -> Result<Vec<(usize, String)>, Corrupt> {
    let mut splits = Vec::new();
    if r.left() > 0 {
        for _ in 0..r.count()? {
            splits.push((r.int()? as usize, r.text()?.to_owned()));
        }
    }
    Ok(splits)
}
