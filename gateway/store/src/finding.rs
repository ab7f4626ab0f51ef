//! What is wrong on disk, for the operator.

use crate::Shard;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most findings kept per shard; what is beyond is still skipped and logged by whoever reads it.
const MOST: usize = 1000;

/// What a finding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Nothing: it was made again from what is whole.
    Nothing,
    /// A write that may or may not have been acknowledged.
    Unclear,
    /// Something that was durable once.
    Certain,
}

impl Loss {
    /// `nothing`, `unclear` or `certain`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Unclear => "unclear",
            Self::Certain => "certain",
        }
    }
}

/// Something that is wrong on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The shard.
    pub shard: Shard,
    /// What it costs.
    pub loss: Loss,
    /// What was found and what was done, in a sentence.
    pub what: String,
    /// Offsets `[from, to)` of the log that cannot be read; `u64::MAX` where the end is not known.
    pub range: Option<Range<u64>>,
    /// Events that lie there; `None` where nobody can tell.
    pub events: Option<u64>,
}

impl Finding {
    pub(crate) fn new(loss: Loss, what: impl Into<String>) -> Self {
        Self {
            shard: 0,
            loss,
            what: what.into(),
            range: None,
            events: None,
        }
    }

    pub(crate) fn at(mut self, range: Range<u64>, events: Option<u64>) -> Self {
        self.range = Some(range);
        self.events = events;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(range) = &self.range {
            let shard = self.shard;
            match range.end {
                u64::MAX => write!(f, ": {shard}/{} and on", range.start)?,
                end => write!(f, ": {shard}/{} up to {shard}/{end}", range.start)?,
            }
            match self.events {
                Some(1) => f.write_str(", 1 event")?,
                Some(events) => write!(f, ", {events} events")?,
                None => f.write_str(", nobody can tell how many events")?,
            }
        }
        Ok(())
    }
}

/// The findings of one shard, shared by all who may meet damage.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    shard: Shard,
    all: Mutex<Vec<Finding>>,
}

impl Findings {
    pub(crate) fn new(shard: Shard) -> Self {
        Self {
            shard,
            all: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Finding>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a finding, once.
    pub(crate) fn add(&self, mut finding: Finding) {
        finding.shard = self.shard;
        let mut all = self.lock();
        if all.len() < MOST && !all.contains(&finding) {
            all.push(finding);
        }
    }

    /// Whether this stretch is known to be lost.
    pub(crate) fn covers(&self, range: &Range<u64>) -> bool {
        self.lock().iter().any(|finding| {
            finding.loss == Loss::Certain
                && finding
                    .range
                    .as_ref()
                    .is_some_and(|known| known.start <= range.start && range.end <= known.end)
        })
    }

    pub(crate) fn list(&self) -> Vec<Finding> {
        self.lock().clone()
    }
}
