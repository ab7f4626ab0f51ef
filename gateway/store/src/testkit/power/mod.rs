//! Power loss: random work on a simulated disk, interrupted at a random call, again and again, also
//! during recovery; then an oracle compares what is there with what was promised.

#![allow(clippy::unwrap_used)]

mod oracle;
mod work;

use crate::disk::Reserve;
use crate::shard::{Shard, Spec};
use crate::testkit::{Fault, SimDisk};
use crate::{Error, Params, Settings};
use fastrand::Rng;
use oracle::Oracle;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;
use work::Work;

/// What a run went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Disks that lost power or failed, and were recovered.
    pub images: u64,
    /// Of these, while an earlier crash was being recovered from.
    pub during_recovery: u64,
    /// Recoveries that lost power at each of their calls in turn.
    pub exhausted: u64,
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Checks of one acknowledged event after a crash.
    pub checked: u64,
    /// Calls of the disk.
    pub calls: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.images += other.images;
        self.during_recovery += other.during_recovery;
        self.exhausted += other.exhausted;
        self.acknowledged += other.acknowledged;
        self.checked += other.checked;
        self.calls += other.calls;
    }
}

/// Runs work that loses power a few times; an error tells the broken promise.
pub fn power(seed: u64) -> Result<Figures, String> {
    let mut rng = Rng::with_seed(seed);
    let mut bench = Bench::new(seed, &mut rng);
    for _ in 0..rng.u32(1..=4) {
        let calls = if rng.bool() {
            rng.u64(0..60)
        } else {
            rng.u64(0..600)
        };
        bench.disk.fail_after(calls, Fault::PowerCut, rng.fork());
        bench.run(&mut rng, 200)?;
        bench.disk.crash(&mut rng);
    }
    bench.finish(&mut rng)
}

/// Runs work that loses power once, then loses power again at every call of the recovery in turn.
pub fn recovery(seed: u64) -> Result<Figures, String> {
    let mut rng = Rng::with_seed(seed);
    let mut bench = Bench::new(seed, &mut rng);
    bench
        .disk
        .fail_after(rng.u64(0..600), Fault::PowerCut, rng.fork());
    bench.run(&mut rng, 200)?;
    bench.disk.crash(&mut rng);
    let mut figures = Figures {
        exhausted: 1,
        ..bench.figures
    };
    for call in 0.. {
        let mut trial = bench.fork();
        trial.disk.fail_after(call, Fault::PowerCut, rng.fork());
        let struck = |what| format!("power lost at call {call} of the recovery: {what}");
        trial.open().map_err(struck)?;
        if !trial.disk.was_struck() {
            break;
        }
        trial.disk.crash(&mut rng);
        if trial.open().map_err(struck)?.is_none() {
            return Err(struck("not recovered".into()));
        }
        figures.images += 1;
        figures.during_recovery += 1;
        figures.checked += trial.figures.checked;
        figures.calls += trial.disk.calls();
    }
    figures.acknowledged = bench.oracle.acknowledged();
    Ok(figures)
}

/// Runs the same work with a fault at the call number `call`: work, a restart without a clean end,
/// more work, a clean end. Then either the process or the machine starts again. `None` when all is
/// done in fewer calls.
pub fn fault(seed: u64, call: u64, fault: Fault) -> Result<Option<Figures>, String> {
    let mut rng = Rng::with_seed(seed);
    let mut bench = Bench::new(seed, &mut rng);
    bench.disk.fail_after(call, fault, rng.fork());
    bench.run(&mut rng, 30)?;
    bench.run(&mut rng, 10)?;
    if let Some(mut shard) = bench.open()? {
        // What a failed end leaves behind is looked at below.
        shard.close(bench.work.now_ms).ok();
    }
    if bench.disk.calls() <= call {
        return Ok(None);
    }
    if rng.bool() {
        bench.disk.crash(&mut rng);
    } else {
        bench.disk.heal();
    }
    bench.finish(&mut rng).map(Some)
}

