//! Streams that wait for no disk are written without a thread of their own; what publishers leave is written soon, in any
//! mode, by the task that the first of them began.

use crate::contract::tiny;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Waker};
use tradewind_store::disk::RealDisk;
use tradewind_store::testkit::{ManualClock, SeededRandom};
use tradewind_store::{
    Appended, Durability, Embedded, Entry, Error, Identity, Kind, Position, Settings, Streams,
};

const TASKS: u64 = 16;
const EACH: u64 = 100;

fn entry(number: u64) -> Entry {
    Entry {
        shard_key: number,
        identity: Some(Identity {
            id: u128::from(number),
            content: u128::from(number),
            window_ms: 600_000,
        }),
        kind: Kind::Event,
        payload: Bytes::copy_from_slice(&number.to_be_bytes()),
        decoded: None,
    }
}

/// Nobody waits for ever and nothing is lost where many write at once and checkpoints get in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_publishers_take_turns_at_writing() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let open = || {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let random = Arc::new(SeededRandom::new(1));
        Embedded::open_on(Arc::new(RealDisk), dir.path(), clock, random, tiny()).unwrap()
    };
    let settings = Settings {
        durability: Durability::Ephemeral,
        ..Settings::default()
    };
    let streams = open();
    let stream = Streams::open(&streams, "default/busy", &settings)
        .await
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let stream = stream.clone();
        tasks.spawn(async move {
            let mut positions = Vec::new();
            for number in task * EACH..(task + 1) * EACH {
                let appended = stream.append(vec![entry(number)]).await.unwrap();
                let [Appended::New(position)] = appended[..] else {
                    panic!("{appended:?}");
                };
                positions.push((number, position));
            }
            positions
        });
    }
    let positions: BTreeMap<u64, Position> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(positions.len() as u64, TASKS * EACH);
    for (number, position) in &positions {
        let batch = stream.read(0, position.offset, 1).await.unwrap();
        assert_eq!(batch.items[0].payload, number.to_be_bytes().as_slice());
    }
    stream.close().await.unwrap();
    let late = stream.append(vec![entry(0)]).await;
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    drop((stream, streams));

    let streams = open();
    let stream = Streams::open(&streams, "default/busy", &settings)
        .await
        .unwrap();
    for (number, position) in positions {
        let again = stream.append(vec![entry(number)]).await.unwrap();
        assert_eq!(again, [Appended::Duplicate(position)]);
    }
    stream.close().await.unwrap();
}

/// What is left for the one who appended first is written, though he goes away or nobody asks after his answer.
#[tokio::test]
async fn who_is_not_heard_of_again_holds_nobody_up() {
    for (durability, goes) in [
        (Durability::Ephemeral, true),
        (Durability::Ephemeral, false),
        (Durability::Fsync, true),
        (Durability::Fsync, false),
    ] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let random = Arc::new(SeededRandom::new(1));
        let streams =
            Embedded::open_on(Arc::new(RealDisk), dir.path(), clock, random, tiny()).unwrap();
        let settings = Settings {
            durability,
            ..Settings::default()
        };
        let stream = Streams::open(&streams, "default/left", &settings)
            .await
            .unwrap();
        let mut first = stream.append(vec![entry(1)]);
        let mut second = stream.append(vec![entry(2)]);
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        let first = (!goes).then_some(first);
        let [Appended::New(second)] = second.await.unwrap()[..] else {
            panic!("not appended");
        };
        let again = stream.append(vec![entry(1)]).await.unwrap();
        let [Appended::Duplicate(original)] = again[..] else {
            panic!("{again:?}");
        };
        assert!(original < second);
        drop(first);
        stream.close().await.unwrap();
    }
}
