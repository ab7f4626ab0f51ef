//! Against moto, a server that others wrote.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, SourceHarness};
use tradewind_adapter::{Capability, Error, Ground, Received, Settlement, Source, Token};
use tradewind_aws::Reader;
use tradewind_aws::testkit::{self as aws, Moto, Wire, World};
use tradewind_dynamodb_streams::DynamodbSource;
use tradewind_event::{Event, json};

const ORDERS: &str =
    "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000";

fn source(endpoint: &str, stream: &str, world: &Arc<World>) -> Reader<DynamodbSource> {
    let config = json!({ "arn": stream, "aws": aws::access(endpoint) });
    let source = DynamodbSource::new(serde_json::from_value(config).unwrap());
    source.lend(world.ground());
    source
}

/// A new table with a stream: its name, and the stream's.
async fn table(endpoint: &str) -> (String, String) {
    let name = aws::fresh("table");
    let input = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
    });
    let made = aws::call(
        endpoint,
        "dynamodb",
        "DynamoDB_20120810.CreateTable",
        &input,
    )
    .await;
    let stream = made["TableDescription"]["LatestStreamArn"]
        .as_str()
        .unwrap();
    (name, stream.to_owned())
}

async fn put(endpoint: &str, table: &str, id: &str, body: &str) {
    let input =
        json!({ "TableName": table, "Item": { "id": { "S": id }, "event": { "S": body } } });
    aws::call(endpoint, "dynamodb", "DynamoDB_20120810.PutItem", &input).await;
}

/// A source whose changes are read as the events that were put into the table.
#[derive(Debug)]
struct Unwrapped(Reader<DynamodbSource>);

#[async_trait]
impl Source for Unwrapped {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let mut all = self.0.receive(max, wait).await?;
        for received in &mut all {
            for event in received.events.as_mut().unwrap() {
                let record = event.data_json().unwrap();
                let body = record["dynamodb"]["NewImage"]["event"]["S"].as_str();
                *event = json::decode(body.unwrap().to_owned().into()).unwrap();
            }
        }
        Ok(all)
    }
    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        self.0.settle(settlements).await
    }
    fn lend(&self, ground: Ground) {
        self.0.lend(ground);
    }
    fn capability(&self) -> Capability {
        self.0.capability()
    }
}

struct Harness {
    moto: Moto,
    now: Mutex<(String, String, Arc<World>)>,
}

#[async_trait]
impl SourceHarness for Harness {
    async fn source(&self) -> Arc<dyn Source> {
        let (table, stream) = table(&self.moto.endpoint).await;
        let world = Arc::new(World::default());
        let source = source(&self.moto.endpoint, &stream, &world);
        *self.now.lock().unwrap() = (table, stream, world);
        Arc::new(Unwrapped(source))
    }

    async fn send(&self, events: Vec<Event>) {
        let table = self.now.lock().unwrap().0.clone();
        for event in events {
            let body = String::from_utf8(json::encode(&event).into()).unwrap();
            put(&self.moto.endpoint, &table, event.id(), &body).await;
        }
    }

    async fn lose_leases(&self, _: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        let (_, stream, world) = self.now.lock().unwrap().clone();
        Some(Arc::new(Unwrapped(source(
            &self.moto.endpoint,
            &stream,
            &world,
        ))))
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
    let permission =
        "dynamodb:DescribeStream on arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/*";
    aws::sources(Wire::Json, permission, |origin| {
        Arc::new(source(origin, ORDERS, &Arc::default()))
    })
    .await;
}

/// What happens to an item, one after the other.
#[tokio::test]
async fn changes_of_a_table() {
    let moto = Moto::start().await;
    let (table, stream) = table(&moto.endpoint).await;
    put(&moto.endpoint, &table, "7", "a").await;
    put(&moto.endpoint, &table, "7", "b").await;
    let gone = json!({ "TableName": table, "Key": { "id": { "S": "7" } } });
    aws::call(
        &moto.endpoint,
        "dynamodb",
        "DynamoDB_20120810.DeleteItem",
        &gone,
    )
    .await;
    let source = source(&moto.endpoint, &stream, &Arc::default());
    source.health().await.unwrap();
    let mut events = Vec::new();
    while events.len() < 3 {
        for one in source.receive(10, Duration::from_secs(1)).await.unwrap() {
            events.extend(one.events.unwrap());
        }
    }
    let types: Vec<&str> = events.iter().map(Event::ty).collect();
    assert_eq!(
        types,
        ["INSERT", "MODIFY", "REMOVE"].map(|what| format!("com.amazonaws.dynamodb.{what}"))
    );
    assert!(events.iter().all(|event| event.source() == stream));
    let old =
        |event: &Event| event.data_json().unwrap()["dynamodb"]["OldImage"]["event"]["S"].clone();
    assert_eq!(
        events.iter().map(old).collect::<Vec<_>>(),
        [Value::Null, json!("a"), json!("b")]
    );
}
