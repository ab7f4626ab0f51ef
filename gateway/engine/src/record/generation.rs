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
            });
        }
        Ok(Self { subscriptions })
    }
}

/// A generation as the table holds it: lanes instead of names, so that it survives renaming.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct InForce {
    pub(crate) lanes: Vec<(LaneId, String)>,
}

impl InForce {
    pub(crate) fn encode(&self) -> Bytes {
        let mut w = Writer::new(VERSION);
        w.int(self.lanes.len() as u64);
        for (lane, definition) in &self.lanes {
            w.int((*lane).into()).text(definition);
        }
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut r = Reader::new("generation in force", bytes, VERSION)?;
        let mut lanes = Vec::new();
        for _ in 0..r.count()? {
            lanes.push((r.int()? as LaneId, r.text()?.to_owned()));
        }
        Ok(Self { lanes })
    }
}
