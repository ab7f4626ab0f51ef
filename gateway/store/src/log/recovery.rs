//! Finds out where the log ends, and reads what the state table and the dedupe index lack.

use super::group::{Body, GROUP, Header, Record};
use super::reader::find_group;
use super::segment::{DATA, Segment, Summary, bases};
use super::writer::{failed, refused};
use crate::Error;
use crate::disk::Disk;
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Oldest first; at least one.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Highest epoch in the log.
    pub(crate) epoch: u64,
    pub(crate) findings: Vec<String>,
}

/// Recovers the log in `dir`, of which everything below `start` was given up and whose epoch was at
/// least `epoch`; shows every valid record at or after `replay_from` to `see`.
///
/// Writes only what it has just read, and removes only what is below `start` or was never begun, so
/// a crash at any step leaves it to be done again.
pub(crate) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    salt: u64,
    start: u64,
    replay_from: u64,
    epoch: u64,
    see: &mut dyn FnMut(&Record) -> Result<(), Error>,
) -> Result<Scan, Error> {
    let mut scan = Scan {
        segments: Vec::new(),
        epoch: 0,
        findings: Vec::new(),
    };
    let mut found = open_all(disk, dir, salt, start)?;
    // The creation of the last segment may have been cut short; then it holds nothing.
    while let Some((last, None)) = found.last() {
        let content = content(last)?;
        if find_group(&content, salt, last.base).is_some() {
            break;
        }
        disk.remove(&last.path)
            .map_err(|e| failed("remove a segment", &e))?;
        found.pop();
    }
    if found.is_empty() {
        let base = start.max(replay_from);
        if base > 0 {
            scan.findings
                .push(format!("the log is missing: nothing is left below {base}"));
        }
        let previous = Summary {
            base,
            end: base,
            ..Summary::default()
        };
        let segment = Segment::create(disk, dir, salt, epoch, previous)
            .map_err(|e| refused("begin a segment", &e))?;
        scan.segments.push(Arc::new(segment));
        scan.epoch = epoch;
        return Ok(scan);
    }
    let summaries: Vec<_> = found
        .iter()
        .skip(1)
        .map(|(segment, previous)| (segment.base, *previous))
        .collect();
    for (index, (segment, previous)) in found.into_iter().enumerate() {
        if previous.is_none() {
            scan.findings.push(format!(
                "header of the segment at {} is damaged",
                segment.base
            ));
        }
        if let Some(before) = scan.segments.last()
            && before.summary().end < segment.base
        {
            let from = before.summary().end;
            scan.findings
                .push(format!("{from}..{} is missing or damaged", segment.base));
        }
        let next = summaries.get(index);
        let known = next
            .and_then(|next| next.1)
            .filter(|s| s.base == segment.base);
        let limit = known
            .map(|known| known.end)
            .or_else(|| next.map(|next| next.0));
        match known {
            Some(summary) if summary.end <= replay_from => segment.set_summary(summary),
            _ => {
                let walked = walk(&segment, salt, limit, replay_from, &mut scan, see)?;
                if known.is_some_and(|known| known.crc != walked.crc) {
                    scan.findings.push(format!(
                        "checksum of the segment at {} differs",
                        segment.base
                    ));
                }
                segment.set_summary(known.unwrap_or(walked));
            }
        }
        scan.segments.push(Arc::new(segment));
    }
    scan.epoch = scan.epoch.max(epoch);
    Ok(scan)
}

type Opened = Vec<(Segment, Option<Summary>)>;

fn open_all(disk: &dyn Disk, dir: &Path, salt: u64, start: u64) -> Result<Opened, Error> {
    let bases = bases(disk, dir).map_err(|e| failed("list the log", &e))?;
    let kept = bases
        .partition_point(|base| *base <= start)
        .saturating_sub(1);
    for base in &bases[..kept] {
        let path = dir.join(format!("{base:016x}.log"));
        disk.remove(&path)
            .map_err(|e| failed("remove a segment", &e))?;
    }
    bases[kept..]
        .iter()
        .map(|base| Segment::open(disk, dir, salt, *base).map_err(|e| failed("open a segment", &e)))
        .collect()
}

fn content(segment: &Segment) -> Result<Bytes, Error> {
    let read = || {
        let len = segment.file.len()?.saturating_sub(DATA);
        let mut content = vec![0; len as usize];
        let read = segment.file.read_at(DATA, &mut content)?;
        content.truncate(read);
        std::io::Result::Ok(content)
    };
    read()
        .map(Bytes::from)
        .map_err(|e| failed("read a segment", &e))
}

