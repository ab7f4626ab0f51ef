//! Checkpoints: the log's outcome is put where it need not be read from the log again, and what no
//! one refers to any more is removed.

use super::{Shard, Spec};
use crate::Error;
use crate::dedupe::{Flushed, Index};
use crate::disk::Disk;
use crate::table::{Checkpoint, Table};
use std::sync::Arc;

/// The part of a checkpoint that takes time and needs no writer.
#[derive(Debug)]
pub(crate) struct Job {
    spec: Spec,
    table: Arc<Table>,
    index: Arc<Index>,
    checkpoint: Checkpoint,
}

/// A checkpoint that is durable.
#[derive(Debug)]
pub(crate) struct Done {
    checkpoint: Checkpoint,
    flushed: Flushed,
}

impl Job {
    /// Writes runs and table; a crash at any step leaves the checkpoint before this one.
    pub(crate) fn run(mut self) -> Result<Done, Error> {
        let flushed = self
            .index
            .flush(&self.spec.disk, &self.spec.dir, self.spec.salt)?;
        self.checkpoint.runs.extend(flushed.infos());
        self.table.persist(&self.checkpoint)?;
        Ok(Done {
            checkpoint: self.checkpoint,
            flushed,
        })
    }
}

impl Shard {
    /// Whether enough has gathered for a checkpoint.
    pub(crate) fn is_due(&self) -> bool {
        let params = &self.spec.params;
        !self.writing
            && self.failed.is_none()
            && (self.table.waiting() >= params.overlay_bytes
                || self.index.waiting() >= params.identities / self.spec.shards() as usize
                || self.log.end() - self.checkpoint.applied >= params.replay_bytes)
    }

    /// Begins a checkpoint, after which the log may begin at the segment that holds `before`. `None`
    /// while one is being written.
    pub(crate) fn begin(&mut self, before: u64, now_ms: u64) -> Result<Option<Job>, Error> {
        self.check()?;
        if self.writing {
            return Ok(None);
        }
        if before >= self.log.end() && self.log.end() > self.log.active().base {
            // The active segment goes too.
            let rolled = self.log.roll();
            self.strict(rolled)?;
        }
        // The table must not overtake the log.
        let synced = self.sync();
        self.strict(synced)?;
        self.table.freeze();
        self.index.freeze();
        let segments = self.log.reader().segments();
        let bases = segments.iter().map(|segment| segment.base);
        let start = bases
            .filter(|base| *base <= before)
            .max()
            .unwrap_or_else(|| self.log.start());
        let max = self.spec.settings.dedupe_max / self.spec.shards();
        let (runs, evicted) = self.index.plan(start, now_ms, max);
        self.stats.dedupe_evicted += evicted;
        self.writing = true;
        Ok(Some(Job {
            spec: self.spec.clone(),
            table: Arc::clone(&self.table),
            index: Arc::clone(&self.index),
            checkpoint: Checkpoint {
                applied: self.log.end(),
                start,
                epoch: self.log.epoch(),
                flushed: self.log.end(),
                runs,
                events: self.log.active().ordinal,
            },
        }))
    }

    /// Ends a checkpoint: removes what it made superfluous.
    pub(crate) fn finish(&mut self, done: Result<Done, Error>, now_ms: u64) -> Result<(), Error> {
        self.writing = false;
        // A table that could not be written is of no use until it is opened again.
        let done = done.map_err(|error| match error {
            Error::Full => Error::Failed("no room for a checkpoint".into()),
            error => error,
        });
        let Done {
            checkpoint,
            flushed,
        } = self.strict(done)?;
        for file in self.index.install(&checkpoint.runs, flushed, now_ms) {
            let removed = self.spec.disk.remove(&self.spec.dir.join(file));
            let removed = removed.map_err(|e| crate::log::failed("remove a run", &e));
            self.strict(removed)?;
        }
        let removed = self.log.remove(checkpoint.start);
        self.checkpoint = checkpoint;
        self.strict(removed)
    }

    /// A whole checkpoint, here and now, if one is due.
    pub(crate) fn maintain(&mut self, now_ms: u64) -> Result<(), Error> {
        if self.is_due() {
            self.trim(0, now_ms)
        } else {
            Ok(())
        }
    }

    /// A whole checkpoint, here and now. See [`crate::Stream::trim`].
    pub(crate) fn trim(&mut self, before: u64, now_ms: u64) -> Result<(), Error> {
        match self.begin(before, now_ms)? {
            Some(job) => {
                let done = job.run();
                self.finish(done, now_ms)
            }
            None => Ok(()),
        }
    }
}
