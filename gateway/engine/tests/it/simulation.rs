//! The short form of `cargo xtask prove simulation`, and that a seed replays.

use tradewind_engine::testkit::simulation::{Figures, On, simulate, watch_panics};

/// Runs seeds on both cores; `TRADEWIND_SEEDS` says how many, `TRADEWIND_SEED` picks one.
fn schedules(seeds: u64, on: On) -> Figures {
    watch_panics();
    let number = |name| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let seeds = match number("TRADEWIND_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TRADEWIND_SEEDS").unwrap_or(seeds),
    };
    let mut all = Figures::default();
    for seed in seeds {
        match simulate(seed, on, None) {
            Ok(figures) => all += figures,
            Err(what) => panic!("{on:?}, seed {seed}: {what}"),
        }
    }
    all
}

#[test]
fn nothing_is_lost_invented_misrouted_or_miscounted() {
    schedules(200, On::Memory);
}

#[test]
fn nor_on_a_disk_that_loses_power() {
    schedules(80, On::Disk);
}

#[test]
fn nor_where_streams_go_from_store_to_store() {
    let figures = schedules(100, On::Moving);
    assert!(figures.moves >= figures.schedules, "{figures:?}");
}

/// Beyond those above: a shard whose only turns were those that note the time never said that it is at rest, a sink
/// that panics was taken for one that goes on, and what a shadow had under way when it was suspended became a dead letter.
#[test]
fn seeds_that_found_something_stay_quiet() {
    watch_panics();
    for (seed, on) in [(186, On::Disk), (245, On::Memory), (228, On::Moving)] {
        simulate(seed, on, None).unwrap();
    }
}

#[test]
fn a_seed_replays() {
    watch_panics();
    for seed in 0..10 {
        for on in [On::Memory, On::Moving, On::Disk] {
            assert_eq!(
                simulate(seed, on, None),
                simulate(seed, on, None),
                "{on:?} {seed}"
            );
        }
    }
}
