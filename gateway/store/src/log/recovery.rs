//! Finds out where the log ends, and reads what the state table and the dedupe index lack.

use super::content::Content;
use super::group::{GROUP, Header, Record};
use super::segment::{DATA, Segment, Summary, bases};
use super::writer::{failed, refused, room};
use crate::Error;
use crate::disk::Disk;
use crate::finding::{Finding, Loss};
use bytes::Bytes;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// What can be said of a write that is not there.
const UNCLEAR: &str = "it was never acknowledged if the power went, and possibly acknowledged if the \
                       disk damaged it since";

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Oldest first; at least one.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Highest epoch in the log.
    pub(crate) epoch: u64,
    /// Everything below this was durable once, as the log itself shows.
    pub(crate) synced: u64,
    pub(crate) findings: Vec<Finding>,
    /// Stretches in which something is damaged or missing.
    pub(crate) damaged: Vec<Range<u64>>,
}

/// What is known of a log before it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Everything below this was given up; `None` where that is not known.
    pub(crate) start: Option<u64>,
    /// Records at or after this are to be shown.
    pub(crate) replay_from: u64,
    /// Everything below this was durable once.
    pub(crate) durable: u64,
    /// The epoch was at least this.
    pub(crate) epoch: u64,
    /// The last segment is extended by so many bytes at a time.
    pub(crate) chunk_bytes: u64,
}

/// Recovers the log in `dir`; shows every valid record from `known.replay_from` on to `see`.
///
/// Writes only what it has just read, or a header that was damaged, and removes only what is below
/// `start` or was never begun, so a crash at any step leaves it to be done again.
pub(crate) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    salt: u64,
    known: Known,
    see: &mut dyn FnMut(&Record) -> Result<(), Error>,
) -> Result<Scan, Error> {
    let mut scan = Scan {
        segments: Vec::new(),
        epoch: 0,
        synced: 0,
        findings: Vec::new(),
        damaged: Vec::new(),
    };
    let mut found = open_all(disk, dir, salt, known.start.unwrap_or(0))?;
    let mut begun = 0;
    // The creation of the last segment may have been cut short; then it holds nothing.
    while let Some((last, None)) = found.last() {
        if Content::of(last)?.end_from(0)?.is_some() {
            break;
        }
        disk.remove(&last.path)
            .map_err(|e| failed("remove a segment", &e))?;
        scan.findings.push(
            Finding::new(
                Loss::Unclear,
                format!("the last segment holds nothing; {UNCLEAR}"),
            )
            .at(last.base..u64::MAX, None),
        );
        begun = begun.max(last.base);
        found.pop();
    }
    if let Some((last, None)) = found.last()
        && found.iter().all(|(_, previous)| previous.is_none())
        && Content::of(last)?.find(0, salt)?.is_none()
    {
        // Nothing is taken back on the word of a secret that fits nothing.
        return Err(Error::Failed(format!(
            "no part of the log in {} is whole: `{}` may not be the one it was written under",
            dir.display(),
            "stream.json"
        )));
    }
    if found.is_empty() {
        // No offset is given twice, whatever is known otherwise.
        let base = known.durable.max(known.start.unwrap_or(0)).max(begun);
        let lost = known.start.map_or(0..known.durable, |start| start..base);
        if !lost.is_empty() {
            scan.findings
                .push(Finding::new(Loss::Certain, "the log is missing").at(lost, None));
        }
        let previous = Summary {
            base,
            end: base,
            ..Summary::default()
        };
        let segment = Segment::create(disk, dir, salt, known.epoch, previous)
            .map_err(|e| refused("begin a segment", &e))?;
        scan.segments.push(Arc::new(segment));
        scan.epoch = known.epoch;
        return Ok(scan);
    }
    if let (Some((first, _)), Some(start)) = (found.first(), known.start)
        && start < first.base
    {
        scan.findings.push(
            Finding::new(Loss::Certain, "the beginning of the log is missing")
                .at(start..first.base, None),
        );
    }
    let summaries: Vec<_> = found
        .iter()
        .skip(1)
        .map(|(segment, previous)| (segment.base, *previous))
        .collect();
    for (index, (mut segment, previous)) in found.into_iter().enumerate() {
        if previous.is_none() {
            scan.findings.push(Finding::new(
                Loss::Nothing,
                format!(
                    "the header of the segment at {} is damaged: its log is read without it",
                    segment.base
                ),
            ));
            // That a segment follows proves that the one before it was durable: nothing else may be
            // left to tell, once what is not whole was taken back.
            if let Some(before) = scan.segments.last().map(|before| before.summary())
                && before.end == segment.base
            {
                segment
                    .mend(salt, scan.epoch, &before)
                    .map_err(|e| refused("write the header of a segment again", &e))?;
            }
        }
        if let Some(before) = scan.segments.last()
            && before.summary().end < segment.base
        {
            scan.damaged.push(before.summary().end..segment.base);
        }
        let next = summaries.get(index);
        let sealed = next
            .and_then(|next| next.1)
            .filter(|s| s.base == segment.base);
        let limit = sealed
            .map(|sealed| sealed.end)
            .or_else(|| next.map(|next| next.0));
        match sealed {
            Some(summary) if summary.end <= known.replay_from => segment.set_summary(summary),
            _ => {
                let damaged = scan.damaged.len();
                let walked = walk(&segment, salt, limit, &known, &mut scan, see)?;
                if sealed.is_some_and(|sealed| sealed.crc != walked.crc)
                    && damaged == scan.damaged.len()
                {
                    scan.findings.push(Finding::new(
                        Loss::Nothing,
                        format!(
                            "the checksum of the segment at {} differs, though all its records are \
                             whole",
                            segment.base
                        ),
                    ));
                }
                segment.set_summary(sealed.unwrap_or(walked));
            }
        }
        scan.segments.push(Arc::new(segment));
    }
    scan.epoch = scan.epoch.max(known.epoch);
    // That a file was found does not mean that it stays: the sync that was to see to it may have failed.
    disk.sync_dir(dir)
        .map_err(|e| failed("sync the log's directory", &e))?;
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
        .map(|base| Segment::open(disk, dir, salt, *base))
        .collect()
}

