//! The contract suite on every engine.

use std::sync::Arc;
use tradewind_store::disk::RealDisk;
use tradewind_store::testkit::{ManualClock, MemoryStreams, SeededRandom, SimDisk, moves, suite};
use tradewind_store::{Embedded, Params};

fn clock() -> ManualClock {
    ManualClock::new(1_700_000_000_000)
}

/// Sizes so small that segments, checkpoints and runs turn over all the time.
pub(crate) fn tiny() -> Params {
    Params {
        segment_bytes: 8 << 10,
        chunk_bytes: 4 << 10,
        overlay_bytes: 512,
        replay_bytes: 16 << 10,
        identities: 16,
        cache_bytes: 1 << 20,
        reserve_bytes: 64 << 10,
        ..Params::default()
    }
}

#[tokio::test]
async fn memory() {
    let clock = clock();
    let streams = MemoryStreams::new(Arc::new(clock.clone()));
    suite::all(&streams, &clock).await;
    moves::all(&streams, &clock).await;
}

#[tokio::test]
async fn embedded_inline_on_a_simulated_disk() {
    let clock = clock();
    let random = Arc::new(SeededRandom::new(1));
    let disk = Arc::new(SimDisk::new());
    let streams = Embedded::open_on(disk, "data", Arc::new(clock.clone()), random, tiny());
    let streams = streams.unwrap().inline();
    suite::all(&streams, &clock).await;
    moves::all(&streams, &clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_on_the_machine() {
    for params in [
        tiny(),
        Params {
            reserve_bytes: 1 << 20,
            ..Params::default()
        },
    ] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let clock = clock();
        let random = Arc::new(SeededRandom::new(1));
        let disk = Arc::new(RealDisk);
        let streams = Embedded::open_on(disk, dir.path(), Arc::new(clock.clone()), random, params);
        let streams = streams.unwrap();
        suite::all(&streams, &clock).await;
        moves::all(&streams, &clock).await;
    }
}
