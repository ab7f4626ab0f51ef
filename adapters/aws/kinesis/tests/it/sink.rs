//! The sink.

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tradewind_adapter::{Outcome, Sink};
use tradewind_aws::testkit::{
    self as aws, Answer, Moto, Service, Wire, attempt, canned, delivery, event, one, told,
};
use tradewind_event::{Event, json};
use tradewind_kinesis::KinesisSink;

const ORDERS: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";

fn sink(endpoint: &str, more: &Value) -> KinesisSink {
    let config = json!({ "stream": ORDERS, "aws": aws::access(endpoint) });
    KinesisSink::new(aws::settings(config, more)).unwrap()
}

async fn stream(endpoint: &str) -> String {
    stream_of(endpoint, 2).await
}

/// A new stream.
pub(crate) async fn stream_of(endpoint: &str, shards: i32) -> String {
    let client = Client::new(&aws::config(endpoint).await);
    let name = aws::fresh("stream");
    let create = client
        .create_stream()
        .stream_name(&name)
        .shard_count(shards);
    create.send().await.unwrap();
    format!("arn:aws:kinesis:eu-west-1:123456789012:stream/{name}")
}

/// All records of a stream.
async fn records(endpoint: &str, arn: &str) -> Vec<Record> {
    let client = Client::new(&aws::config(endpoint).await);
    let shards = client.list_shards().stream_arn(arn).send().await.unwrap();
    let mut all = Vec::new();
    for shard in shards.shards() {
        let iterator = client
            .get_shard_iterator()
            .stream_arn(arn)
            .shard_id(shard.shard_id())
            .shard_iterator_type(ShardIteratorType::TrimHorizon)
            .send();
        let iterator = iterator.await.unwrap().shard_iterator.unwrap();
        let got = client.get_records().stream_arn(arn);
        let got = got.shard_iterator(iterator).send().await;
        all.extend(got.unwrap().records);
    }
    all
}

#[derive(Default)]
struct Kinesis(Mutex<String>);

#[async_trait]
impl Service for Kinesis {
    const WIRE: Wire = Wire::Json;

    fn sink(&self, endpoint: &str) -> Arc<dyn Sink> {
        Arc::new(sink(endpoint, &json!({})))
    }

    async fn target(&self, endpoint: &str) -> Arc<dyn Sink> {
        let arn = stream(endpoint).await;
        self.0.lock().unwrap().clone_from(&arn);
        Arc::new(sink(endpoint, &json!({ "stream": arn })))
    }

    async fn received(&self, endpoint: &str) -> Vec<Event> {
        let arn = self.0.lock().unwrap().clone();
        let records = records(endpoint, &arn).await.into_iter();
        records
            .map(|record| json::decode(record.data.into_inner().into()).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn conformance() {
    aws::conformance(Kinesis::default(), &["returns_the_reply"]).await;
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let permission = format!("kinesis:PutRecords on {ORDERS}");
    aws::refusals(Wire::Json, &permission, |origin| {
        Arc::new(sink(origin, &json!({})))
    })
    .await;
}

/// One shard that is full is not the failure of the others.
#[tokio::test]
async fn records_have_outcomes_of_their_own() {
    let records = json!({ "FailedRecordCount": 2, "Records": [
        { "SequenceNumber": "7", "ShardId": "shardId-0" },
        { "ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "full" },
        { "ErrorCode": "InternalFailure" },
    ]});
    let origin = canned(Wire::Json, Answer::Success(records.to_string())).await;
    let batch = (0..4).map(|n| delivery(&format!("d-{n}"), event("1", 1)));
    let outcomes = attempt(&sink(&origin, &json!({})), batch.collect()).await;
    let all: Vec<String> = outcomes.iter().map(told).collect();
    assert_eq!(
        all,
        ["accepted", "again throttled", "again aws-failed", "-"]
    );
    assert!(
        matches!(&outcomes[0], Some(Outcome::Accepted { receipt: Some(at), .. }) if at == "shardId-0/7")
    );
}

#[tokio::test]
async fn keys_and_data_of_records() {
    let moto = Moto::start().await;
    let arn = stream(&moto.endpoint).await;
    let data = sink(&moto.endpoint, &json!({ "stream": arn, "payload": "data" }));
    let long = "k".repeat(300);
    for (subject, bytes) in [
        (Some("orders/7"), &b"\xff\x00"[..]),
        (None, b"text"),
        (Some(&*long), b""),
    ] {
        let mut event = Event::builder("e-1", "/s", "t").data("application/octet-stream", bytes);
        if let Some(subject) = subject {
            event = event.subject(subject);
        }
        assert_eq!(
            told(&Some(one(&data, event.build().unwrap()).await)),
            "accepted"
        );
    }
    let mut found: Vec<(String, Vec<u8>)> = records(&moto.endpoint, &arn)
        .await
        .into_iter()
        .map(|record| (record.partition_key.unwrap(), record.data.into_inner()))
        .collect();
    found.sort();
    let digest = &found[0].0;
    assert_eq!((digest.len(), &found[0].1[..]), (64, &b""[..]));
    assert_eq!(found[1], ("e-1".into(), b"text".to_vec()));
    assert_eq!(found[2], ("orders/7".into(), b"\xff\x00".to_vec()));
}

#[tokio::test]
async fn large_records() {
    let moto = Moto::start().await;
    let arn = stream(&moto.endpoint).await;
    aws::bucket(&moto.endpoint, "acme-claims").await;
    let claims = json!({ "bucket": "acme-claims", "endpoint": moto.endpoint });
    for (more, expected) in [
        (json!({ "stream": arn }), "never too-large"),
        (json!({ "stream": arn, "claim-check": claims }), "accepted"),
    ] {
        let outcome = one(&sink(&moto.endpoint, &more), event("1", 1 << 20)).await;
        assert_eq!(told(&Some(outcome)), expected);
    }
    let record = records(&moto.endpoint, &arn).await.remove(0);
    let event = json::decode(record.data.into_inner().into()).unwrap();
    assert_eq!(
        event.attribute("dataref").unwrap().to_canonical(),
        format!(
            "s3://acme-claims/{}",
            aws::claim(&delivery("1", event.clone()))
        )
    );
}

#[tokio::test]
async fn what_is_well_says_so_and_what_is_not_there_does_not() {
    let moto = Moto::start().await;
    let arn = stream(&moto.endpoint).await;
    let at = |arn: &str| sink(&moto.endpoint, &json!({ "stream": arn }));
    aws::health(&at(&arn), &at(&format!("{arn}-none"))).await;
}
