//! The suite of shared tables on the state of a stream.

use std::sync::Arc;
use tradewind_store::testkit::{ManualClock, MemoryStreams, table};
use tradewind_store::{Settings, SharedTable, StreamTable, Streams};

#[tokio::test]
async fn of_one_process() {
    let clock = ManualClock::new(1_700_000_000_000);
    let streams = MemoryStreams::new(Arc::new(clock));
    let settings = Settings::default();
    let log = streams.open("gateway/notes", &settings).await.unwrap();
    let epoch = log.recover(0).await.unwrap().epoch;
    let here = StreamTable::new(Arc::clone(&log), 0, epoch);
    table::all(&here, &here).await;
    // Whoever comes next finds what there was, and the one before is refused.
    let epoch = log.recover(0).await.unwrap().epoch;
    let next = StreamTable::new(log, 0, epoch);
    assert_eq!(table::rows(&next).await, table::rows(&here).await);
    let seen = *here.revision().borrow();
    assert!(here.change(seen, Vec::new()).await.is_err());
}
