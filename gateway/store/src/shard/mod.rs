//! One shard of a stream: log, state table and dedupe index under one writer.
//!
//! Synchronous and without threads: the same calls over the same disk do the same.

mod checkpoint;
mod commit;
mod cut;
mod replay;
#[cfg(all(test, feature = "testkit"))]
mod tests;

pub(crate) use checkpoint::Done;
pub(crate) use commit::{Call, Outcome};

use crate::dedupe::Index;
use crate::disk::{Disk, Reserve};
use crate::finding::Findings;
use crate::log::{Known, Log, Reader, Record, Resume, Segment, Summary, recover};
use crate::table::{Checkpoint, Table};
use crate::{Durability, Error, Params, Recovered, Settings, Shard as ShardId, Stats};
use replay::{Replay, lost_table};
use std::path::PathBuf;
use std::sync::Arc;

/// What a shard is opened with.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) disk: Reserve,
    pub(crate) dir: PathBuf,
    pub(crate) shard: ShardId,
    /// Secret of the stream: keeps payloads from posing as log.
    pub(crate) salt: u64,
    pub(crate) settings: Settings,
    pub(crate) params: Params,
}

impl Spec {
    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.disk.clone())
    }

    fn shards(&self) -> u64 {
        u64::from(self.settings.shards.max(1))
    }
}

/// A shard, as its writer has it.
#[derive(Debug)]
pub(crate) struct Shard {
    spec: Spec,
    log: Log,
    table: Arc<Table>,
    index: Arc<Index>,
    /// The last durable one.
    checkpoint: Checkpoint,
    /// A checkpoint is being written.
    writing: bool,
    failed: Option<String>,
    findings: Arc<Findings>,
    stats: Stats,
}

/// What readers need; lives beside the writer.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) reader: Reader,
    pub(crate) table: Arc<Table>,
    pub(crate) index: Arc<Index>,
    pub(crate) findings: Arc<Findings>,
}

impl Shard {
    /// Opens a shard, recovering what is there, and makes the outcome durable.
    pub(crate) fn open(spec: Spec, now_ms: u64) -> Result<Self, Error> {
        let disk = spec.disk();
        let cache = spec.params.cache_bytes / spec.shards() as usize;
        let findings = Arc::new(Findings::new(spec.shard));
        let (table, opened) = Table::open(&disk, &spec.dir, cache)?;
        let checkpoint = opened.checkpoint;
        let (index, again) = Index::open(
            &*disk,
            &spec.dir,
            spec.salt,
            &checkpoint.runs,
            now_ms,
            Arc::clone(&findings),
        )?;
        let replayed = Replay {
            params: &spec.params,
            table: &table,
            index: &index,
            checkpoint: &checkpoint,
            again: &again,
        };
        let known = Known {
            start: opened.known.then_some(checkpoint.start),
            replay_from: again
                .iter()
                .map(|again| again.from)
                .fold(checkpoint.applied.min(checkpoint.flushed), u64::min),
            durable: checkpoint.applied.max(checkpoint.flushed),
            epoch: checkpoint.epoch,
            chunk_bytes: spec.params.chunk_bytes,
        };
        let mut see = |record: &Record| replayed.see(record);
        let scan = recover(&*disk, &spec.dir, spec.salt, known, &mut see)?;
        scan.findings.into_iter().for_each(|f| findings.add(f));
        let mut segments = scan.segments;
        if let Some(why) = opened.damage {
            let whole = segments.first().is_some_and(|first| first.base == 0);
            findings.add(lost_table(&why, whole));
        }
        let mut damaged = scan.damaged;
        let last = segments.last().map(|segment| segment.summary());
        let last = last.unwrap_or_default();
        if let Some(segment) = segments.last() {
            // What is damaged at the end was counted when the checkpoint was written.
            segment.set_summary(Summary {
                ordinal: last.ordinal.max(checkpoint.events),
                ..last
            });
        }
        if last.end < known.durable {
            // Offsets are never reused: go on above everything that was ever given out.
            damaged.push(last.end..known.durable);
            let previous = Summary {
                end: known.durable,
                ordinal: last.ordinal.max(checkpoint.events),
                ..last
            };
            let segment = Segment::create(&*disk, &spec.dir, spec.salt, scan.epoch, previous)
                .map_err(|e| crate::log::refused("begin a segment", &e))?;
            segments.push(Arc::new(segment));
        }
        let log = Log::new(
            disk,
            spec.dir.clone(),
            spec.salt,
            spec.params,
            Resume {
                segments,
                epoch: scan.epoch,
                synced: scan.synced,
            },
            Arc::clone(&findings),
        )?;
        let log = match spec.settings.durability {
            Durability::Fsync => log,
            Durability::Os | Durability::Ephemeral => log.unfilled(),
        };

        let mut shard = Self {
            spec,
            log,
            table: Arc::new(table),
            index: Arc::new(index),
            checkpoint,
            writing: false,
            failed: None,
            findings,
            stats: Stats::default(),
        };
        shard.log.raise(now_ms)?;
        for range in &damaged {
            shard.log.reader().survey(shard.spec.shard, range)?;
        }
        shard.maintain(now_ms)?;
        Ok(shard)
    }

