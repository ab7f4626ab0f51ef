//! Reads items at any offset while the log is being written.

use super::group::{Body, GROUP, Header, RECORD, Record};
use super::segment::{Segment, Shared};
use super::writer::failed;
use crate::finding::{Finding, Findings, Loss};
use crate::{Batch, Error, Item, Position, Shard};
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// Least that is read from disk at once.
const READ_MIN: usize = 64 << 10;

/// The reading side of a log. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    salt: u64,
    findings: Arc<Findings>,
}

/// What lies at an offset.
pub(crate) enum Found {
    Group(Header),
    Record(Record),
    Damage(Range<u64>),
}

/// A window of a segment in memory.
struct Window<'a> {
    segment: &'a Segment,
    /// Offset of the first byte in `bytes`.
    from: u64,
    bytes: Bytes,
    /// Where readable log ends in this segment.
    end: u64,
    ahead: usize,
}

impl Window<'_> {
    /// At least `len` bytes from `offset` on, fewer only at the end of the segment or of a group: no
    /// record goes on in the next one.
    fn get(&mut self, offset: u64, len: usize) -> Result<Bytes, Error> {
        let len = len.min((self.end - offset) as usize);
        let skip = offset.checked_sub(self.from).map(|skip| skip as usize);
        if let Some(skip) = skip
            && skip + len <= self.bytes.len()
        {
            return Ok(self.bytes.slice(skip..));
        }
        let want = len.max(self.ahead).min((self.end - offset) as usize);
        let mut buf = vec![0; want];
        let read = self
            .segment
            .file
            .read_at(self.segment.place(offset), &mut buf)
            .map_err(|e| failed("read the log", &e))?;
        // A file that is shorter than it should be reads as zeros: damage, found by checksum.
        buf[read..].fill(0);
        self.from = offset;
        self.bytes = buf.into();
        Ok(self.bytes.clone())
    }
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, salt: u64, findings: Arc<Findings>) -> Self {
        Self {
            shared,
            salt,
            findings,
        }
    }

    pub(crate) fn bounds(&self) -> Range<u64> {
        self.shared.bounds()
    }

    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.shared.segments()
    }

    /// As [`Reader::read`], without a disk, where `from` was written lately.
    pub(crate) fn recent(&self, from: u64, max_bytes: usize) -> Option<Batch> {
        self.shared.recent(from, max_bytes)
    }

    /// See [`crate::Stream::read`].
    pub(crate) fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error> {
        let mut bytes = 0;
        let mut batch = Batch::default();
        let bounds = self.bounds();
        let from = from.clamp(bounds.start, bounds.end);
        batch.next = self.visit(from, bounds.end, max_bytes.min(1 << 20), |found| {
            match found {
                Found::Group(_) => {}
                Found::Damage(range) => match batch.damaged.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => batch.damaged.push(range),
                },
                Found::Record(record) => {
                    let Body::Entry {
                        kind,
                        identity,
                        payload,
                    } = record.body
                    else {
                        return true;
                    };
                    if !batch.items.is_empty() && bytes + record.size > max_bytes {
                        return false;
                    }
                    bytes += record.size;
                    batch.items.push(Item {
                        position: Position {
                            shard,
                            offset: record.offset,
                        },
                        kind,
                        identity,
                        appended_ms: record.appended_ms,
                        // A copy: one slow event must not pin all that was read with it.
                        payload: Bytes::copy_from_slice(&payload),
                        decoded: None,
                    });
                }
            }
            true
        })?;
        for range in &batch.damaged {
            self.note(range)?;
        }
        Ok(batch)
    }

    /// Goes through a stretch that recovery could not make sense of, so that what is lost of it is
    /// known.
    pub(crate) fn survey(&self, shard: Shard, range: &Range<u64>) -> Result<(), Error> {
        let mut at = range.start;
        while at < range.end {
            let next = self.read(shard, at, 1 << 20)?.next;
            if next <= at {
                break;
            }
            at = next;
        }
        Ok(())
    }

    fn note(&self, range: &Range<u64>) -> Result<(), Error> {
        if self.findings.covers(range) {
            return Ok(());
        }
        let events = self.missing(range)?;
        self.findings.add(
            Finding::new(Loss::Certain, "part of the log is damaged and skipped")
                .at(range.clone(), events),
        );
        Ok(())
    }

    /// How many events lie in a damaged stretch, by the numbers in the group headers around it.
    fn missing(&self, range: &Range<u64>) -> Result<Option<u64>, Error> {
        let Some((segment, _)) = self.shared.at(range.start) else {
            return Ok(None);
        };
        let mut ordinal = segment.ordinal;
        let mut seen = 0;
        let mut within = None;
        let mut alone = true;
        let mut missing = None;
        self.visit(segment.base, self.bounds().end, 1 << 20, |found| {
            match found {
                Found::Group(header) if header.offset >= range.end => {
                    missing = ordinal.and_then(|before| header.ordinal.checked_sub(before + seen));
                    return false;
                }
                Found::Group(header) => {
                    ordinal = Some(header.ordinal);
                    within = Some(header);
                    seen = 0;
                    alone = true;
                }
                Found::Record(record) => seen += u64::from(record.is_event()),
                Found::Damage(other) => {
                    alone &= range.start <= other.start && other.end <= range.end;
                }
            }
            true
        })?;
        let last = || {
            let header = within.filter(|header| header.end() >= range.end)?;
            u64::from(header.events).checked_sub(seen)
        };
        Ok(missing.or_else(last).filter(|_| alone))
    }

    /// Shows what lies in `[from, to)`, in order, until `see` answers false. Returns where the first
    /// thing not taken lies.
    pub(crate) fn visit(
        &self,
        from: u64,
        to: u64,
        ahead: usize,
        mut see: impl FnMut(Found) -> bool,
    ) -> Result<u64, Error> {
        let mut at = from;
        while at < to {
            let Some((segment, next)) = self.shared.at(at) else {
                break;
            };
            let end = next.unwrap_or(to).min(to);
            let mut window = Window {
                segment: &segment,
                from: at,
                bytes: Bytes::new(),
                end,
                ahead: ahead.max(READ_MIN),
            };
            let mut aligned = at == segment.base;
            while at < end {
                match self.decode(&mut window, at)? {
                    Some(found) => {
                        let next = match &found {
                            Found::Group(header) => header.offset + GROUP as u64,
                            Found::Record(record) => record.offset + record.size as u64,
                            Found::Damage(range) => range.end,
                        };
                        if !see(found) {
                            return Ok(at);
                        }
                        at = next;
                    }
                    None if !aligned && at == from => at = self.align(&mut window, at)?,
                    None => {
                        let next = self.resume(&mut window, at)?;
                        if !see(Found::Damage(at..next)) {
                            return Ok(at);
                        }
                        at = next;
                    }
                }
                aligned = true;
            }
        }
        Ok(at)
    }

    fn decode(&self, window: &mut Window<'_>, at: u64) -> Result<Option<Found>, Error> {
        let head = window.get(at, GROUP)?;
        if let Some(header) = Header::decode(&head, self.salt, at) {
            return Ok(Some(Found::Group(header)));
        }
        let Some(size) = Record::claimed(&head) else {
            return Ok(None);
        };
        if at + size as u64 > window.end {
            return Ok(None);
        }
        let bytes = window.get(at, size)?;
        let record = Record::decode(&bytes, self.salt, at);
        if record.is_none() {
            Record::check_known(&bytes, self.salt, at)?;
        }
        Ok(record.map(Found::Record))
    }

    /// The first boundary at or after `at`, which somebody made up.
    fn align(&self, window: &mut Window<'_>, at: u64) -> Result<u64, Error> {
        let mut boundary = window.segment.base;
        let mut in_group = boundary;
        while boundary < at {
            match self.decode(window, boundary)? {
                Some(Found::Group(header)) if header.end() <= at => boundary = header.end(),
                Some(Found::Group(header)) => {
                    in_group = header.end();
                    boundary += GROUP as u64;
                }
                Some(Found::Record(record)) => boundary += record.size as u64,
                _ if in_group > at => return Ok(at.max(boundary)),
                _ => boundary = self.resume(window, boundary)?,
            }
        }
        Ok(boundary)
    }

    /// Where reading can go on after damage at `at`.
    fn resume(&self, window: &mut Window<'_>, at: u64) -> Result<u64, Error> {
        let head = window.get(at, RECORD)?;
        if let Some(size) = Record::claimed(&head) {
            // If something valid follows where the record says that it ends, only its content is
            // damaged.
            let next = at + size as u64;
            if next == window.end || (next < window.end && self.decode(window, next)?.is_some()) {
                return Ok(next);
            }
        }
        let mut next = at + 1;
        while next < window.end {
            let bytes = window.get(next, READ_MIN)?;
            if let Some(skip) = find_group(&bytes, self.salt, next) {
                return Ok(next + skip as u64);
            }
            if bytes.len() < GROUP || next + bytes.len() as u64 >= window.end {
                break;
            }
            next += (bytes.len() - GROUP + 1) as u64;
        }
        Ok(window.end)
    }

    /// Offset of the first item appended at or after `unix_ms`, or the end.
    pub(crate) fn seek(&self, unix_ms: u64) -> Result<u64, Error> {
        let bounds = self.bounds();
        let segments = self.segments();
        let Some(segment) = segments.iter().find(|segment| {
            let summary = segment.summary();
            summary.end > summary.base && summary.last_ms >= unix_ms
        }) else {
            return Ok(bounds.end);
        };
        let mut found = None;
        self.visit(segment.base, bounds.end, 1 << 20, |item| {
            if let Found::Record(Record {
                offset,
                appended_ms,
                body: Body::Entry { .. },
                ..
            }) = item
                && appended_ms >= unix_ms
            {
                found = Some(offset);
            }
            found.is_none()
        })?;
        Ok(found.unwrap_or(bounds.end))
    }
}

/// Place in `bytes`, which lie at `offset`, of the first valid group header.
pub(crate) fn find_group(bytes: &[u8], salt: u64, offset: u64) -> Option<usize> {
    (0..bytes.len().saturating_sub(GROUP - 1)).find(|skip| {
        bytes[*skip] == b'T'
            && Header::decode(&bytes[*skip..], salt, offset + *skip as u64).is_some()
    })
}
