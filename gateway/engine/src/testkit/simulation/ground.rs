//! What the engine stands on, and how it breaks.

use crate::testkit::{CrashStreams, Relocated, SimClock};
use fastrand::Rng;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tradewind_store::testkit::{Fault, SeededRandom, SimDisk};
use tradewind_store::{Embedded, Error, Params, Streams};

/// What the engine stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Streams in memory that lose state which was recorded lazily: the fast one.
    Memory,
    /// The same, in which streams go from one store to another whenever nobody has them.
    Moving,
    /// The embedded store on a simulated disk.
    Disk,
}

#[derive(Debug)]
pub(super) enum Ground {
    /// With the clock of the process.
    Memory(Arc<CrashStreams>, Arc<SimClock>),
    Disk(SimDisk, Option<Arc<Embedded>>),
}

impl Ground {
    pub(super) fn new(on: On, clock: &Arc<SimClock>) -> Self {
        match on {
            On::Memory | On::Moving => {
                let held = clock.held();
                Ground::Memory(CrashStreams::new(held.clone()), held)
            }
            On::Disk => Ground::Disk(SimDisk::new(), None),
        }
    }

    pub(super) fn open(&mut self, clock: &SimClock, seed: u64) -> Result<Arc<dyn Streams>, Error> {
        match self {
            Ground::Memory(streams, held) => {
                held.follow(clock);
                Ok(streams.clone())
            }
            Ground::Disk(disk, open) => {
                let streams = match open.take() {
                    Some(streams) => streams,
                    None => {
                        let random = Arc::new(SeededRandom::new(seed));
                        let disk = Arc::new(disk.clone());
                        let params = small(seed);
                        Arc::new(
                            Embedded::open_on(disk, "data", clock.held(), random, params)?.inline(),
                        )
                    }
                };
                *open = Some(streams.clone());
                Ok(streams)
            }
        }
    }

    /// The process ends: nobody has the streams open.
    pub(super) fn leave(&mut self) {
        if let Ground::Disk(_, open) = self {
            *open = None;
        }
    }

    /// The power fails: of what was not synced, anything may be gone.
    pub(super) async fn lose_power(&mut self, rng: &mut Rng) {
        match self {
            Ground::Memory(streams, _) => streams.crash(|n| rng.usize(..n)).await,
            Ground::Disk(disk, _) => disk.crash(rng),
        }
    }

    /// The process was killed: what it had written is there.
    pub(super) async fn killed(&mut self) {
        match self {
            Ground::Memory(streams, _) => streams.crash(|_| 0).await,
            Ground::Disk(disk, _) => disk.heal(),
        }
    }

    /// The streams go to another store. Says where what lay at a position lies now.
    pub(super) async fn relocate(&mut self, rng: &mut Rng) -> Option<Relocated> {
        match self {
            Ground::Memory(streams, _) => Some(streams.relocate(rng.u64(1..5000)).await),
            Ground::Disk(..) => None,
        }
    }

    /// What was broken works again.
    pub(super) fn heal(&self) {
        match self {
            Ground::Memory(streams, _) => streams.busy.store(0, Ordering::SeqCst),
            Ground::Disk(disk, _) => disk.heal(),
        }
    }

    /// Breaks after a few more calls.
    pub(super) fn break_soon(&self, rng: &mut Rng) -> String {
        match self {
            Ground::Memory(streams, _) if rng.u8(..3) == 0 => {
                let calls = rng.u64(1..4);
                streams.busy.store(calls, Ordering::SeqCst);
                format!("{calls} appends are refused as busy")
            }
            Ground::Memory(streams, _) => {
                let calls = rng.u64(..12);
                streams.budget.store(calls, Ordering::SeqCst);
                format!("{calls} more calls succeed")
            }
            Ground::Disk(disk, _) => {
                let fault = match rng.u8(..8) {
                    0..=2 => Fault::PowerCut,
                    3 => Fault::Io,
                    4 => Fault::IoForever,
                    5 => Fault::Full,
                    _ => Fault::FullForever,
                };
                let calls = rng.u64(..40);
                disk.fail_after(calls, fault, rng.fork());
                format!("{fault:?} after {calls} calls of the disk")
            }
        }
    }
}

/// Sizes at which segments are sealed and checkpoints written all the time.
fn small(seed: u64) -> Params {
    let size = 4 << (seed % 3);
    Params {
        segment_bytes: size << 10,
        chunk_bytes: size << 8,
        overlay_bytes: 8 << 10,
        replay_bytes: size << 10,
        cache_bytes: 1 << 20,
        identities: 100,
        reserve_bytes: 0,
        ..Params::default()
    }
}
