//! Proofs that measure one scene after the other.

use crate::{Asked, Proved};
use tradewind_engine::testkit::simulation::watch_panics;
use tradewind_engine::testkit::{Measured, clocks, isolation, overload, tenants};

/// Seeds of `clocks`, unless told otherwise.
const SEEDS: u64 = 20;

pub(crate) fn clocks(asked: Asked) -> Proved {
    let first = asked.seed.unwrap_or(0);
    let seeds = asked
        .seed
        .map_or_else(|| asked.seeds.unwrap_or(SEEDS), |_| 1);
    let mut sum = clocks::Figures::default();
    let mut broken = Vec::new();
    for seed in first..first + seeds {
        match clocks::clocks(seed) {
            Ok(figures) => {
                sum.runs += figures.runs;
                sum.lost += figures.lost;
                sum.early += figures.early;
                sum.burst = sum.burst.max(figures.burst);
            }
            Err(what) => broken.push(format!("seed {seed}: {what}")),
        }
    }
    if sum.lost > 0 || sum.early > 0 || sum.burst > 2.0 {
        broken.push(
            "more than nothing lost or early, or a burst of more than twice the normal".into(),
        );
    }
    let figures = format!(
        "{} runs (-1 h, +24 h, +1 y, leap smear, NTP steps; running and over a restart) of {} events \
         for 5 subscriptions: {} lost, {} early, busiest second {:.2} times the normal",
        sum.runs,
        clocks::EVENTS,
        sum.lost,
        sum.early,
        sum.burst
    );
    (figures, broken)
}

pub(crate) fn isolation(_: Asked) -> Proved {
    watch_panics();
    measured([
        isolation::black_hole(30),
        isolation::poisoned_key(20_000),
        isolation::silent_member(20_000),
        isolation::flapping(30),
        isolation::poison_event(),
    ])
}

pub(crate) fn tenants(_: Asked) -> Proved {
    measured([tenants::noisy(30)])
}

pub(crate) fn overload(_: Asked) -> Proved {
    measured([
        overload::return_of_the_sink(100_000),
        overload::retries_are_spread(10_000),
        overload::redrive(100_000),
    ])
}

fn measured<const N: usize>(measured: [Result<Measured, String>; N]) -> Proved {
    let mut figures = Vec::new();
    let mut broken = Vec::new();
    for measured in measured {
        match measured {
            Ok(measured) => {
                if !measured.holds {
                    broken.push(format!("not as promised: {}", measured.figures));
                }
                figures.push(measured.figures);
            }
            Err(what) => broken.push(what),
        }
    }
    (format!("in simulated time: {}", figures.join("; ")), broken)
}
