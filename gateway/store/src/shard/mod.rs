//! One shard of a stream: log, state table and dedupe index under one writer.
//!
//! Synchronous and without threads: the same calls over the same disk do the same.

mod checkpoint;
mod commit;
#[cfg(all(test, feature = "testkit"))]
mod tests;

pub(crate) use checkpoint::Done;
pub(crate) use commit::{Call, Outcome};

use crate::dedupe::{Index, Slot};
use crate::disk::{Disk, Reserve};
use crate::log::{Body, Log, Reader, Record, Segment, Summary, decode_ops, recover};
use crate::table::{Checkpoint, Table};
use crate::{Durability, Error, Params, Recovered, Settings, Shard as ShardId, Stats};
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
    findings: Vec<String>,
    stats: Stats,
}

/// What readers need; lives beside the writer.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) reader: Reader,
    pub(crate) table: Arc<Table>,
    pub(crate) index: Arc<Index>,
}

impl Shard {
    /// Opens a shard, recovering what is there, and makes the outcome durable.
    pub(crate) fn open(spec: Spec, now_ms: u64) -> Result<Self, Error> {
        let disk = spec.disk();
        let cache = spec.params.cache_bytes / spec.shards() as usize;
        let (table, checkpoint) = Table::open(&disk, &spec.dir, cache)?;
        let index = Index::open(&*disk, &spec.dir, spec.salt, &checkpoint.runs, now_ms)?;
        let mut findings = Vec::new();
        let mut see = |record: &Record| {
            match &record.body {
                Body::Entry {
                    identity: Some(identity),
                    ..
                } if record.offset >= checkpoint.flushed => {
                    let slot = Slot {
                        content: identity.content,
                        offset: record.offset,
                        appended_ms: record.appended_ms,
                        window_ms: identity.window_ms,
                    };
                    index.insert([(identity.id, slot)]);
                }
                Body::Ops(body) if record.offset >= checkpoint.applied => match decode_ops(body) {
                    Some(ops) => table.apply(ops),
                    None => findings.push(format!("no operations at {}", record.offset)),
                },
                _ => {}
            }
            Ok(())
        };
        let replay_from = checkpoint.applied.min(checkpoint.flushed);
        let scan = recover(
            &*disk,
            &spec.dir,
            spec.salt,
            checkpoint.start,
            replay_from,
            checkpoint.epoch,
            &mut see,
        )?;
        findings.extend(scan.findings);
        let mut segments = scan.segments;
        let end = segments.last().map_or(0, |segment| segment.summary().end);
        let reached = checkpoint.applied.max(checkpoint.flushed);
        if end < reached {
            // Offsets are never reused: go on above everything that was ever given out.
            findings.push(format!("{end}..{reached} is missing at the end of the log"));
            let last = segments
                .last()
                .map(|segment| segment.summary())
                .unwrap_or_default();
            let previous = Summary {
                base: last.base,
                end: reached,
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
            segments,
            scan.epoch,
        )?;
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
        shard.maintain(now_ms)?;
        Ok(shard)
    }

    pub(crate) fn view(&self) -> View {
        View {
            reader: self.log.reader(),
            table: Arc::clone(&self.table),
            index: Arc::clone(&self.index),
        }
    }

    /// See [`crate::Stream::recover`].
    pub(crate) fn own(&mut self, now_ms: u64) -> Result<Recovered, Error> {
        self.check()?;
        let raised = self.log.raise(now_ms);
        let epoch = self.strict(raised)?;
        let mut findings = self.findings.clone();
        findings.extend(self.index.findings());
        Ok(Recovered {
            epoch,
            start: self.log.start(),
            end: self.log.end(),
            findings,
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
            .write(self.log.group(now_ms))
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
