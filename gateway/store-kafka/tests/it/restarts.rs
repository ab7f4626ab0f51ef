//! The broker is killed while nodes append, record and take over.

use crate::broker::Broker;
use crate::{clock, node};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tradewind_store::testkit::suite::{event, read_all};
use tradewind_store::{Error, Op, Settings, Stream, Streams, Sync};

const RESTARTS: usize = 3;

/// What was acknowledged is there once, in the order in which it was acknowledged; what was recorded is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let Some(mut broker) = Broker::start().await else {
        return;
    };
    let clock = clock();
    let owner = node(&broker, "restarts", &clock, 1).await;
    let other = node(&broker, "restarts", &clock, 2).await;
    let settings = Settings::default();
    let owner = owner
        .streams
        .open("default/orders", &settings)
        .await
        .unwrap();
    let other = other
        .streams
        .open("default/orders", &settings)
        .await
        .unwrap();
    let epoch = owner.recover(0).await.unwrap().epoch;
    let stop = Arc::new(AtomicBool::new(false));

    let publish = |stream: &Arc<dyn Stream>, first: u128| {
        let (stream, stop) = (Arc::clone(stream), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            let mut id = first;
            while !stop.load(Ordering::Relaxed) {
                let entry = event(id, &id.to_string());
                match stream.append(vec![entry]).await {
                    Ok(_) => {
                        acknowledged.push(id);
                        id += 2;
                    }
                    // The same again, as a publisher would.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
            acknowledged
        })
    };
    let publishers = [publish(&owner, 0), publish(&other, 1)];
    let recorder = {
        let (stream, stop) = (Arc::clone(&owner), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut last = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let value = Bytes::copy_from_slice(&(last + 1).to_be_bytes());
                let ops = vec![Op::Put(Bytes::from_static(b"n"), value)];
                stream.record(0, epoch, ops, Sync::Durable).await.unwrap();
                last += 1;
            }
            last
        })
    };
    for last in (0..RESTARTS).rev().map(|left| left == 0) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        broker.kill().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if last {
            health(&*owner, false).await;
            health(&*other, false).await;
        }
        broker.resume().await;
    }
    health(&*owner, true).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for publisher in publishers {
        acknowledged.push(publisher.await.unwrap());
    }
    let recorded = recorder.await.unwrap();
    println!(
        "{RESTARTS} restarts, {} + {} events acknowledged, {recorded} records",
        acknowledged[0].len(),
        acknowledged[1].len()
    );

    other.recover(0).await.unwrap();
    let last = other.get(0, b"n").await.unwrap().unwrap();
    assert_eq!(last, Bytes::copy_from_slice(&recorded.to_be_bytes()));
    let late = owner.record(0, epoch, vec![Op::Put(last, Bytes::new())], Sync::Durable);
    let late = late.await;
    assert!(matches!(late, Err(Error::Fenced)), "{late:?}");
    let mut places: BTreeMap<u128, Vec<u64>> = BTreeMap::new();
    for (position, payload) in read_all(&*other, 0, 0).await {
        let id: u128 = std::str::from_utf8(&payload).unwrap().parse().unwrap();
        places.entry(id).or_default().push(position.offset);
    }
    for ids in acknowledged {
        let of = |id: &u128| match places.get(id).map(Vec::as_slice) {
            Some([place]) => *place,
            other => panic!("{id} is at {other:?}"),
        };
        let places: Vec<u64> = ids.iter().map(of).collect();
        assert!(places.is_sorted(), "out of order");
        assert!(ids.len() > 10, "little was acknowledged");
    }
}

/// Waits until a node says so of its stream.
async fn health(stream: &dyn Stream, well: bool) {
    while stream.health().is_ok() != well {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