/// Goes through a segment group by group up to `limit`, where the next one begins. In the last one,
/// which has no limit, an invalid group ends the log unless a later group proves that it was durable.
fn walk(
    segment: &Segment,
    salt: u64,
    limit: Option<u64>,
    replay_from: u64,
    scan: &mut Scan,
    see: &mut dyn FnMut(&Record) -> Result<(), Error>,
) -> Result<Summary, Error> {
    let mut content = content(segment)?;
    if let Some(limit) = limit {
        let mut whole = Vec::from(content);
        whole.resize((limit - segment.base) as usize, 0);
        content = whole.into();
    }
    let last = limit.is_none();
    let mut summary = segment.summary();
    let offset_of = |at: usize| segment.base + at as u64;
    let mut at = 0;
    let mut proven = 0;
    while at < content.len() {
        let header = Header::decode(&content[at..], salt, offset_of(at))
            .filter(|header| header.epoch >= scan.epoch);
        let end = header.map(|header| at + GROUP + header.len as usize);
        let records = match (header, end) {
            (Some(header), Some(end)) if end <= content.len() => records(
                &content.slice(at + GROUP..end),
                salt,
                offset_of(at + GROUP),
                &header,
            ),
            _ => Err(Vec::new()),
        };
        let (valid, whole) = match records {
            Ok(valid) => (valid, true),
            Err(valid) => (valid, false),
        };
        if !whole && last && !is_proven(&content[at..], salt, offset_of(at), scan.epoch) {
            if content[at..].iter().take(GROUP).any(|byte| *byte != 0) {
                scan.findings.push(format!(
                    "an unfinished write at {} was cut off; it was never acknowledged",
                    offset_of(at)
                ));
            }
            break;
        }
        for record in &valid {
            if record.offset >= replay_from {
                see(record)?;
            }
        }
        let next = match end {
            Some(end) if end <= content.len() => end,
            _ => find_group(&content[at + 1..], salt, offset_of(at + 1))
                .map_or(content.len(), |skip| at + 1 + skip),
        };
        if !whole {
            let range = offset_of(at)..offset_of(next);
            scan.findings
                .push(format!("damage between {} and {}", range.start, range.end));
        }
        if let Some(header) = header {
            scan.epoch = scan.epoch.max(header.epoch);
            proven = proven.max(header.synced.saturating_sub(segment.base) as usize);
        }
        summary.add(&content[at..next], header.as_ref());
        at = next;
    }
    if last {
        // After a failed sync the page cache may hold what the disk does not: write it again, so
        // that the next sync covers it.
        let proven = proven.min(at);
        if proven < at {
            let rewritten = segment
                .file
                .write_at(DATA + proven as u64, &content[proven..at]);
            rewritten.map_err(|e| refused("write the tail of the log again", &e))?;
        }
    }
    Ok(summary)
}

/// The records of a group: all, or those that are valid.
fn records(
    body: &Bytes,
    salt: u64,
    offset: u64,
    header: &Header,
) -> Result<Vec<Record>, Vec<Record>> {
    let mut records = Vec::new();
    let mut whole = true;
    let mut at = 0;
    while at < body.len() {
        match Record::decode(&body.slice(at..), salt, offset + at as u64) {
            Some(record) => {
                at += record.size;
                records.push(record);
            }
            None => {
                whole = false;
                match Record::claimed(&body[at..]) {
                    Some(size) => at += size,
                    None => break,
                }
            }
        }
    }
    let events = records.iter().filter(|record| is_event(record)).count();
    if whole && records.len() == header.records as usize && events == header.events as usize {
        Ok(records)
    } else {
        Err(records)
    }
}

fn is_event(record: &Record) -> bool {
    matches!(
        record.body,
        Body::Entry {
            kind: crate::Kind::Event,
            ..
        }
    )
}

/// Whether a group after the one at the start of `content` shows that it was durable once.
fn is_proven(content: &[u8], salt: u64, offset: u64, epoch: u64) -> bool {
    let mut at = 1;
    while let Some(skip) = find_group(&content[at..], salt, offset + at as u64) {
        at += skip;
        let header = Header::decode(&content[at..], salt, offset + at as u64);
        if header.is_some_and(|header| header.epoch >= epoch && header.synced > offset) {
            return true;
        }
        at += 1;
    }
    false
}
