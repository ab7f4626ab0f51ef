//! Which identities were appended, and where.
//!
//! The newest are in memory, the rest in sorted run files with a Bloom filter each. A run answers
//! for duplicates until the windows of its entries end, and for [`crate::Stream::find`] as long as
//! the log keeps its events; then the file is removed whole.

mod bloom;
mod run;

use crate::disk::Disk;
use crate::finding::{Finding, Findings};
use crate::{Error, Loss};
use foldhash::fast::FixedState;
use run::Run;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// Windows longer than this are kept in runs of their own, so that they do not hold up the rest.
const LONG_WINDOW_MS: u64 = 3_600_000;
/// Most identities in runs that are verified page by page when a shard is opened: 64 MiB. Pages of
/// more are verified when they are read.
const VERIFIED: u64 = 1 << 20;

/// What is known of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) content: u128,
    pub(crate) offset: u64,
    pub(crate) appended_ms: u64,
    pub(crate) window_ms: u64,
}

impl Slot {
    fn expires_ms(&self) -> u64 {
        self.appended_ms.saturating_add(self.window_ms)
    }

    /// Whether a repetition is still recognised.
    pub(crate) fn is_live(&self, now_ms: u64) -> bool {
        self.expires_ms() > now_ms
    }
}

/// A run file, as a checkpoint names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunInfo {
    pub(crate) number: u64,
    pub(crate) entries: u64,
    /// Latest offset in it.
    pub(crate) last: u64,
    /// When the last window ends.
    pub(crate) expires_ms: u64,
    /// Dropped from deduplication before that, for want of room.
    pub(crate) evicted: bool,
}

impl RunInfo {
    fn is_live(&self, now_ms: u64) -> bool {
        !self.evicted && self.expires_ms > now_ms
    }

    pub(crate) fn file(&self) -> String {
        format!("{:08x}.run", self.number)
    }
}

/// By identity, which is the outcome of a keyed hash: nobody outside can aim at a bucket.
pub(crate) type Memory = HashMap<u128, Slot, FixedState>;

/// The index of one shard. The writer changes it; anyone may look.
#[derive(Debug)]
pub(crate) struct Index {
    layers: RwLock<Layers>,
    findings: Arc<Findings>,
}

/// A stretch of log of which identities are to be read again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    pub(crate) from: u64,
    /// The last one lies here.
    pub(crate) to: u64,
}

#[derive(Debug, Default, Clone)]
struct Layers {
    active: Memory,
    frozen: Arc<Memory>,
    /// Oldest first.
    runs: Vec<Arc<Run>>,
}

/// What a flush made.
#[derive(Debug, Default)]
pub(crate) struct Flushed {
    runs: Vec<Arc<Run>>,
}

impl Flushed {
    pub(crate) fn infos(&self) -> impl Iterator<Item = RunInfo> {
        self.runs.iter().map(|run| run.info())
    }
}

