//! The table that nodes share.

use crate::broker::Broker;
use crate::{clock, node};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tradewind_store::testkit::table;
use tradewind_store::{Error, Op, SharedTable};

const KILLS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_a_table() {
    let Some(mut broker) = Broker::start().await else {
        return;
    };
    let clock = clock();
    let (a, b) = tokio::join!(
        node(&broker, "table", &clock, 1),
        node(&broker, "table", &clock, 2)
    );
    let (one, other) = tokio::join!(a.streams.table(), b.streams.table());
    let (one, other) = (one.unwrap(), other.unwrap());
    table::all(&*one, &*other).await;

    // Whoever comes knows all of it when it is there.
    let expected = table::rows(&*one).await;
    drop((other, b));
    let third = node(&broker, "table", &clock, 3).await;
    let third = third.streams.table().await.unwrap();
    assert_eq!(table::rows(&*third).await, expected);
    // Another prefix is another table.
    let apart = node(&broker, "apart", &clock, 4).await;
    assert_eq!(
        table::rows(&*apart.streams.table().await.unwrap()).await,
        []
    );

    // While no broker answers, nothing is changed, and both say so.
    broker.kill().await;
    for table in [&one, &third] {
        while table.health().is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let put = |value: &'static str| {
        vec![Op::Put(
            Bytes::from_static(b"later"),
            Bytes::from_static(value.as_bytes()),
        )]
    };
    let seen = *one.revision().borrow();
    let refused = one.change(seen, put("while it was away")).await;
    assert!(matches!(refused, Err(Error::Away(_))), "{refused:?}");
    assert_eq!(table::rows(&*one).await, expected);
    broker.resume().await;
    while third.health().is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    table::change(&*third, || put("when it was back")).await;
    let mut expected: Vec<(&str, &str)> = expected.iter().map(|(k, v)| (&**k, &**v)).collect();
    expected.push(("later", "when it was back"));
    expected.sort_unstable();
    table::until(&*one, &expected).await;
}

/// Two nodes count together, while the broker is killed under them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_or_made_twice() {
    let Some(mut broker) = Broker::start().await else {
        return;
    };
    let clock = clock();
    let (a, b) = tokio::join!(
        node(&broker, "count", &clock, 1),
        node(&broker, "count", &clock, 2)
    );
    let (one, other) = tokio::join!(a.streams.table(), b.streams.table());
    let tables = [one.unwrap(), other.unwrap()];
    let stop = Arc::new(AtomicBool::new(false));
    let writers = tables.clone().map(|table| {
        let stop = Arc::clone(&stop);
        tokio::spawn(async move {
            let (mut made, mut unclear) = (0_u64, 0_u64);
            while !stop.load(Ordering::Relaxed) {
                // What is refused at once is not unclear.
                if table.health().is_err() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                match count(&*table).await {
                    Ok(_) => made += 1,
                    Err(Error::Outdated) => {}
                    Err(error) => {
                        assert!(error.is_temporary(), "{error}");
                        unclear += 1;
                    }
                }
            }
            (made, unclear)
        })
    });
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_secs(3)).await;
        broker.kill().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        broker.resume().await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut made, mut unclear) = (0, 0);
    for writer in writers {
        let counted = writer.await.unwrap();
        made += counted.0;
        unclear += counted.1;
    }
    // The last word of both, which nobody doubts.
    loop {
        match count(&*tables[0]).await {
            Ok(n) => {
                assert!(
                    made > 2,
                    "{made} made, {unclear} unclear: little was changed"
                );
                let most = made + unclear + 1;
                println!("{KILLS} kills, {made} changes made, {unclear} unclear, {n} counted");
                assert!((made + 1..=most).contains(&n), "{n} of {made} to {most}");
                let n = n.to_string();
                table::until(&*tables[1], &[("n", &*n)]).await;
                table::until(&*tables[0], &[("n", &*n)]).await;
                return;
            }
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
    }
}

/// One more than there is; gives how much that is.
async fn count(table: &dyn SharedTable) -> Result<u64, Error> {
    let seen = *table.revision().borrow();
    let row = table.scan(b"n", b"n\0", 1).await?;
    let n = row.first().map_or(0, |(_, n)| {
        std::str::from_utf8(n).unwrap().parse::<u64>().unwrap()
    });
    let next = Bytes::from((n + 1).to_string());
    let put = Op::Put(Bytes::from_static(b"n"), next);
    table.change(seen, vec![put]).await.map(|_| n + 1)
}
