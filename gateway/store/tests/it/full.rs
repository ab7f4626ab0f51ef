//! No room on the disk.

use crate::contract::tiny;
use fastrand::Rng;
use std::path::Path;
use std::sync::Arc;
use tradewind_store::disk::{Disk, Open};
use tradewind_store::testkit::full::full;
use tradewind_store::testkit::{Fault, ManualClock, SeededRandom, SimDisk, suite};
use tradewind_store::{Embedded, Params, Settings, Streams};

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

/// Else the next start takes a hole for room that is there.
#[tokio::test]
async fn a_segment_that_could_not_be_made_longer_is_as_long_as_it_was() {
    // Of the simulated disk a file that has its length has its room, too: what fails is the writing of each of the zeros.
    for call in 1..=3 {
        let disk = SimDisk::new();
        let streams = Embedded::open_on(
            Arc::new(disk.clone()),
            "data",
            Arc::new(ManualClock::new(1_700_000_000_000)),
            Arc::new(SeededRandom::new(3)),
            Params {
                segment_bytes: 1 << 20,
                chunk_bytes: 64 << 10,
                reserve_bytes: 0,
                ..tiny()
            },
        );
        let streams = streams.unwrap().inline();
        let stream = streams.open("default/s", &Settings::default()).await;
        let stream = stream.unwrap();
        stream.append(vec![suite::event(1, "a")]).await.unwrap();
        let length = || {
            let path = Path::new("data/streams/default/s/0000/0000000000000000.log");
            disk.open(path, Open::Existing).unwrap().len().unwrap()
        };
        let before = length();
        disk.fail_after(call, Fault::Io, Rng::with_seed(call));
        let payload = "x".repeat(200 << 10);
        let refused = stream.append(vec![suite::event(2, &payload)]).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("extend the log"), "{refused}");
        assert_eq!(length(), before, "call {call}");
    }
}
