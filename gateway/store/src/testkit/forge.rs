//! Files that nobody wrote, read as those of a store: for fuzzing.
//!
//! Checksums keep arbitrary bytes from being read at all. Here they are made right, as somebody could
//! who knows the stream's salt, so that what lies behind them is tried as well.

use crate::dedupe::{Index, RunInfo};
use crate::disk::sim::SimDisk;
use crate::disk::{Disk, Open};
use crate::finding::Findings;
use crate::log::{DATA, GROUP, HEADER, Known, Log, RECORD, Resume, checksum, recover};
use crate::{Batch, Error, Finding, Params};
use std::path::Path;
use std::sync::Arc;

const DIR: &str = "log";

/// A log in segment files, alone: no state table, no dedupe index.
#[derive(Debug)]
pub struct ForgedLog {
    disk: SimDisk,
    salt: u64,
}

/// What recovery made of a [`ForgedLog`].
#[derive(Debug)]
pub struct Found {
    /// What recovery had to say.
    pub findings: Vec<Finding>,
    /// Everything that can be read, from the start to the end.
    pub read: Batch,
    /// Where the log begins and ends.
    pub bounds: std::ops::Range<u64>,
}

impl ForgedLog {
    /// A log that holds nothing.
    pub fn new(salt: u64) -> Self {
        let disk = SimDisk::new();
        // A new disk has room and no faults.
        disk.create_dir(Path::new(DIR)).ok();
        Self { disk, salt }
    }

    /// Writes the segment file that begins at `base`; with `sealed`, its checksums are made right.
    pub fn put(&self, base: u64, mut file: Vec<u8>, sealed: bool) {
        if sealed {
            seal_segment(&mut file, self.salt, base);
        }
        put(&self.disk, &format!("{base:016x}.log"), &file);
    }

    /// Recovers the log and reads it from `from` on, in steps of `step` bytes.
    ///
    /// # Errors
    /// As [`crate::Streams::open`] and [`crate::Stream::read`].
    pub fn read(&self, from: u64, step: usize) -> Result<Found, Error> {
        let dir = Path::new(DIR);
        let mut replayed = 0;
        let known = Known {
            start: None,
            replay_from: 0,
            durable: 0,
            epoch: 0,
            chunk_bytes: 4096,
        };
        let scan = recover(&self.disk, dir, self.salt, known, &mut |record| {
            assert!(replayed <= record.offset, "records are replayed in order");
            replayed = record.offset;
            Ok(())
        })?;
        let log = Log::new(
            Arc::new(self.disk.clone()),
            dir.into(),
            self.salt,
            Params::default(),
            Resume {
                segments: scan.segments,
                epoch: scan.epoch,
                synced: scan.synced,
            },
            Arc::new(Findings::new(0)),
        )?;
        let reader = log.reader();
        let bounds = reader.bounds();
        let mut read = Batch {
            next: from.clamp(bounds.start, bounds.end),
            ..Batch::default()
        };
        while read.next < bounds.end {
            let batch = reader.read(0, read.next, step)?;
            assert!(batch.next > read.next, "reading goes on");
            read.next = batch.next;
            read.items.extend(batch.items);
            read.damaged.extend(batch.damaged);
        }
        Ok(Found {
            findings: scan.findings,
            read,
            bounds,
        })
    }
}

/// Opens a run file of the dedupe index that is said to hold `entries`, and looks for `ids`: where
/// each was appended, or `None`. With `sealed`, the checksums of its pages are made right.
///
/// # Errors
/// As [`crate::Stream::find`]. Damage is no error: what it hides is not found.
pub fn find_in_run(
    salt: u64,
    entries: u64,
    mut file: Vec<u8>,
    sealed: bool,
    ids: &[u128],
) -> Result<Vec<Option<u64>>, Error> {
    let info = RunInfo {
        number: 0,
        entries,
        last: u64::MAX,
        expires_ms: 1,
        evicted: false,
    };
    if sealed {
        seal_run(&mut file, salt, entries);
    }
    let disk = SimDisk::new();
    let dir = Path::new(DIR);
    disk.create_dir(dir).ok();
    put(&disk, &info.file(), &file);
    let mut found = Vec::new();
    // Once as it takes part in deduplication, once as it is kept for lookups.
    for now_ms in [0, 1] {
        let findings = Arc::new(Findings::new(0));
        let infos = std::slice::from_ref(&info);
        let (index, _) = Index::open(&disk, dir, salt, infos, now_ms, findings)?;
        for id in ids {
            let live = index.live(*id, now_ms)?;
            let place = index.find(*id)?;
            assert!(live.is_none() || live.map(|slot| slot.offset) == place);
            found.push(place);
        }
    }
    Ok(found)
}

/// Writes a file, durably. The disk is new: it has room and no faults.
fn put(disk: &SimDisk, name: &str, content: &[u8]) {
    let dir = Path::new(DIR);
    if let Ok(file) = disk.open(&dir.join(name), Open::Empty) {
        file.write_at(0, content).ok();
        file.sync_data().ok();
    }
    disk.sync_dir(dir).ok();
}

/// Makes the checksums of a run's pages and of its filter right.
fn seal_run(file: &mut [u8], salt: u64, entries: u64) {
    const PAGE: usize = 4096;
    let pages = usize::try_from(entries.div_ceil(73))
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let (body, guide) = file.split_at_mut(pages.saturating_mul(PAGE).min(file.len()));
    for (index, page) in body.chunks_exact_mut(PAGE).enumerate() {
        if let Some((content, crc)) = page.split_last_chunk_mut::<4>() {
            *crc = checksum(salt, index as u64, content).to_le_bytes();
        }
    }
    if let Some((content, crc)) = guide.split_last_chunk_mut::<4>() {
        *crc = checksum(salt, u64::MAX, content).to_le_bytes();
    }
}

/// Makes the checksums of a segment file right where something stands that looks like a header.
fn seal_segment(file: &mut [u8], salt: u64, base: u64) {
    let mut seal = |from: usize, to: usize, at: usize, offset: u64| {
        let covered = file.get(from..to)?;
        let crc = checksum(salt, offset, covered).to_le_bytes();
        file.get_mut(at..at + 4)?.copy_from_slice(&crc);
        Some(())
    };
    seal(0, HEADER - 4, HEADER - 4, base);
    let data = DATA as usize;
    let length = |file: &[u8], at: usize| -> Option<usize> {
        Some(u32::from_le_bytes(file.get(at + 4..at + 8)?.try_into().ok()?) as usize)
    };
    let mut at = data;
    while at + GROUP <= file.len() {
        if !file[at..].starts_with(b"TWg1") {
            at += 1;
            continue;
        }
        let offset = base + (at - data) as u64;
        file[at + 8..at + 16].copy_from_slice(&offset.to_le_bytes());
        let end = at + GROUP + length(file, at).unwrap_or_default();
        let mut record = at + GROUP;
        while record + RECORD <= end.min(file.len()) {
            let next = record + RECORD + length(file, record).unwrap_or_default();
            if next > end.min(file.len()) {
                break;
            }
            let covered = checksum(salt, base + (record - data) as u64, &file[record + 4..next]);
            file[record..record + 4].copy_from_slice(&covered.to_le_bytes());
            record = next;
        }
        let crc = checksum(salt, offset, &file[at..at + GROUP - 4]);
        file[at + GROUP - 4..at + GROUP].copy_from_slice(&crc.to_le_bytes());
        at = end.max(at + GROUP);
    }
}
