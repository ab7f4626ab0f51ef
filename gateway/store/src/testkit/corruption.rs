//! Damage: bits that flip and files that are cut off, compared with what was promised.

#![allow(clippy::unwrap_used)]

mod image;

pub use image::Image;

use crate::testkit::suite::event;
use crate::testkit::{ManualClock, SeededRandom, SimDisk};
use crate::{Appended, Embedded, Error, Finding, Loss, Params, Settings, Stream, Streams};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::Arc;

const STREAM: &str = "default/s";
const SHARD: &str = "data/streams/default/s/0000";
/// Where the log begins in a segment file, and the bytes before it that are used.
const DATA: u64 = 4096;
const HEADER: u64 = 92;
const NOW: u64 = 1_700_000_000_000;

/// What became of damage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Damaged disks that were opened and compared.
    pub damaged: u64,
    /// Nothing was reported, and nothing was missing: bytes that nobody uses.
    pub unused: u64,
    /// Reported and made again; nothing was missing.
    pub repaired: u64,
    /// Reported as possibly acknowledged.
    pub unclear: u64,
    /// Reported as lost, with the stretch.
    pub lost: u64,
    /// Truncations to a length that the file had before, which nobody can tell from that moment.
    pub earlier: u64,
    /// Events that were missing, all of them in a stretch that was reported.
    pub events: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.damaged += other.damaged;
        self.unused += other.unused;
        self.repaired += other.repaired;
        self.unclear += other.unclear;
        self.lost += other.lost;
        self.earlier += other.earlier;
        self.events += other.events;
    }
}

/// How much one damage may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confined {
    /// One commit.
    Commit,
    /// Whatever was reported.
    Reported,
}

fn open(disk: &SimDisk, params: Params) -> Result<(Embedded, Arc<dyn Stream>), Error> {
    let clock = Arc::new(ManualClock::new(NOW));
    let random = Arc::new(SeededRandom::new(3));
    let streams =
        Embedded::open_on(Arc::new(disk.clone()), "data", clock, random, params)?.inline();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let stream = runtime.block_on(streams.open(STREAM, &Settings::default()))?;
    Ok((streams, stream))
}

impl Image {
    /// Flips a bit; an error tells the broken promise.
    pub fn flip(&self, path: &Path, bit: u64) -> Result<Figures, String> {
        let disk = self.disk.fork();
        if !disk.flip(path, bit) {
            return Err(format!("no bit {bit} in {}", path.display()));
        }
        self.check(&disk, self.is_used(path, bit / 8), Confined::Commit)
            .map_err(|what| format!("bit {bit} of {}: {what}", path.display()))
    }

    /// Cuts a file off; an error tells the broken promise.
    pub fn cut(&self, path: &Path, len: u64) -> Result<Figures, String> {
        let disk = self.disk.fork();
        disk.cut(path, len);
        if self.was_once(path, len) {
            // Nobody can tell it from the disk of an earlier moment.
            return Ok(Figures {
                earlier: 1,
                ..Figures::default()
            });
        }
        self.check(&disk, self.is_used(path, len), Confined::Reported)
            .map_err(|what| format!("{} cut at {len}: {what}", path.display()))
    }

