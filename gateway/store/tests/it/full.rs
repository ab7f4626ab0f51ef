//! No room on the disk.

use tradewind_store::testkit::full::full;

/// Publishers are told, state goes on in the reserve, also over a restart, and appends work again once
/// there is room.
#[test]
fn a_full_disk_refuses_events_and_takes_state() {
    for seed in 1..6 {
        let figures = full(seed).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        assert!(
            figures.acknowledged > 0 && figures.recorded > 100,
            "{figures:?}"
        );
    }
}
