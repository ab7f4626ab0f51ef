//! The sink.

use async_trait::async_trait;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::types::{
    BufferingHints, CompressionFormat, EncryptionConfiguration, ExtendedS3DestinationConfiguration,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_aws::testkit::{
    self as aws, Answer, Moto, Service, Wire, attempt, canned, delivery, event, one, told,
};
use tradewind_event::{Event, json};
use tradewind_firehose::FirehoseSink;

const ORDERS: &str = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/orders";

fn sink(endpoint: &str, more: &Value) -> FirehoseSink {
    let config = json!({ "stream": ORDERS, "aws": aws::access(endpoint) });
    FirehoseSink::new(aws::settings(config, more)).unwrap()
}

/// A new delivery stream into a bucket of its name.
async fn stream(endpoint: &str) -> (String, String) {
    let client = Client::new(&aws::config(endpoint).await);
    let name = aws::fresh("stream");
    aws::bucket(endpoint, &name).await;
    let into = ExtendedS3DestinationConfiguration::builder()
        .bucket_arn(format!("arn:aws:s3:::{name}"))
        .role_arn("arn:aws:iam::123456789012:role/firehose")
        // Of which moto tells again only what it was told.
        .buffering_hints(BufferingHints::builder().build())
        .compression_format(CompressionFormat::Uncompressed)
        .encryption_configuration(EncryptionConfiguration::builder().build())
        .build()
        .unwrap();
    client
        .create_delivery_stream()
        .delivery_stream_name(&name)
        .extended_s3_destination_configuration(into)
        .send()
        .await
        .unwrap();
    let arn = format!("arn:aws:firehose:eu-west-1:123456789012:deliverystream/{name}");
    (arn, name)
}

/// All that is in the bucket.
async fn delivered(endpoint: &str, bucket: &str) -> String {
    let mut all = Vec::new();
    for key in aws::objects(endpoint, bucket).await {
        all.extend(aws::object(endpoint, bucket, &key).await.unwrap());
    }
    String::from_utf8(all).unwrap()
}

#[derive(Default)]
struct Firehose(Mutex<String>);

#[async_trait]
impl Service for Firehose {
    const WIRE: Wire = Wire::Json;

    fn sink(&self, endpoint: &str) -> Arc<dyn Sink> {
        Arc::new(sink(endpoint, &json!({})))
    }

    async fn target(&self, endpoint: &str) -> Arc<dyn Sink> {
        let (arn, bucket) = stream(endpoint).await;
        *self.0.lock().unwrap() = bucket;
        Arc::new(sink(endpoint, &json!({ "stream": arn })))
    }

    async fn received(&self, endpoint: &str) -> Vec<Event> {
        let bucket = self.0.lock().unwrap().clone();
        let all = delivered(endpoint, &bucket).await;
        let lines = all.lines().map(str::to_owned);
        lines
            .map(|line| json::decode(line.into()).unwrap())
            .collect()
    }

    fn carries(&self, event: &Event) -> bool {
        aws::is_a_line(event)
    }
}

#[tokio::test]
async fn conformance() {
    aws::conformance(Firehose::default(), &["returns_the_reply"]).await;
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let permission = format!("firehose:PutRecordBatch on {ORDERS}");
    aws::refusals(Wire::Json, &permission, |origin| {
        Arc::new(sink(origin, &json!({})))
    })
    .await;
}

#[tokio::test]
async fn records_have_outcomes_of_their_own() {
    let records = json!({ "FailedPutCount": 1, "RequestResponses": [
        { "RecordId": "r-1" },
        { "ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down" },
    ]});
    let origin = canned(Wire::Json, Answer::Success(records.to_string())).await;
    let batch = (0..3).map(|n| delivery(&format!("d-{n}"), event("1", 1)));
    let outcomes = attempt(&sink(&origin, &json!({})), batch.collect()).await;
    let all: Vec<String> = outcomes.iter().map(told).collect();
    assert_eq!(all, ["accepted", "again aws-failed", "-"]);
}

#[tokio::test]
async fn records_end_with_a_line_break_unless_they_are_not_to() {
    let moto = Moto::start().await;
    for (newline, expected) in [(true, "{\"text\":\"x\"}\n"), (false, "{\"text\":\"x\"}")] {
        let (arn, bucket) = stream(&moto.endpoint).await;
        let more = json!({ "stream": arn, "payload": "data", "newline": newline });
        one(&sink(&moto.endpoint, &more), event("1", 1)).await;
        assert_eq!(delivered(&moto.endpoint, &bucket).await, expected);
    }
}

#[tokio::test]
async fn large_records() {
    let moto = Moto::start().await;
    let (arn, bucket) = stream(&moto.endpoint).await;
    aws::bucket(&moto.endpoint, "acme-claims").await;
    let claims = json!({ "bucket": "acme-claims", "endpoint": moto.endpoint });
    for (more, expected) in [
        (json!({ "stream": arn }), "never too-large"),
        (json!({ "stream": arn, "claim-check": claims }), "accepted"),
    ] {
        let outcome = one(&sink(&moto.endpoint, &more), event("1", 1000 << 10)).await;
        assert_eq!(told(&Some(outcome)), expected);
    }
    let event = json::decode(delivered(&moto.endpoint, &bucket).await.into()).unwrap();
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
    let (arn, _) = stream(&moto.endpoint).await;
    let at = |arn: &str| sink(&moto.endpoint, &json!({ "stream": arn }));
    aws::health(&at(&arn), &at(&format!("{arn}-none"))).await;
}
