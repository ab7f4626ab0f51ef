//! No room on the disk.

use crate::contract::tiny;
use bytes::Bytes;
use std::sync::Arc;
use tradewind_store::testkit::suite::{event, read_all};
use tradewind_store::testkit::{ManualClock, SeededRandom, SimDisk};
use tradewind_store::{Appended, Embedded, Error, Op, Params, Settings, Streams, Sync};

/// Publishers are told, state goes on in the reserve, and appends work again once there is room.
#[tokio::test]
async fn a_full_disk_refuses_events_and_takes_state() {
    let params = Params {
        reserve_bytes: 16 << 20,
        ..tiny()
    };
    let clock = ManualClock::new(1_700_000_000_000);
    let random = Arc::new(SeededRandom::new(3));
    let disk = SimDisk::new();
    let streams = Embedded::open_on(
        Arc::new(disk.clone()),
        "data",
        Arc::new(clock.clone()),
        random,
        params,
    );
    let streams = streams.unwrap().inline();
    let stream = streams
        .open("default/s", &Settings::default())
        .await
        .unwrap();
    let epoch = stream.recover(0).await.unwrap().epoch;
    disk.set_capacity(Some(disk.used() + (64 << 10)));
    let mut accepted = Vec::new();
    let refused = loop {
        let id = accepted.len() as u128;
        let payload = format!("{id}-{}", "x".repeat(500));
        match stream.append(vec![event(id, &payload)]).await {
            Ok(appended) => {
                let Appended::New(position) = appended[0] else {
                    panic!("{appended:?}")
                };
                accepted.push((position, Bytes::from(payload)));
            }
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, Error::Full) && refused.is_temporary(),
        "{refused:?}"
    );
    assert!(!accepted.is_empty());
    // Others take what the reserve has given back.
    disk.set_capacity(Some(disk.used()));
    for key in 0..200_u32 {
        let op = Op::Put(key.to_be_bytes().to_vec().into(), Bytes::from(vec![7; 500]));
        stream
            .record(0, epoch, vec![op], Sync::Durable)
            .await
            .unwrap();
        clock.advance(100);
        let refused = stream.append(vec![event(1 << 64, "more")]).await;
        assert!(matches!(refused, Err(Error::Full)), "{refused:?}");
    }
    assert_eq!(read_all(&*stream, 0, 0).await, accepted);
    disk.set_capacity(None);
    clock.advance(1000);
    let more = stream.append(vec![event(1 << 64, "more")]).await.unwrap();
    assert!(matches!(more[0], Appended::New(_)), "{more:?}");
    assert_eq!(stream.scan(0, b"", b"\xff", 1000).await.unwrap().len(), 200);
    stream.close().await.unwrap();
}