struct Bench {
    disk: SimDisk,
    spec: Spec,
    work: Work,
    oracle: Oracle,
    figures: Figures,
    recovering: bool,
}

impl Bench {
    fn new(seed: u64, rng: &mut Rng) -> Self {
        let disk = SimDisk::new();
        let params = Params {
            segment_bytes: rng.u64(2..10) << 10,
            chunk_bytes: 1 << rng.u32(10..13),
            overlay_bytes: rng.usize(200..2000),
            replay_bytes: rng.u64(4..20) << 10,
            identities: rng.usize(8..40),
            cache_bytes: 256 << 10,
            reserve_bytes: 0,
            ..Params::default()
        };
        let spec = Spec {
            disk: Reserve::new(Arc::new(disk.clone()), "reserve".into(), 0).unwrap(),
            dir: "".into(),
            shard: 0,
            salt: seed ^ 0x5eed,
            settings: Settings {
                retention: Duration::from_secs(3600),
                ..Settings::default()
            },
            params,
        };
        let work = Work::new(rng.fork());
        let (oracle, figures) = (Oracle::default(), Figures::default());
        Self {
            disk,
            spec,
            work,
            oracle,
            figures,
            recovering: false,
        }
    }

    /// Opens the shard and works until something fails or `steps` are done.
    fn run(&mut self, rng: &mut Rng, steps: u32) -> Result<(), String> {
        self.figures.images += 1;
        self.figures.during_recovery += u64::from(self.recovering);
        let Some(mut shard) = self.open()? else {
            self.recovering = true;
            return Ok(());
        };
        self.recovering = false;
        for _ in 0..steps {
            if rng.u32(0..60) == 0 {
                let closed = shard.close(self.work.now_ms);
                drop(shard);
                if closed.is_err() {
                    return Ok(());
                }
                match self.open()? {
                    Some(reopened) => shard = reopened,
                    None => return Ok(()),
                }
            }
            if !self.work.step(&mut shard, &mut self.oracle)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// `None` when the disk failed.
    fn open(&mut self) -> Result<Option<Shard>, String> {
        match Shard::open(self.spec.clone(), self.work.now_ms) {
            Ok(mut shard) => match self.oracle.check(&mut shard, self.work.now_ms) {
                Ok(checked) => {
                    self.figures.checked += checked;
                    Ok(Some(shard))
                }
                Err(_) if self.disk.was_struck() => Ok(None),
                Err(broken) => Err(broken),
            },
            Err(Error::Failed(_) | Error::Full) if self.disk.was_struck() => Ok(None),
            Err(error) => Err(format!("recovery failed: {error}")),
        }
    }

    fn finish(mut self, rng: &mut Rng) -> Result<Figures, String> {
        self.disk.heal();
        for _ in 0..2 {
            let Some(mut shard) = self.open()? else {
                return Err("a disk that works was not recovered".into());
            };
            for _ in 0..rng.u32(0..8) {
                if !self.work.step(&mut shard, &mut self.oracle)? {
                    return Err("a disk that works failed".into());
                }
            }
            shard
                .close(self.work.now_ms)
                .map_err(|error| format!("close failed: {error}"))?;
        }
        self.figures.acknowledged = self.oracle.acknowledged();
        self.figures.calls = self.disk.calls();
        if self.disk.was_synced_again() {
            return Err("a file was synced again after its sync had failed".into());
        }
        Ok(self.figures)
    }

    /// The same on a copy of the disk.
    fn fork(&self) -> Self {
        let disk = self.disk.fork();
        let reserve = Reserve::new(Arc::new(disk.clone()), "reserve".into(), 0).unwrap();
        Self {
            spec: Spec {
                disk: reserve,
                ..self.spec.clone()
            },
            disk,
            work: self.work.clone(),
            oracle: self.oracle.clone(),
            figures: Figures::default(),
            recovering: false,
        }
    }
}
