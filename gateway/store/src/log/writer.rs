//! The one that writes: appends groups, extends and seals segments.

use super::group::{Builder, Header};
use super::reader::Reader;
use super::segment::{DATA, Segment, Shared, Summary};
use crate::disk::{Disk, is_full};
use crate::finding::Findings;
use crate::{Error, Params};
use std::path::PathBuf;
use std::sync::Arc;

/// Least length of a file that something was written to.
const ROOM_MIN: u64 = 64 << 10;

/// The length of a segment file that holds so many bytes: whole chunks. A log that is hardly used has less than one,
/// in steps that double, so that its first sync has little to write.
pub(crate) fn room(bytes: u64, chunk: u64) -> u64 {
    match bytes < chunk {
        true => bytes.next_power_of_two().clamp(ROOM_MIN.min(chunk), chunk),
        false => bytes.next_multiple_of(chunk),
    }
}

/// The writing side of a log.
#[derive(Debug)]
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    salt: u64,
    params: Params,
    shared: Arc<Shared>,
    findings: Arc<Findings>,
    active: Arc<Segment>,
    summary: Summary,
    /// Length to which the active file has room.
    prepared: u64,
    /// Whether room is written with zeros, and not only set aside.
    filled: bool,
    epoch: u64,
    synced: u64,
    syncs: u64,
    sealed: u64,
}

/// What a log goes on from.
#[derive(Debug)]
pub(crate) struct Resume {
    /// Oldest first; the last one is written.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) epoch: u64,
    /// Below this it was durable once. The first group says so, lest damage there be taken for a torn
    /// write.
    pub(crate) synced: u64,
}