    pub(crate) fn view(&self) -> View {
        View {
            reader: self.log.reader(),
            table: Arc::clone(&self.table),
            index: Arc::clone(&self.index),
            findings: Arc::clone(&self.findings),
        }
    }

    /// See [`crate::Stream::recover`].
    pub(crate) fn own(&mut self, now_ms: u64) -> Result<Recovered, Error> {
        self.check()?;
        let raised = self.log.raise(now_ms);
        let epoch = self.strict(raised)?;
        Ok(Recovered {
            epoch,
            start: self.log.start(),
            end: self.log.end(),
            findings: self.findings.list(),
        })
    }

    /// See [`crate::Stream::expired`].
    pub(crate) fn expired(&self, now_ms: u64) -> u64 {
        let retention = self
            .spec
            .settings
            .retention
            .as_millis()
            .try_into()
            .unwrap_or(u64::MAX);
        let horizon = now_ms.saturating_sub(retention);
        let mut excess = self.spec.settings.retention_bytes.map_or(0, |limit| {
            self.log.bytes().saturating_sub(limit / self.spec.shards())
        });
        let segments = self.log.reader().segments();
        let mut before = self.log.start();
        for (index, segment) in segments.iter().enumerate() {
            let summary = segment.summary();
            let sealed = index + 1 < segments.len();
            let length = summary.end - summary.base;
            let old = summary.last_ms < horizon && (sealed || summary.last_ms > 0);
            if !old && (excess == 0 || !sealed) {
                break;
            }
            excess = excess.saturating_sub(length);
            before = segments
                .get(index + 1)
                .map_or(summary.end, |next| next.base);
        }
        before
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            syncs: self.log.syncs(),
            log_bytes: self.log.bytes(),
            sealed: self.log.sealed(),
            ..self.stats
        }
    }

    /// What readers may see.
    pub(crate) fn end(&self) -> u64 {
        self.log.reader().bounds().end
    }

    /// Whether a checkpoint is being written.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing
    }

    /// Ends with a mark that proves everything before it durable.
    pub(crate) fn close(&mut self, now_ms: u64) -> Result<(), Error> {
        self.check()?;
        let mark = self
            .log
            .write(self.log.group(now_ms, 0))
            .and_then(|()| self.sync());
        match mark {
            // Without room for the mark all is as safe; the next start reads a little more.
            Err(Error::Full) => self.sync(),
            result => self.strict(result),
        }
    }

    /// Whether there is nothing that a sync would make durable.
    pub(crate) fn is_synced(&self) -> bool {
        self.failed.is_some()
            || self.spec.settings.durability != Durability::Fsync
            || self.log.is_synced()
    }

    /// Makes what was recorded lazily durable; a failure shows at the next write.
    pub(crate) fn flush(&mut self) {
        let synced = self.sync();
        self.strict(synced).ok();
    }

    fn sync(&mut self) -> Result<(), Error> {
        match self.spec.settings.durability {
            Durability::Ephemeral => Ok(()),
            _ => self.log.sync(),
        }
    }

    /// Why it takes no writes any more.
    pub(crate) fn failed(&self) -> Option<&String> {
        self.failed.as_ref()
    }

    fn check(&self) -> Result<(), Error> {
        self.failed
            .as_ref()
            .map_or(Ok(()), |reason| Err(Error::Failed(reason.clone())))
    }

    /// Takes no more writes after an error of the disk.
    fn strict<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Failed(reason)) = &result {
            self.failed.get_or_insert_with(|| reason.clone());
        }
        result
    }
}