/// Goes through a segment group by group up to `limit`, where the next one begins. In the last one,
/// which has no limit, an invalid group ends the log unless it is known that it was durable once.
fn walk(
    segment: &Segment,
    salt: u64,
    limit: Option<u64>,
    known: &Known,
    scan: &mut Scan,
    see: &mut dyn FnMut(&Record) -> Result<(), Error>,
) -> Result<Summary, Error> {
    let mut content = match limit {
        Some(limit) => Content::up_to(segment, limit),
        None => Content::of(segment)?,
    };
    let last = limit.is_none();
    let mut summary = segment.summary();
    let offset_of = |at: usize| segment.base + at as u64;
    let place_of = |offset: u64| offset.saturating_sub(segment.base) as usize;
    let mut at = 0;
    let mut proven = 0;
    // Damage that is kept on the word of a later group.
    let mut kept = None;
    while at < content.len() {
        let header = Header::decode(&content.get(at, GROUP)?, salt, offset_of(at))
            .filter(|header| header.epoch >= scan.epoch);
        let end = header.map(|header| at + GROUP + header.len as usize);
        let records = match (header, end) {
            (Some(header), Some(end)) if end <= content.len() => {
                let group = content.get(at, end - at)?;
                let body = group.slice(GROUP..end - at);
                records(&body, salt, offset_of(at + GROUP), &header)?
            }
            (Some(header), Some(_)) => {
                // What is not whole is a later version's to take back, too, if it holds what only that one knows.
                let body = content.get(at, content.len() - at)?.slice(GROUP..);
                records(&body, salt, offset_of(at + GROUP), &header)?.ok();
                Err(Vec::new())
            }
            _ => Err(Vec::new()),
        };
        let (valid, whole) = match records {
            Ok(valid) => (valid, true),
            Err(valid) => (valid, false),
        };
        if !whole && last && offset_of(at) >= known.durable {
            match proof(segment, &mut content, at, salt, scan.epoch)? {
                Some(synced) => {
                    scan.synced = scan.synced.max(synced);
                    kept = Some(at);
                }
                None => {
                    // What proves the damage before it must outlive the next loss of power.
                    let erase = kept.is_none_or(|damage| damage < proven);
                    cut_off(segment, &mut content, at, salt, erase, scan)?;
                    break;
                }
            }
        }
        for record in &valid {
            if record.offset >= known.replay_from {
                see(record)?;
            }
        }
        let next = match end {
            Some(end) if end <= content.len() => end,
            _ => match content.find(at + 1, salt)? {
                Some(next) => next,
                None if last => content.len().min(place_of(known.durable)),
                None => content.len(),
            },
        };
        if !whole {
            scan.damaged.push(offset_of(at)..offset_of(next));
        }
        if let Some(header) = header {
            scan.epoch = scan.epoch.max(header.epoch);
            proven = proven.max(place_of(header.synced));
        }
        content.each(at..next, |_, piece| {
            summary.add(piece, None);
            Ok(())
        })?;
        summary.add(&[], header.as_ref());
        at = next;
    }
    if last {
        rewrite(segment, &mut content, proven.min(at)..at)?;
        scan.synced = scan.synced.max(offset_of(proven)).min(offset_of(at));
        check_length(segment, offset_of(at), known.chunk_bytes, scan)?;
    }
    Ok(summary)
}

