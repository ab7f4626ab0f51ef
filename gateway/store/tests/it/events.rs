//! Whether a stream holds events.

use bytes::Bytes;
use std::sync::Arc;
use tradewind_store::testkit::suite::event;
use tradewind_store::testkit::{ManualClock, MemoryStreams};
use tradewind_store::{Entry, Kind, Op, Settings, Streams, Sync, holds_events};

#[tokio::test]
async fn state_and_control_entries_are_none() {
    let streams = MemoryStreams::new(Arc::new(ManualClock::new(1_700_000_000_000)));
    let settings = Settings {
        shards: 2,
        ..Settings::default()
    };
    let stream = streams.open("test/events", &settings).await.unwrap();
    let epochs = [
        stream.recover(0).await.unwrap(),
        stream.recover(1).await.unwrap(),
    ];
    assert!(!holds_events(&*stream).await.unwrap());
    let put = Op::Put(Bytes::from_static(b"k"), Bytes::from_static(b"v"));
    let recorded = stream.record(1, epochs[1].epoch, vec![put], Sync::Durable);
    recorded.await.unwrap();
    let control = |shard_key| Entry {
        shard_key,
        identity: None,
        kind: Kind::Control,
        // More than is looked at at once.
        payload: Bytes::from(vec![7; 100 << 10]),
        decoded: None,
    };
    stream.append(vec![control(1), control(1)]).await.unwrap();
    assert!(!holds_events(&*stream).await.unwrap());
    let behind = Entry {
        shard_key: 1,
        ..event(1, "behind the others")
    };
    stream.append(vec![behind]).await.unwrap();
    assert!(holds_events(&*stream).await.unwrap());
}