    /// Whether damage at this byte must be reported even if nothing is missing.
    fn is_used(&self, path: &Path, byte: u64) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match name.strip_suffix(".log") {
            Some(base) => {
                let base = u64::from_str_radix(base, 16).unwrap_or_default();
                let next = self.bases.iter().find(|next| **next > base);
                let end = next.copied().unwrap_or(self.end);
                byte < HEADER || byte >= DATA && byte - DATA < end - base
            }
            None => name.ends_with(".run"),
        }
    }

    /// Whether the last segment had this length before, and nothing else proves it longer.
    fn was_once(&self, path: &Path, len: u64) -> bool {
        let last = self.bases.last().copied().unwrap_or_default();
        path == Path::new(SHARD).join(format!("{last:016x}.log"))
            && !self.closed
            && (len == DATA || len.is_multiple_of(self.params.chunk_bytes))
    }

    fn check(&self, disk: &SimDisk, used: bool, confined: Confined) -> Result<Figures, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let failed = |what: &str, error: Error| format!("{what}: {error}");
        let (streams, stream) =
            open(disk, self.params).map_err(|error| failed("not opened", error))?;
        let found = runtime.block_on(read(&*stream, self.start))?;
        let findings = stream.findings();
        let worst = findings.iter().map(|finding| finding.loss).max();
        let mut figures = Figures {
            damaged: 1,
            ..Figures::default()
        };
        match worst {
            None if used => return Err("not noticed".into()),
            None => figures.unused = 1,
            Some(Loss::Nothing) => figures.repaired = 1,
            Some(Loss::Unclear) => figures.unclear = 1,
            Some(Loss::Certain) => figures.lost = 1,
        }
        figures.events = self.compare(&found, &findings, confined)?;
        let state = runtime
            .block_on(stream.scan(0, b"", b"\xff", usize::MAX))
            .map_err(|error| failed("the state is not read", error))?;
        if state != self.state && worst.is_none_or(|loss| loss == Loss::Nothing) {
            return Err(format!("the state differs, reported is {findings:?}"));
        }
        self.repeat(&runtime, &*stream, &found, worst)?;
        drop(stream);
        drop(streams);
        // Whatever it was: it stays usable.
        let (_streams, stream) =
            open(disk, self.params).map_err(|error| failed("not opened again", error))?;
        let again = runtime.block_on(read(&*stream, self.start))?;
        if again[..found.len().min(again.len())] != found || again.len() != found.len() + 1 {
            return Err("what was read differs after a restart".into());
        }
        Ok(figures)
    }

    /// All is there, byte for byte, or in a stretch that was reported; and nothing else is there.
    fn compare(
        &self,
        found: &[(u64, Bytes)],
        findings: &[Finding],
        confined: Confined,
    ) -> Result<u64, String> {
        for (offset, payload) in found {
            let promised = self.promised.get(offset);
            if promised.is_none_or(|promised| promised.payload != *payload) {
                return Err(format!("{offset} was altered or never written"));
            }
        }
        let there: BTreeSet<u64> = found.iter().map(|(offset, _)| *offset).collect();
        let lost: Vec<_> = self
            .promised
            .iter()
            .filter(|(offset, _)| !there.contains(offset))
            .collect();
        let commits: BTreeSet<u64> = lost.iter().map(|(_, promised)| promised.commit).collect();
        if confined == Confined::Commit && commits.len() > 1 {
            return Err(format!(
                "one bit cost {} commits: {findings:?}",
                commits.len()
            ));
        }
        for (offset, _) in &lost {
            let told = |finding: &Finding| {
                finding.loss > Loss::Nothing
                    && finding
                        .range
                        .as_ref()
                        .is_some_and(|range| range.contains(offset))
            };
            if !findings.iter().any(told) {
                return Err(format!("{offset} is lost in silence: {findings:?}"));
            }
        }
        for finding in findings.iter().filter(|f| f.loss == Loss::Certain) {
            if let (Some(range), Some(events)) = (&finding.range, finding.events) {
                let missing = lost.iter().filter(|(offset, _)| range.contains(offset));
                let missing = missing.count() as u64;
                if missing != events {
                    return Err(format!("{missing} events are lost, but: {finding}"));
                }
            }
        }
        Ok(lost.len() as u64)
    }

    /// Repetitions are recognised, and new events are taken.
    fn repeat(
        &self,
        runtime: &tokio::runtime::Runtime,
        stream: &dyn Stream,
        found: &[(u64, Bytes)],
        worst: Option<Loss>,
    ) -> Result<(), String> {
        let latest = found.last().map_or(0, |(offset, _)| *offset);
        if worst.is_none_or(|loss| loss == Loss::Nothing) {
            for (offset, payload) in found {
                let id = self.promised[offset].id;
                let repeated = String::from_utf8_lossy(payload);
                let appended = runtime.block_on(stream.append(vec![event(id, &repeated)]));
                match appended.as_deref() {
                    Ok([Appended::Duplicate(position)]) if position.offset == *offset => {}
                    other => return Err(format!("{offset} repeated is {other:?}")),
                }
            }
        }
        let more = runtime.block_on(stream.append(vec![event(1 << 64, "more")]));
        match more.as_deref() {
            Ok([Appended::New(position)]) if position.offset > latest => Ok(()),
            other => Err(format!("a new event is {other:?}")),
        }
    }
}

async fn read(stream: &dyn Stream, start: u64) -> Result<Vec<(u64, Bytes)>, String> {
    let (mut items, mut at) = (Vec::new(), start);
    while at < stream.bounds(0).end {
        let batch = stream.read(0, at, 4096).await;
        let batch = batch.map_err(|error| format!("not read at {at}: {error}"))?;
        if batch.next <= at {
            return Err(format!("reading stands still at {at}"));
        }
        at = batch.next;
        let read = batch.items.into_iter();
        items.extend(read.map(|item| (item.position.offset, item.payload)));
    }
    Ok(items)
}