impl Index {
    /// Opens the runs that a checkpoint names and removes files that none names. Also tells what is
    /// to be taken from the log again, because a run is damaged.
    pub(crate) fn open(
        disk: &dyn Disk,
        dir: &Path,
        salt: u64,
        infos: &[RunInfo],
        now_ms: u64,
        findings: Arc<Findings>,
    ) -> Result<(Self, Vec<Again>), Error> {
        let mut layers = Layers::default();
        let mut again = Vec::new();
        for name in disk.list(dir).map_err(|e| broken("list", &e))? {
            if name.ends_with(".run") && !infos.iter().any(|info| info.file() == name) {
                disk.remove(&dir.join(name))
                    .map_err(|e| broken("remove", &e))?;
            }
        }
        let verify = infos.iter().map(|info| info.entries).sum::<u64>() <= VERIFIED;
        for (index, info) in infos.iter().enumerate() {
            let opened = Run::open(disk, dir, salt, info, info.is_live(now_ms))
                .and_then(|run| if verify { run.verify() } else { Ok(run) });
            match opened {
                Ok(run) => layers.runs.push(Arc::new(run)),
                Err(error) if is_damage(&error) => {
                    findings.add(Finding::new(
                        Loss::Nothing,
                        format!(
                            "{} of {} identities is damaged and made again from the log, as far as \
                             that reaches: {error}",
                            info.file(),
                            info.entries
                        ),
                    ));
                    // A flush makes two runs at most; what the other one holds is found there.
                    let before = infos[..index.saturating_sub(1)].iter();
                    again.push(Again {
                        from: before.map(|info| info.last + 1).max().unwrap_or(0),
                        to: info.last,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    return Err(Error::Invalid(error.to_string()));
                }
                Err(error) => return Err(broken("open", &error)),
            }
        }
        let layers = RwLock::new(layers);
        Ok((Self { layers, findings }, again))
    }

    /// Enters an identity again that a damaged run held, unless it is known from somewhere else.
    pub(crate) fn restore(&self, id: u128, slot: Slot) -> Result<(), Error> {
        if self.find(id)?.is_none_or(|offset| offset < slot.offset) {
            self.insert([(id, slot)]);
        }
        Ok(())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Layers) -> T) -> T {
        change(&mut self.layers.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn see<T>(&self, look: impl FnOnce(&Layers) -> T) -> T {
        look(&self.layers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Enters identities that are now in the log.
    pub(crate) fn insert(&self, slots: impl IntoIterator<Item = (u128, Slot)>) {
        self.with(|layers| layers.active.extend(slots));
    }

    /// The identity, if a repetition of it is a duplicate now.
    pub(crate) fn live(&self, id: u128, now_ms: u64) -> Result<Option<Slot>, Error> {
        self.see(|layers| {
            for memory in [&layers.active, &*layers.frozen] {
                if let Some(slot) = memory.get(&id).filter(|slot| slot.is_live(now_ms)) {
                    return Ok(Some(*slot));
                }
            }
            for run in layers.runs.iter().rev().filter(|run| run.may_hold(id)) {
                if let Some(slot) = self.look(run, id)?.filter(|slot| slot.is_live(now_ms)) {
                    return Ok(Some(slot));
                }
            }
            Ok(None)
        })
    }

    /// [`Index::find`], where memory can tell.
    pub(crate) fn recall(&self, id: u128) -> Option<Option<u64>> {
        self.see(
            |layers| match layers.active.get(&id).or_else(|| layers.frozen.get(&id)) {
                Some(slot) => Some(Some(slot.offset)),
                None => layers.runs.iter().all(|run| run.lacks(id)).then_some(None),
            },
        )
    }

    /// Where the identity was appended last, live or not.
    pub(crate) fn find(&self, id: u128) -> Result<Option<u64>, Error> {
        let (found, runs) = self.see(|layers| {
            let slot = layers.active.get(&id).or_else(|| layers.frozen.get(&id));
            (slot.map(|slot| slot.offset), layers.runs.clone())
        });
        if found.is_some() {
            return Ok(found);
        }
        for run in runs.iter().rev() {
            if let Some(slot) = self.look(run, id)? {
                return Ok(Some(slot.offset));
            }
        }
        Ok(None)
    }

    fn look(&self, run: &Run, id: u128) -> Result<Option<Slot>, Error> {
        run.get(id).or_else(|error| {
            if !is_damage(&error) {
                return Err(broken("read", &error));
            }
            // Damaged for good: better a duplicate than a stream that refuses what may be in there.
            self.findings.add(Finding::new(
                Loss::Unclear,
                format!(
                    "identities are forgotten, and their repetitions taken for new: {}: {error}",
                    run.info().file()
                ),
            ));
            Ok(None)
        })
    }

    /// Identities in memory that no run holds.
    pub(crate) fn waiting(&self) -> usize {
        self.see(|layers| layers.active.len())
    }

    /// Sets aside what is in memory for [`Index::flush`].
    pub(crate) fn freeze(&self) {
        self.with(|layers| {
            if layers.frozen.is_empty() {
                layers.frozen = Arc::new(std::mem::take(&mut layers.active));
            }
        });
    }

    /// Writes what was set aside to run files, durably. They count once a checkpoint names them and
    /// [`Index::install`] is called.
    pub(crate) fn flush(&self, disk: &dyn Disk, dir: &Path, salt: u64) -> Result<Flushed, Error> {
        let (frozen, mut number) = self.see(|layers| {
            let number = layers.runs.iter().map(|run| run.info().number).max();
            (
                Arc::clone(&layers.frozen),
                number.map_or(0, |number| number + 1),
            )
        });
        let mut slots: Vec<_> = frozen.iter().collect();
        slots.sort_unstable_by_key(|(id, slot)| (slot.window_ms > LONG_WINDOW_MS, **id));
        let short = slots.partition_point(|(_, slot)| slot.window_ms <= LONG_WINDOW_MS);
        let mut flushed = Flushed::default();
        for part in [&slots[..short], &slots[short..]] {
            if !part.is_empty() {
                let run =
                    Run::write(disk, dir, salt, number, part).map_err(|e| broken("write", &e))?;
                flushed.runs.push(Arc::new(run));
                number += 1;
            }
        }
        if !flushed.runs.is_empty() {
            disk.sync_dir(dir).map_err(|e| broken("write", &e))?;
        }
        Ok(flushed)
    }

    /// The runs to keep: without those that neither deduplicate nor point into the log, and with the
    /// oldest evicted while more than `max` identities are remembered. Also how many were evicted.
    pub(crate) fn plan(&self, start: u64, now_ms: u64, max: u64) -> (Vec<RunInfo>, u64) {
        let (mut infos, memory) = self.see(|layers| {
            let infos: Vec<_> = layers.runs.iter().map(|run| run.info()).collect();
            (infos, (layers.active.len() + layers.frozen.len()) as u64)
        });
        let live = infos.iter().filter(|info| info.is_live(now_ms));
        let mut remembered = memory + live.map(|info| info.entries).sum::<u64>();
        let mut evicted = 0;
        for info in infos.iter_mut().filter(|info| info.is_live(now_ms)) {
            if remembered <= max {
                break;
            }
            info.evicted = true;
            remembered -= info.entries;
            evicted += info.entries;
        }
        infos.retain(|info| info.is_live(now_ms) || info.last >= start);
        (infos, evicted)
    }

    /// Puts a checkpoint's runs in force and forgets what was set aside. Returns files that no
    /// checkpoint names any more.
    pub(crate) fn install(&self, infos: &[RunInfo], flushed: Flushed, now_ms: u64) -> Vec<String> {
        self.with(|layers| {
            layers.frozen = Arc::default();
            let all = std::mem::take(&mut layers.runs)
                .into_iter()
                .chain(flushed.runs);
            let mut gone = Vec::new();
            for run in all {
                match infos.iter().find(|info| info.number == run.info().number) {
                    Some(info) if info.is_live(now_ms) => layers.runs.push(run),
                    Some(info) => layers.runs.push(Arc::new(run.retired(info))),
                    None => gone.push(run.info().file()),
                }
            }
            gone
        })
    }
}

fn broken(what: &str, error: &io::Error) -> Error {
    crate::log::refused(&format!("{what} the dedupe index"), error)
}

/// Whether a run is not what it was, rather than not to be read now.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::NotFound
    )
}
