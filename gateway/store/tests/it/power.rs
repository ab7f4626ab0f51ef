//! Loss of power, and every call of the disk failing once.

use tradewind_store::testkit::power::{Figures, fault, power, recovery};
use tradewind_store::testkit::{Fault, faults};

fn images(from: u64, count: u64) {
    let mut sum = Figures::default();
    let mut seed = from;
    while sum.images < count {
        match power(seed) {
            Ok(figures) => sum += figures,
            Err(broken) => panic!("seed {seed}: {broken}"),
        }
        seed += 1;
    }
    println!("{sum:?}");
    assert!(
        sum.during_recovery > count / 10 && sum.checked > count,
        "{sum:?}"
    );
}

// Two halves, one per core.
#[test]
fn a_thousand_losses_of_power() {
    images(1, 1000);
}

#[test]
fn another_thousand_losses_of_power() {
    images(1_000_000, 1000);
}

#[test]
fn power_is_lost_at_every_call_of_a_recovery() {
    let mut sum = Figures::default();
    for seed in 1..4 {
        match recovery(seed) {
            Ok(figures) => sum += figures,
            Err(broken) => panic!("seed {seed}: {broken}"),
        }
    }
    assert!(sum.during_recovery > 50, "{sum:?}");
}

fn every_call(kind: Fault, step: usize) {
    let mut struck = 0;
    for call in (0..).step_by(step) {
        match fault(7, call, kind) {
            Ok(Some(_)) => struck += 1,
            Ok(None) => break,
            Err(broken) => panic!("{kind:?} at call {call}: {broken}"),
        }
    }
    let mut calls = 0;
    for call in (0..).step_by(2 * step) {
        match faults::directory(call, kind) {
            Ok(true) => calls += 1,
            Ok(false) => break,
            Err(broken) => panic!("{kind:?} at call {call} of a data directory: {broken}"),
        }
    }
    println!("{kind:?}: {struck} calls of a shard, {calls} of a data directory");
    assert!(struck > 30 && calls > 10, "{struck}, {calls}");
}

#[test]
fn every_call_fails_once() {
    every_call(Fault::Io, 3);
    every_call(Fault::Interrupted, 11);
}

#[test]
fn every_call_fails_for_good() {
    every_call(Fault::IoForever, 5);
}

#[test]
fn every_call_finds_no_room() {
    every_call(Fault::Full, 5);
    every_call(Fault::FullForever, 11);
}

/// Where a commit brings both, a full disk may refuse the appends and take the records.
#[test]
fn records_beside_a_refused_append_are_there_afterwards() {
    for kind in [Fault::FullForever, Fault::ShortForever] {
        for call in 390..420 {
            if let Err(what) = fault(6, call, kind) {
                panic!("{kind:?} at call {call}: {what}");
            }
        }
    }
}

#[test]
fn every_write_is_cut_short() {
    every_call(Fault::Short, 5);
    every_call(Fault::ShortForever, 11);
}
