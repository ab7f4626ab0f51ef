//! What a backup copies of a shard.

use super::Shard;
use crate::Error;
use crate::backup::{CutFile, RunCut, SegmentCut, ShardCut, TableCut};
use crate::disk::Open;
use crate::log::DATA;
use crate::table::Snapshot;
use std::io;

impl Shard {
    /// Everything up to now, durable. The caller is the writer, so no checkpoint ends meanwhile, and
    /// what the present one names is still there; it is opened here, and stays readable.
    pub(crate) fn cut(&mut self) -> Result<ShardCut, Error> {
        self.check()?;
        let synced = self.sync();
        self.strict(synced)?;
        let table = Snapshot::take(&self.table)?;
        let start = table.checkpoint.start;
        let unreadable = |e| crate::log::failed("cut a shard", &e);
        let all = self.log.reader().segments();
        let mut segments = Vec::with_capacity(all.len());
        for (index, segment) in all.iter().enumerate() {
            let next = all.get(index + 1);
            if next.is_some_and(|next| next.base <= start) {
                continue;
            }
            let summary = segment.summary();
            let sealed = next.is_some();
            // A sealed file is as long as it is, whatever became of its tail: it is copied as it is.
            let file_len = segment.file.len().map_err(unreadable)?;
            segments.push(SegmentCut {
                base: segment.base,
                file_len,
                sealed: sealed.then_some(summary.crc),
                file: CutFile {
                    file: segment.file.clone(),
                    len: match sealed {
                        true => file_len,
                        false => DATA + (summary.end - summary.base),
                    },
                },
            });
        }
        let mut runs = Vec::new();
        for info in &table.checkpoint.runs {
            let path = self.spec.dir.join(info.file());
            let file = match self.spec.disk().open(&path, Open::Existing) {
                // A run that is missing is made again from the log, here as there.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file.map_err(unreadable)?,
            };
            let len = file.len().map_err(unreadable)?;
            runs.push(RunCut {
                number: info.number,
                mark: format!("{}-{}-{}", info.entries, info.last, info.expires_ms),
                file: CutFile { file, len },
            });
        }
        Ok(ShardCut {
            shard: self.spec.shard,
            start,
            end: self.log.end(),
            events: self.log.active().ordinal,
            segments,
            runs,
            table: TableCut(table),
        })
    }
}
