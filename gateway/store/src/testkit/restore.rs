//! A backup and its restore without a repository between them.

#![allow(clippy::unwrap_used)]

use crate::backup::{CutFile, Restore, Restored, StreamCut};
use crate::disk::Disk;
use std::path::Path;
use std::sync::Arc;

/// Begins a data directory on another disk, and puts streams back that were cut, by name.
pub fn restore(cuts: &[(&str, &StreamCut)], disk: Arc<dyn Disk>, root: &str) -> Restore {
    let restore = Restore::begin_on(disk, Path::new(root)).unwrap();
    for (name, cut) in cuts {
        restore.stream(name, &cut.settings).unwrap();
        for shard in &cut.shards {
            for segment in &shard.segments {
                let file = restore.segment(name, shard.shard, segment.base, segment.file_len);
                copy(&segment.file, file.unwrap());
            }
            for run in &shard.runs {
                let file = restore.run(name, shard.shard, run.number);
                copy(&run.file, file.unwrap());
            }
            let table = restore.table(name, shard.shard).unwrap();
            let mut after = None;
            while let Some((chunk, last)) = shard.table.rows(after.as_deref()).unwrap() {
                table.rows(&chunk).unwrap();
                after = Some(last);
            }
            table.finish(&shard.table.checkpoint().unwrap()).unwrap();
        }
    }
    restore
}

fn copy(from: &CutFile, mut to: Restored) {
    let mut at = 0;
    while at < from.len {
        let piece = from.read(at, 1000).unwrap();
        to.write(&piece).unwrap();
        at += piece.len() as u64;
    }
    to.finish().unwrap();
}
