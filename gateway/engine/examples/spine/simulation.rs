//! Seeded schedules on all cores, on the embedded store and on streams in memory.

use crate::{Asked, Proved};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_engine::testkit::simulation::{Figures, On, simulate, watch_panics};

/// Schedules on the embedded store, unless told otherwise.
const SEEDS: u64 = 2000;
/// On streams in memory there are this many times as many.
const IN_MEMORY: u64 = 3;
/// Broken seeds after which there is no point in going on.
const BROKEN_MAX: usize = 10;

pub(crate) fn prove(asked: Asked) -> Proved {
    watch_panics();
    if let Some(seed) = asked.seed {
        return replay(seed);
    }
    let seeds = asked.seeds.unwrap_or(SEEDS);
    let mut broken = Vec::new();
    let (disk, took) = run(seeds, On::Disk, &mut broken);
    let (memory, took_memory) = run(seeds * IN_MEMORY, On::Memory, &mut broken);
    let rate = |figures: &Figures, took: Duration| figures.schedules as f64 / took.as_secs_f64();
    let (moving, took_moving) = run(seeds, On::Moving, &mut broken);
    let mut all = disk;
    all += memory;
    all += moving;
    let figures = format!(
        "{} schedules on the embedded store ({:.0}/s), {} in memory ({:.0}/s), {} that go from store to \
         store ({:.0}/s, {} moves), {} threads; {} starts, {} events acknowledged, {} deliveries, {} of \
         them again after success ({:.2} %), {} broken",
        disk.schedules,
        rate(&disk, took),
        memory.schedules,
        rate(&memory, took_memory),
        moving.schedules,
        rate(&moving, took_moving),
        moving.moves,
        threads(),
        all.starts,
        all.acknowledged,
        all.deliveries,
        all.repeated,
        all.repeated as f64 / all.deliveries.max(1) as f64 * 100.0,
        broken.len(),
    );
    (figures, broken)
}

/// One seed on each, step by step.
fn replay(seed: u64) -> Proved {
    let mut broken = Vec::new();
    let mut figures = Vec::new();
    for on in [On::Memory, On::Moving, On::Disk] {
        println!("{on:?}, seed {seed}");
        match simulate(seed, on, Some(|step| println!("{step}"))) {
            Ok(passed) => figures.push(format!("{on:?} digest {:016x}", passed.digest)),
            Err(what) => broken.push(format!("{on:?}, seed {seed}: {what}")),
        }
    }
    (format!("seed {seed}, {}", figures.join(", ")), broken)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn run(seeds: u64, on: On, broken: &mut Vec<String>) -> (Figures, Duration) {
    let next = AtomicU64::new(0);
    let sum = Mutex::new((Figures::default(), std::mem::take(broken)));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let outcome = simulate(seed, on, None);
                    let Ok(mut sum) = sum.lock() else { return };
                    match outcome {
                        Ok(figures) => sum.0 += figures,
                        Err(what) => sum.1.push(format!("{on:?}, seed {seed}: {what}")),
                    }
                    if sum.1.len() >= BROKEN_MAX {
                        return;
                    }
                }
            });
        }
    });
    let (figures, found) = sum.into_inner().unwrap_or_default();
    *broken = found;
    (figures, began.elapsed())
}
