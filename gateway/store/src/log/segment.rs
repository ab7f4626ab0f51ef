//! Segment files.

use super::group::{Header, checksum};
use super::tail::Tail;
use super::writer::failed;
use crate::disk::{Disk, DiskFile, Open};
use crate::{Batch, Error, Item, stream::later};
use bytes::{Buf, BufMut};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Where the log begins in a segment file.
pub(crate) const DATA: u64 = 4096;
pub(crate) const HEADER: usize = 92;
const MAGIC: [u8; 6] = *b"TWseg\0";
/// Also of the groups and records in it. A later version keeps magic, version and checksum in their
/// places.
const VERSION: u16 = 1;

/// What is known of a segment without reading it. Written into the header of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    /// Offset of its first byte of log.
    pub(crate) base: u64,
    /// Offset after its last group.
    pub(crate) end: u64,
    /// CRC32C of its log.
    pub(crate) crc: u32,
    /// Number of events in the log before its end.
    pub(crate) ordinal: u64,
    /// Earliest and latest time of an append; zero when there is none.
    pub(crate) first_ms: u64,
    pub(crate) last_ms: u64,
}

impl Summary {
    /// An empty segment after this one.
    pub(crate) fn next(&self) -> Self {
        Self {
            base: self.end,
            end: self.end,
            ordinal: self.ordinal,
            ..Self::default()
        }
    }

    /// Takes a group in, or a damaged stretch, of which there is no header.
    pub(crate) fn add(&mut self, bytes: &[u8], header: Option<&Header>) {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.end += bytes.len() as u64;
        let Some(header) = header else { return };
        self.ordinal = header.ordinal + u64::from(header.events);
        if header.entries > 0 {
            self.first_ms = match self.first_ms {
                0 => header.appended_ms,
                first_ms => first_ms.min(header.appended_ms),
            };
            self.last_ms = self.last_ms.max(header.appended_ms);
        }
    }
}

/// One segment file.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Number of events in the log before it; `None` when its header is damaged.
    pub(crate) ordinal: Option<u64>,
    summary: Mutex<Summary>,
}

impl Segment {
    /// Makes the segment that follows `previous`. Durable when it returns.
    pub(crate) fn create(
        disk: &dyn Disk,
        dir: &Path,
        salt: u64,
        epoch: u64,
        previous: Summary,
    ) -> io::Result<Self> {
        let summary = previous.next();
        let path = path(dir, summary.base);
        let header = Self::header(salt, epoch, &previous);
        let made = disk.open(&path, Open::Empty).and_then(|file| {
            file.write_at(0, &header)?;
            file.sync_data()?;
            disk.sync_dir(dir)?;
            Ok(file)
        });
        let file = match made {
            Ok(file) => file,
            Err(error) => {
                // The log may go on where it is: what was begun must not be found in its way.
                match disk.remove(&path) {
                    Err(stuck) if stuck.kind() != io::ErrorKind::NotFound => return Err(stuck),
                    _ => return Err(error),
                }
            }
        };
        Ok(Self {
            base: summary.base,
            path,
            file,
            ordinal: Some(summary.ordinal),
            summary: Mutex::new(summary),
        })
    }

    fn header(salt: u64, epoch: u64, previous: &Summary) -> Vec<u8> {
        let base = previous.end;
        let mut header = Vec::with_capacity(DATA as usize);
        header.put_slice(&MAGIC);
        header.put_u16_le(VERSION);
        header.put_u64_le(base);
        header.put_u64_le(epoch);
        header.put_u64_le(previous.base);
        header.put_u64_le(previous.end);
        header.put_u32_le(previous.crc);
        header.put_u64_le(previous.ordinal);
        header.put_u64_le(previous.first_ms);
        header.put_u64_le(previous.last_ms);
        header.resize(HEADER - 4, 0);
        header.put_u32_le(checksum(salt, base, &header));
        header.resize(DATA as usize, 0);
        header
    }

    /// Opens a segment file. The summary of the previous segment is `None` when the header is
    /// damaged.
    pub(crate) fn open(
        disk: &dyn Disk,
        dir: &Path,
        salt: u64,
        base: u64,
    ) -> Result<(Self, Option<Summary>), Error> {
        let path = path(dir, base);
        let unreadable = |e| failed("open a segment", &e);
        let file = disk.open(&path, Open::Existing).map_err(unreadable)?;
        let mut header = [0; HEADER];
        let read = file.read_at(0, &mut header).map_err(unreadable)?;
        let previous = match read {
            HEADER => previous(&header, salt, base)?,
            _ => None,
        };
        let summary = Summary {
            base,
            end: base,
            ordinal: previous.map_or(0, |p| p.ordinal),
            ..Summary::default()
        };
        Ok((
            Self {
                base,
                path,
                file,
                ordinal: previous.map(|previous| previous.ordinal),
                summary: Mutex::new(summary),
            },
            previous,
        ))
    }

