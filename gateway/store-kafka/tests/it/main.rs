//! Against Apache Kafka.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

#[path = "../../../../adapters/kafka/tests/it/broker.rs"]
#[allow(dead_code, reason = "shared with the tests of the adapter")]
mod broker;
mod contract;
mod engine;
mod owners;
mod restarts;
mod table;
mod wall;

use broker::Broker;
use std::sync::Arc;
use tempfile::TempDir;
use tradewind_store::testkit::{ManualClock, SeededRandom};
use tradewind_store_kafka::{Copies, KafkaStreams, Params};

/// A node of a cluster: streams, and a folder for what it may lose.
struct Node {
    streams: KafkaStreams,
    _scratch: TempDir,
}

fn params(broker: &Broker, prefix: &str, scratch: &TempDir) -> Params {
    Params {
        prefix: prefix.into(),
        copies: Copies::One,
        shared: false,
        ..Params::new(broker.config(), scratch.path().to_owned())
    }
}

async fn node(broker: &Broker, prefix: &str, clock: &ManualClock, seed: u64) -> Node {
    node_with(broker, prefix, clock, seed, |params| params).await
}

async fn node_with(
    broker: &Broker,
    prefix: &str,
    clock: &ManualClock,
    seed: u64,
    amend: impl FnOnce(Params) -> Params,
) -> Node {
    let scratch = tempfile::tempdir().unwrap();
    let params = amend(params(broker, prefix, &scratch));
    let random = Arc::new(SeededRandom::new(seed));
    let streams = KafkaStreams::connect(params, Arc::new(clock.clone()), random);
    Node {
        streams: streams.await.unwrap(),
        _scratch: scratch,
    }
}

fn clock() -> ManualClock {
    ManualClock::new(1_700_000_000_000)
}
