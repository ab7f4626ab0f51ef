//! What is read by shards: a stream of Kinesis, and the changes of a table of DynamoDB.

use crate::moto::{Calls, Moto};
use serde_json::{Value, json};
use std::ops::Range;

/// ARN of the stream.
pub(super) const STREAM: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/records";

/// Makes both; the ARN of the changes.
pub(super) async fn make(moto: &Moto) -> Result<String, String> {
    let stream = json!({ "StreamName": "records", "ShardCount": 3 });
    kinesis(moto, "CreateStream", &stream).await?;
    let table = json!({
        "TableName": "changes", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
    });
    let made = dynamodb(moto, "CreateTable", &table).await?;
    let arn = made["TableDescription"]["LatestStreamArn"].as_str();
    arn.map(str::to_owned)
        .ok_or_else(|| format!("the table has no stream: {made}"))
}

async fn kinesis(moto: &Moto, action: &str, input: &Value) -> Result<Value, String> {
    let action = format!("Kinesis_20131202.{action}");
    moto.call("kinesis", &action, input).await
}

async fn dynamodb(moto: &Moto, action: &str, input: &Value) -> Result<Value, String> {
    let action = format!("DynamoDB_20120810.{action}");
    moto.call("dynamodb", &action, input).await
}

pub(super) fn record(number: usize) -> String {
    format!("record {number}: \"é\\ \t€ 😀\"")
}

pub(super) fn change(number: usize) -> String {
    format!("change {number}: \"é\\ \t€ 😀\"")
}

/// What a change was.
pub(super) fn changed(data: &Value) -> Option<&str> {
    data.pointer("/dynamodb/NewImage/text/S")?.as_str()
}

/// Each number to both.
pub(super) async fn send(moto: &Moto, numbers: Range<usize>) -> Result<(), String> {
    use base64::Engine;
    for first in numbers.step_by(10) {
        let numbers = first..first + 10;
        let entry = |n| {
            let data = base64::engine::general_purpose::STANDARD.encode(record(n));
            json!({ "Data": data, "PartitionKey": format!("key-{n}") })
        };
        let records: Vec<Value> = numbers.clone().map(entry).collect();
        let input = json!({ "StreamName": "records", "Records": records });
        kinesis(moto, "PutRecords", &input).await?;
        let entry = |n: usize| {
            let item = json!({ "id": { "S": n.to_string() }, "text": { "S": change(n) } });
            json!({ "PutRequest": { "Item": item } })
        };
        let puts: Vec<Value> = numbers.map(entry).collect();
        let input = json!({ "RequestItems": { "changes": puts } });
        dynamodb(moto, "BatchWriteItem", &input).await?;
    }
    Ok(())
}
