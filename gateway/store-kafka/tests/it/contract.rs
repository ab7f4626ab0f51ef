//! The contract suite of all engines.

use crate::broker::Broker;
use crate::{clock, node_with};
use tradewind_store::testkit::{moves, suite};
use tradewind_store_kafka::Params;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    // With little in memory, everything is read from the brokers.
    for (prefix, recent_bytes) in [("recent", 8 << 20), ("past", 1)] {
        let clock = clock();
        let amend = |params| Params {
            recent_bytes,
            ..params
        };
        let node = node_with(&broker, prefix, &clock, 1, amend).await;
        suite::all(&node.streams, &clock).await;
        moves::all(&node.streams, &clock).await;
    }
}
