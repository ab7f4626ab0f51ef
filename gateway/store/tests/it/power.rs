//! Loss of power, and every call of the disk failing once.

use tradewind_store::testkit::Fault;
use tradewind_store::testkit::power::{Figures, fault, power};

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

fn every_call(kind: Fault, step: usize) {
    let mut struck = 0;
    for call in (0..).step_by(step) {
        match fault(7, call, kind) {
            Ok(Some(_)) => struck += 1,
            Ok(None) => break,
            Err(broken) => panic!("{kind:?} at call {call}: {broken}"),
        }
    }
    println!("{kind:?}: {struck} calls");
    assert!(struck > 50, "{struck}");
}

#[test]
fn every_call_fails_once() {
    every_call(Fault::Io, 1);
}

#[test]
fn every_call_fails_for_good() {
    every_call(Fault::IoForever, 3);
}

#[test]
fn every_call_finds_no_room() {
    every_call(Fault::Full, 1);
    every_call(Fault::FullForever, 3);
}
