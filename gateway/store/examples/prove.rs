//! Proofs on a simulated disk. Each ends with one line of figures and `holds` or `falls short`, and
//! exits accordingly. `cargo xtask prove` lists them.

#![allow(clippy::print_stdout)] // the figures are what it is for

use fastrand::Rng;
use std::ops::AddAssign;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tradewind_store::testkit::corruption::{self, Image};
use tradewind_store::testkit::{Fault, faults, full, power};

const USAGE: &str = "usage: prove power [--images N] | io-faults [--seeds N] | corruption [--flips N] [--step N] | \
                     disk-full [--rounds N], each with [--seed S]";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let (mut count, mut seed, mut step) = (None, 1, 1);
    while let Some(arg) = args.next() {
        let value = args.next().and_then(|value| value.parse().ok());
        match (arg.as_str(), value) {
            ("--images" | "--seeds" | "--flips" | "--rounds", Some(value)) => count = Some(value),
            ("--seed", Some(value)) => seed = value,
            ("--step", Some(value)) => step = value,
            _ => {
                println!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let (figures, broken) = match name.as_str() {
        "power" => power_loss(count.unwrap_or(2000), seed),
        "io-faults" => io_faults(count.unwrap_or(8), seed),
        "corruption" => corrupted(count.unwrap_or(10_000), seed, step as usize),
        "disk-full" => disk_full(count.unwrap_or(200), seed),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let verdict = if broken == 0 { "holds" } else { "falls short" };
    println!("{name}: {figures}, {broken} broken promises: {verdict}");
    ExitCode::from(u8::from(broken > 0))
}

/// Runs `one` with one seed after another on every core until `enough`; the sum, and how many told
/// of a broken promise.
fn spread<T: AddAssign + Default + Send>(
    from: u64,
    one: impl Fn(u64) -> Result<T, String> + Sync,
    enough: impl Fn(&T, u64) -> bool + Sync,
) -> (T, u64) {
    let next = AtomicU64::new(from);
    let sum = Mutex::new((T::default(), 0, 0));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    {
                        let sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                        if enough(&sum.0, sum.2) || sum.1 >= 10 {
                            return;
                        }
                    }
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let result = one(seed);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.2 += 1;
                    match result {
                        Ok(figures) => sum.0 += figures,
                        Err(what) => {
                            sum.1 += 1;
                            println!("seed {seed}: {what}");
                        }
                    }
                }
            });
        }
    });
    let (sum, broken, _) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    (sum, broken)
}

fn power_loss(images: u64, seed: u64) -> (String, u64) {
    // Every call of every recovery of one seed in fifty.
    let one = |seed| match seed % 50 {
        0 => power::recovery(seed),
        _ => power::power(seed),
    };
    let (sum, broken) = spread(seed, one, |sum: &power::Figures, _| sum.images >= images);
    let figures = format!(
        "{} images, {} of them lost power during recovery, {} recoveries at each of their calls in \
         turn, {} events acknowledged, {} looked up after a crash, {} disk calls",
        sum.images, sum.during_recovery, sum.exhausted, sum.acknowledged, sum.checked, sum.calls
    );
    (figures, broken)
}

const FAULTS: &[Fault] = &[
    Fault::Io,
    Fault::IoForever,
    Fault::Full,
    Fault::FullForever,
    Fault::Short,
    Fault::ShortForever,
    Fault::Interrupted,
];

#[derive(Default)]
struct Sweep {
    calls: u64,
    in_directory: u64,
    checked: u64,
}

impl AddAssign for Sweep {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.in_directory += other.in_directory;
        self.checked += other.checked;
    }
}

fn io_faults(seeds: u64, seed: u64) -> (String, u64) {
    let kinds = FAULTS.len() as u64;
    // One job per kind of fault and seed; the directory as a whole comes first.
    let one = |job: u64| {
        let fault = FAULTS[(job % kinds) as usize];
        let mut sweep = Sweep::default();
        for call in 0.. {
            let at = |what| format!("{fault:?} at call {call}: {what}");
            if job < kinds {
                if !faults::directory(call, fault).map_err(at)? {
                    return Ok(sweep);
                }
                sweep.in_directory += 1;
            } else {
                let Some(figures) = power::fault(seed + job / kinds, call, fault).map_err(at)?
                else {
                    return Ok(sweep);
                };
                sweep.calls += 1;
                sweep.checked += figures.checked;
            }
        }
        Ok(sweep)
    };
    let jobs = kinds * (seeds + 1);
    let (sum, broken) = spread(
        0,
        |job| {
            if job < jobs {
                one(job)
            } else {
                Ok(Sweep::default())
            }
        },
        |_, done| done >= jobs,
    );
    let figures = format!(
        "{} calls of a shard and {} of a data directory failed in turn, in {kinds} ways (EIO, \
         ENOSPC and a short write, once and for good; EINTR), {} looked up afterwards, no panic, no \
         acknowledgement after a failed sync, no second sync on a descriptor",
        sum.calls, sum.in_directory, sum.checked
    );
    (figures, broken)
}

fn corrupted(flips: u64, seed: u64, step: usize) -> (String, u64) {
    const PER_IMAGE: u64 = 50;
    let flip = |seed| {
        let image = Image::new(seed)?;
        let mut rng = Rng::with_seed(seed);
        let mut sum = corruption::Figures::default();
        for _ in 0..PER_IMAGE {
            let (path, bit) = image.some_bit(&mut rng);
            sum += image.flip(&path, bit)?;
        }
        Ok(sum)
    };
    let (flipped, mut broken) = spread(seed, flip, |sum: &corruption::Figures, _| {
        sum.damaged >= flips
    });
    // Every tail of one disk per core; coarser, of more of them.
    let image = Image::new(seed);
    let tails = image
        .as_ref()
        .map(|image| image.tails(step))
        .unwrap_or_default();
    let cut = |index: u64| match (&image, tails.get(index as usize)) {
        (Ok(image), Some((path, len))) => image.cut(path, *len),
        (Err(what), _) => Err(what.clone()),
        (Ok(_), None) => Ok(corruption::Figures::default()),
    };
    let (cuts, more) = spread(0, cut, |_: &corruption::Figures, done| {
        done >= tails.len() as u64
    });
    broken += more;
    let show = |what: &str, sum: corruption::Figures| {
        format!(
            "{} {what} ({} in bytes that nobody uses, {} repaired, {} reported as possibly \
             acknowledged, {} as lost, with {} events; {} cut to a length that the file had before)",
            sum.damaged, sum.unused, sum.repaired, sum.unclear, sum.lost, sum.events, sum.earlier
        )
    };
    let figures = format!(
        "{}, {}",
        show("flipped bits", flipped),
        show("truncations", cuts)
    );
    (figures, broken)
}

fn disk_full(rounds: u64, seed: u64) -> (String, u64) {
    let (sum, broken) = spread(seed, full::full, |_: &full::Figures, done| done >= rounds);
    let figures = format!(
        "simulated: full {} times, {} events acknowledged, {} refused, {} state changes taken while full",
        sum.fills, sum.acknowledged, sum.refused, sum.recorded
    );
    (figures, broken)
}