impl Log {
    /// A log over what recovery found.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        salt: u64,
        params: Params,
        resume: Resume,
        findings: Arc<Findings>,
    ) -> Result<Self, Error> {
        let Resume {
            segments,
            epoch,
            synced,
        } = resume;
        let Some(active) = segments.last().cloned() else {
            return Err(Error::Failed("a log needs a segment".into()));
        };
        let summary = active.summary();
        let prepared = active
            .file
            .len()
            .map_err(|e| failed("read the length of a segment", &e))?;
        Ok(Self {
            disk,
            dir,
            salt,
            params,
            shared: Arc::new(Shared::new(segments, summary.end)),
            findings,
            active,
            summary,
            prepared,
            filled: true,
            epoch,
            // What recovery accepted beyond that may sit in the page cache only.
            synced: synced.clamp(summary.base, summary.end),
            syncs: 0,
            sealed: 0,
        })
    }

    /// Leaves out the zeros that make syncs cheap, for a log that is hardly ever synced.
    pub(crate) fn unfilled(self) -> Self {
        Self {
            filled: false,
            ..self
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(
            Arc::clone(&self.shared),
            self.salt,
            Arc::clone(&self.findings),
        )
    }

    pub(crate) fn end(&self) -> u64 {
        self.summary.end
    }

    pub(crate) fn start(&self) -> u64 {
        self.shared.bounds().start
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.synced >= self.end()
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Segments sealed since the log was opened.
    pub(crate) fn sealed(&self) -> u64 {
        self.sealed
    }

    pub(crate) fn active(&self) -> Summary {
        self.summary
    }

    /// Bytes that the segment files take.
    pub(crate) fn bytes(&self) -> u64 {
        self.end() - self.start()
    }

    /// A group of about so many bytes at the end of the log.
    pub(crate) fn group(&self, appended_ms: u64, bytes: usize) -> Builder {
        Builder::new(
            self.salt,
            Header {
                len: 0,
                offset: self.end(),
                epoch: self.epoch,
                synced: self.synced,
                ordinal: self.summary.ordinal,
                appended_ms,
                events: 0,
                entries: 0,
                records: 0,
            },
            bytes,
        )
    }

    /// Raises the epoch: durable when it returns.
    pub(crate) fn raise(&mut self, appended_ms: u64) -> Result<u64, Error> {
        self.epoch += 1;
        let written = self.write(self.group(appended_ms, 0));
        if matches!(written, Err(Error::Full)) {
            // Nothing was written, so nobody is to be refused.
            self.epoch -= 1;
        }
        written?;
        self.sync()?;
        self.publish();
        Ok(self.epoch)
    }

    /// Writes a group. After `Error::Full` nothing has changed; after any other error the log must
    /// not be written again.
    pub(crate) fn write(&mut self, group: Builder) -> Result<(), Error> {
        let (header, bytes, items) = group.finish();
        let place = DATA + (self.end() - self.summary.base);
        if place > DATA && place + bytes.len() as u64 > self.params.segment_bytes {
            self.roll()?;
        }
        self.prepare(bytes.len() as u64)?;
        let place = self.active.place(self.end());
        self.active
            .file
            .write_at(place, &bytes)
            .map_err(|e| failed("write to the log", &e))?;
        self.summary.add(&bytes, Some(&header));
        self.active.set_summary(self.summary);
        self.shared.remember(&header, items);
        Ok(())
    }

    /// Makes all that was written durable.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        if self.synced < self.end() {
            self.active
                .file
                .sync_data()
                .map_err(|e| failed("sync the log", &e))?;
            self.syncs += 1;
            self.synced = self.end();
        }
        Ok(())
    }

    /// Lets readers see all that was written. Whether it was to be synced before, in the mode of the stream, is the
    /// caller's affair.
    pub(crate) fn publish(&mut self) {
        self.shared.publish(self.end());
    }

    /// Seals the active segment and begins the next. A segment exists only if all before it is
    /// durable, so only the last can have a torn tail.
    pub(crate) fn roll(&mut self) -> Result<(), Error> {
        self.sync()?;
        let next = Segment::create(&*self.disk, &self.dir, self.salt, self.epoch, self.summary)
            .map_err(|e| refused("begin a segment", &e))?;
        // The zeros after the last group are of no more use; keeping them does no harm.
        let length = self.active.place(self.end());
        self.active
            .file
            .set_len(length)
            .map_err(|e| failed("cut a sealed segment", &e))?;
        self.active = Arc::new(next);
        self.summary = self.active.summary();
        self.prepared = DATA;
        self.sealed += 1;
        self.shared.push(Arc::clone(&self.active));
        Ok(())
    }

    /// Extends the active file, by zeros, so that most syncs touch no metadata.
    fn prepare(&mut self, more: u64) -> Result<(), Error> {
        let needed = self.active.place(self.end()) + more;
        if needed <= self.prepared {
            return Ok(());
        }
        let chunk = self.params.chunk_bytes;
        let target = room(needed, chunk);
        let extended = match self.filled {
            // Zeros that are not there must not look, to the next start, as if they were.
            true => self.fill(target, chunk).inspect_err(|_| {
                self.active.file.set_len(self.prepared).ok();
            }),
            false => self.active.file.allocate(target),
        };
        extended.map_err(|e| refused("extend the log", &e))?;
        self.prepared = target;
        Ok(())
    }

    fn fill(&self, target: u64, chunk: u64) -> std::io::Result<()> {
        // One small piece again and again: it stays in the caches.
        let piece = (target - self.prepared).min(chunk).min(ROOM_MIN);
        // As long as it will be, before anything else: a process that ends meanwhile leaves no length that looks cut off.
        self.active.file.set_len(target)?;
        let zeros = vec![0; piece as usize];
        let mut at = self.prepared;
        while at < target {
            let len = (target - at).min(piece) as usize;
            self.active.file.write_at(at, &zeros[..len])?;
            at += len as u64;
        }
        Ok(())
    }

    /// Removes the segments wholly below `before`. What refers to them must be gone, durably.
    pub(crate) fn remove(&mut self, before: u64) -> Result<(), Error> {
        let gone = self.shared.split(before);
        for segment in &gone {
            self.disk
                .remove(&segment.path)
                .map_err(|e| failed("remove a segment", &e))?;
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.disk
            .sync_dir(&self.dir)
            .map_err(|e| failed("sync the log's directory", &e))
    }
}

/// An error after which nobody knows what the disk holds.
pub(crate) fn failed(what: &str, error: &std::io::Error) -> Error {
    Error::Failed(format!("cannot {what}: {error}"))
}

/// An error of a call that may simply have found no room.
pub(crate) fn refused(what: &str, error: &std::io::Error) -> Error {
    if is_full(error) {
        Error::Full
    } else {
        failed(what, error)
    }
}

#[cfg(test)]
mod tests {
    use super::room;

    #[test]
    fn files_grow_by_doubling_then_by_chunks() {
        const K: u64 = 1 << 10;
        for (bytes, chunk, length) in [
            (1, 4096 * K, 64 * K),
            (64 * K, 4096 * K, 64 * K),
            (64 * K + 1, 4096 * K, 128 * K),
            (3000 * K, 4096 * K, 4096 * K),
            (4096 * K, 4096 * K, 4096 * K),
            (4096 * K + 1, 4096 * K, 8192 * K),
            (1, 4 * K, 4 * K),
            (4097, 4 * K, 8 * K),
            (1, 100 * K, 64 * K),
            (65 * K, 100 * K, 100 * K),
        ] {
            assert_eq!(room(bytes, chunk), length, "{bytes} {chunk}");
            // What has a length that is in order keeps it.
            assert_eq!(room(length, chunk), length);
        }
    }
}
