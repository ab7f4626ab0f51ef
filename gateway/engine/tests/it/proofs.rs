//! Short forms of the proofs in simulated time.

use tradewind_engine::testkit::simulation::watch_panics;
use tradewind_engine::testkit::{clocks, isolation, overload, tenants};

#[test]
fn a_clock_that_jumps_ends_nothing_early_and_sets_off_no_burst() {
    let figures = clocks::clocks(0).unwrap();
    assert_eq!((figures.lost, figures.early), (0, 0), "{figures:?}");
    assert!(figures.burst <= 2.0, "{figures:?}");
}

#[test]
fn trouble_stays_where_it_is() {
    watch_panics();
    for measured in [
        isolation::black_hole(1),
        isolation::poisoned_key(4_000),
        isolation::silent_member(4_000),
        isolation::flapping(3),
        isolation::poison_event(),
    ] {
        let measured = measured.unwrap();
        assert!(measured.holds, "{}", measured.figures);
    }
}

#[test]
fn a_noisy_tenant_stays_within_its_share() {
    let measured = tenants::noisy(3).unwrap();
    assert!(measured.holds, "{}", measured.figures);
}

#[test]
fn what_an_outage_leaves_comes_back_in_measure() {
    for measured in [
        overload::return_of_the_sink(6_000),
        overload::retries_are_spread(1_000),
        overload::redrive(6_000),
    ] {
        let measured = measured.unwrap();
        assert!(measured.holds, "{}", measured.figures);
    }
}