    /// Makes the header again that is damaged, from what is known of the segment before it.
    pub(crate) fn mend(&mut self, salt: u64, epoch: u64, previous: &Summary) -> io::Result<()> {
        let header = Self::header(salt, epoch, previous);
        self.file.write_at(0, &header)?;
        self.ordinal = Some(previous.ordinal);
        self.set_summary(previous.next());
        Ok(())
    }

    pub(crate) fn summary(&self) -> Summary {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_summary(&self, summary: Summary) {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
    }

    /// Place of an offset in the file.
    pub(crate) fn place(&self, offset: u64) -> u64 {
        DATA + (offset - self.base)
    }
}

fn previous(header: &[u8; HEADER], salt: u64, base: u64) -> Result<Option<Summary>, Error> {
    let (mut at, crc) = header.split_at(HEADER - 4);
    if at[..6] != MAGIC || checksum(salt, base, at).to_le_bytes() != crc {
        return Ok(None);
    }
    at.advance(6);
    let version = at.get_u16_le();
    if version > VERSION {
        return Err(later(
            &format!("the segment at {base}"),
            version.into(),
            VERSION.into(),
        ));
    }
    if version != VERSION || at.get_u64_le() != base {
        return Ok(None);
    }
    at.advance(8);
    Ok(Some(Summary {
        base: at.get_u64_le(),
        end: at.get_u64_le(),
        crc: at.get_u32_le(),
        ordinal: at.get_u64_le(),
        first_ms: at.get_u64_le(),
        last_ms: at.get_u64_le(),
    }))
}

fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:016x}.log"))
}

/// Bases of the segment files in a directory, in order.
pub(crate) fn bases(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<u64>> {
    let mut bases: Vec<_> = disk
        .list(dir)?
        .iter()
        .filter_map(|name| u64::from_str_radix(name.strip_suffix(".log")?, 16).ok())
        .collect();
    bases.sort_unstable();
    Ok(bases)
}

/// What the writer shares with readers.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    segments: RwLock<Vec<Arc<Segment>>>,
    end: AtomicU64,
    tail: Mutex<Tail>,
}

impl Shared {
    pub(crate) fn new(segments: Vec<Arc<Segment>>, end: u64) -> Self {
        Self {
            segments: RwLock::new(segments),
            end: AtomicU64::new(end),
            tail: Mutex::default(),
        }
    }

    /// The segments, oldest first; never empty once the log is open.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.segments
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The segment that holds `offset`, and where the next one begins.
    pub(crate) fn at(&self, offset: u64) -> Option<(Arc<Segment>, Option<u64>)> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let next = segments.partition_point(|segment| segment.base <= offset);
        let segment = Arc::clone(segments.get(next.checked_sub(1)?)?);
        Some((segment, segments.get(next).map(|segment| segment.base)))
    }

    pub(crate) fn push(&self, segment: Arc<Segment>) {
        self.segments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(segment);
    }

    /// Takes out the segments that lie wholly below `before`; never the last.
    pub(crate) fn split(&self, before: u64) -> Vec<Arc<Segment>> {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let kept = segments.partition_point(|segment| segment.base <= before);
        segments.drain(..kept.saturating_sub(1)).collect()
    }

    /// What readers may see.
    pub(crate) fn bounds(&self) -> Range<u64> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let start = segments.first().map_or(0, |segment| segment.base);
        start..self.end.load(Ordering::Acquire).max(start)
    }

    pub(crate) fn publish(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// Keeps what is in the group that was written at the end of the log.
    pub(crate) fn remember(&self, header: &Header, items: Vec<Item>) {
        self.tail().push(header.offset, header.end(), items);
    }

    /// What can be read from `from` on, if that was written lately.
    pub(crate) fn recent(&self, from: u64, max_bytes: usize) -> Option<Batch> {
        // What was trimmed may still be in memory.
        let bounds = self.bounds();
        let from = from.clamp(bounds.start, bounds.end);
        self.tail().read(from, bounds.end, max_bytes)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
