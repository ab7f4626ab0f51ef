//! The source.

use crate::sink::stream_of;
use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, SourceHarness};
use tradewind_adapter::{Received, Settlement, Source};
use tradewind_aws::Reader;
use tradewind_aws::testkit::{self as aws, Moto, Wire, World};
use tradewind_event::{Event, json};
use tradewind_kinesis::KinesisSource;

const ORDERS: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";

fn source(endpoint: &str, more: &Value, world: &Arc<World>) -> Arc<Reader<KinesisSource>> {
    let config = json!({ "arn": ORDERS, "aws": aws::access(endpoint) });
    let source = KinesisSource::new(aws::settings(config, more));
    source.lend(world.ground());
    Arc::new(source)
}

async fn put(endpoint: &str, arn: &str, bodies: &[&str]) {
    let client = Client::new(&aws::config(endpoint).await);
    for body in bodies {
        let put = client.put_record().stream_arn(arn).partition_key(*body);
        put.data(Blob::new(*body)).send().await.unwrap();
    }
}

struct Harness {
    moto: Moto,
    now: Mutex<(String, Arc<World>)>,
}

#[async_trait]
impl SourceHarness for Harness {
    async fn source(&self) -> Arc<dyn Source> {
        let arn = stream_of(&self.moto.endpoint, 1).await;
        let world = Arc::new(World::default());
        *self.now.lock().unwrap() = (arn.clone(), world.clone());
        source(&self.moto.endpoint, &json!({ "arn": arn }), &world)
    }

    async fn send(&self, events: Vec<Event>) {
        let arn = self.now.lock().unwrap().0.clone();
        for event in events {
            let body = String::from_utf8(json::encode(&event).into()).unwrap();
            let client = Client::new(&aws::config(&self.moto.endpoint).await);
            let put = client.put_record().stream_arn(&arn).partition_key("k");
            put.data(Blob::new(body)).send().await.unwrap();
        }
    }

    async fn lose_leases(&self, _: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        let (arn, world) = self.now.lock().unwrap().clone();
        Some(source(&self.moto.endpoint, &json!({ "arn": arn }), &world))
    }
}

#[tokio::test]
async fn conformance() {
    let harness = Harness {
        moto: Moto::start().await,
        now: Mutex::default(),
    };
    let summary = testkit::source(&harness).await;
    assert_eq!(
        summary.skipped,
        ["garbage_surfaces", "extending_is_no_error"]
    );
    summary.assert();
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let permission = format!("kinesis:ListShards on {ORDERS}");
    aws::sources(Wire::Json, &permission, |origin| {
        source(origin, &json!({}), &Arc::default())
    })
    .await;
}

async fn receive(source: &Reader<KinesisSource>, count: usize) -> Vec<Received> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(source.receive(100, Duration::from_secs(1)).await.unwrap());
    }
    all
}

fn bodies(received: &[Received]) -> BTreeSet<String> {
    let events = received.iter().flat_map(|one| one.events.as_ref().unwrap());
    let text = |event: &Event| String::from_utf8(event.data().unwrap().bytes.to_vec()).unwrap();
    events.map(text).collect()
}

/// A split while records wait: nothing is missing, before and after a start.
#[tokio::test]
async fn shards_that_are_split() {
    let moto = Moto::start().await;
    let arn = stream_of(&moto.endpoint, 1).await;
    let world = Arc::new(World::default());
    let more = json!({ "arn": arn });
    let first = source(&moto.endpoint, &more, &world);
    put(&moto.endpoint, &arn, &["a", "b"]).await;
    assert_eq!(
        bodies(&receive(&first, 2).await),
        ["a", "b"].map(String::from).into()
    );
    // Neither is settled.
    let client = Client::new(&aws::config(&moto.endpoint).await);
    let shards = client.list_shards().stream_arn(&arn).send().await.unwrap();
    let middle = (u128::MAX / 2).to_string();
    let split = client
        .split_shard()
        .stream_arn(&arn)
        .new_starting_hash_key(middle);
    split
        .shard_to_split(shards.shards()[0].shard_id())
        .send()
        .await
        .unwrap();
    put(&moto.endpoint, &arn, &["c", "d", "e", "f"]).await;
    let second = source(&moto.endpoint, &more, &world);
    let mut seen = BTreeSet::new();
    while seen.len() < 6 {
        let received = second.receive(100, Duration::from_secs(1)).await.unwrap();
        seen.extend(bodies(&received));
        let settled = received.into_iter().map(|one| (one.token, Settlement::Ack));
        second.settle(settled.collect()).await.unwrap();
    }
    let third = source(&moto.endpoint, &more, &world);
    let again = third.receive(100, Duration::from_secs(2)).await.unwrap();
    assert!(again.is_empty(), "{again:?}");
}

/// The first start begins with what comes, and a later one where the first one was, whatever came meanwhile.
#[tokio::test]
async fn only_what_comes() {
    let moto = Moto::start().await;
    let arn = stream_of(&moto.endpoint, 1).await;
    let world = Arc::new(World::default());
    let more = json!({ "arn": arn, "start": "latest" });
    put(&moto.endpoint, &arn, &["before"]).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let first = source(&moto.endpoint, &more, &world);
    assert!(first.receive(10, Duration::ZERO).await.unwrap().is_empty());
    drop(first);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    put(&moto.endpoint, &arn, &["meanwhile"]).await;
    let second = source(&moto.endpoint, &more, &world);
    assert_eq!(
        bodies(&receive(&second, 1).await),
        ["meanwhile".to_owned()].into()
    );
}

#[tokio::test]
async fn without_memory_nothing_is_read() {
    let config = json!({ "arn": ORDERS });
    let source = KinesisSource::new(serde_json::from_value(config).unwrap());
    assert!(source.receive(1, Duration::ZERO).await.is_err());
}