/// After a failed sync the page cache may hold what the disk does not: it is written again, so that
/// the next sync covers it.
fn rewrite(
    segment: &Segment,
    content: &mut Content<'_>,
    unproven: Range<usize>,
) -> Result<(), Error> {
    let refused = |e: io::Error| refused("write the tail of the log again", &e);
    if unproven.start == 0 {
        let mut header = [0; DATA as usize];
        let read = segment.file.read_at(0, &mut header).map_err(refused)?;
        let header = &header[..read];
        segment.file.write_at(0, header).map_err(refused)?;
    }
    content.each(unproven, |at, piece| {
        let place = DATA + at as u64;
        segment.file.write_at(place, piece).map_err(refused)
    })
}

/// The last segment is as long as it was made, or as [`room`] has it; otherwise something was cut off, maybe a chunk
/// that nobody had written to.
fn check_length(
    segment: &Segment,
    end: u64,
    chunk_bytes: u64,
    scan: &mut Scan,
) -> Result<(), Error> {
    let length = segment.file.len();
    let length = length.map_err(|e| failed("read the length of a segment", &e))?;
    let whole = room(length.max(DATA), chunk_bytes);
    if length == 0 || length == DATA || length == whole {
        return Ok(());
    }
    scan.findings.push(
        Finding::new(
            Loss::Unclear,
            format!("the last segment is cut off; {UNCLEAR}"),
        )
        .at(end..u64::MAX, None),
    );
    segment
        .file
        .set_len(whole)
        .map_err(|e| refused("extend the log", &e))
}

/// Takes back what follows the last whole group, from `at` on, and says so if there is anything.
/// Without `erase` it stays on the disk, and the next start says so again.
fn cut_off(
    segment: &Segment,
    content: &mut Content<'_>,
    at: usize,
    salt: u64,
    erase: bool,
    scan: &mut Scan,
) -> Result<(), Error> {
    let Some(end) = content.end_from(at)? else {
        return Ok(());
    };
    // Groups of this epoch count; older ones are what an earlier loss of power left behind.
    let mut events = None;
    let mut place = at;
    while let Some(found) = content.find(place, salt)? {
        let header = Header::decode(
            &content.get(found, GROUP)?,
            salt,
            segment.base + found as u64,
        );
        if let Some(header) = header.filter(|header| header.epoch >= scan.epoch) {
            events = Some(events.unwrap_or(0) + u64::from(header.events));
        }
        place = found + GROUP;
    }
    let offset = |place: usize| segment.base + place as u64;
    scan.findings.push(
        Finding::new(
            Loss::Unclear,
            format!("the last write is not whole and was taken back; {UNCLEAR}"),
        )
        .at(offset(at)..offset(end), events),
    );
    if !erase {
        return Ok(());
    }
    // So that the next start does not report it again. Epochs keep it out even if this is lost.
    content.each(at..end, |at, piece| {
        let place = DATA + at as u64;
        let erased = segment.file.write_at(place, &vec![0; piece.len()]);
        erased.map_err(|e| refused("take back an unfinished write", &e))
    })
}

/// The records of a group: all, or those that are valid.
fn records(
    body: &Bytes,
    salt: u64,
    offset: u64,
    header: &Header,
) -> Result<Result<Vec<Record>, Vec<Record>>, Error> {
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
                Record::check_known(&body[at..], salt, offset + at as u64)?;
                whole = false;
                match Record::claimed(&body[at..]) {
                    Some(size) => at += size,
                    None => break,
                }
            }
        }
    }
    let events = records.iter().filter(|record| record.is_event()).count();
    let all = records.len() == header.records as usize && events == header.events as usize;
    Ok(if whole && all {
        Ok(records)
    } else {
        Err(records)
    })
}

/// Up to where the log was durable once, as a group after the one at `at` shows; `None` where none
/// shows it of that one.
fn proof(
    segment: &Segment,
    content: &mut Content<'_>,
    at: usize,
    salt: u64,
    epoch: u64,
) -> Result<Option<u64>, Error> {
    let offset = |place: usize| segment.base + place as u64;
    let mut place = at + 1;
    while let Some(found) = content.find(place, salt)? {
        let header = Header::decode(&content.get(found, GROUP)?, salt, offset(found));
        if let Some(header) = header
            && header.epoch >= epoch
            && header.synced > offset(at)
        {
            return Ok(Some(header.synced));
        }
        place = found + 1;
    }
    Ok(None)
}
