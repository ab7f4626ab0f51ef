//! Something of every service, and a gateway that uses all of it.

use super::calls::PLACE;
use crate::moto::{Calls, Moto, identity};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Makes what the gateway will use, without the recorder; the stream of a table.
pub(super) async fn prepare(moto: &Moto) -> Result<String, String> {
    for queue in ["from", "to"] {
        moto.sqs("CreateQueue", &json!({ "QueueName": queue }))
            .await?;
    }
    for bucket in ["events", "claims"] {
        let request = Request::put(format!("/{bucket}"))
            .header("host", moto.address.to_string())
            .header("authorization", identity("s3"))
            .body(Full::default());
        moto.ask(request.map_err(|e| e.to_string())?).await?;
    }
    let form = "Action=CreateTopic&Version=2010-03-31&Name=orders";
    let request = Request::post("/")
        .header("host", moto.address.to_string())
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", identity("sns"))
        .body(Full::new(Bytes::from(form)));
    moto.ask(request.map_err(|e| e.to_string())?).await?;
    let role = "arn:aws:iam::123456789012:role/r";
    let machine = json!({ "StartAt": "a", "States": { "a": { "Type": "Pass", "End": true } } });
    for (service, target, input) in [
        (
            "events",
            "AWSEvents.CreateEventBus",
            json!({ "Name": "orders" }),
        ),
        (
            "kinesis",
            "Kinesis_20131202.CreateStream",
            json!({ "StreamName": "orders", "ShardCount": 1 }),
        ),
        (
            "firehose",
            "Firehose_20150804.CreateDeliveryStream",
            json!({ "DeliveryStreamName": "orders", "ExtendedS3DestinationConfiguration":
                { "RoleARN": role, "BucketARN": "arn:aws:s3:::events" } }),
        ),
        (
            "states",
            "AWSStepFunctions.CreateStateMachine",
            json!({ "name": "orders", "definition": machine.to_string(), "roleArn": role }),
        ),
    ] {
        call(moto, service, target, &input).await?;
    }
    let table = json!({
        "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
    });
    let made = call(moto, "dynamodb", "DynamoDB_20120810.CreateTable", &table).await?;
    let stream = made["TableDescription"]["LatestStreamArn"].as_str();
    stream
        .map(str::to_owned)
        .ok_or_else(|| format!("the table has no stream: {made}"))
}

/// What the sources find.
pub(super) async fn feed(moto: &Moto) -> Result<(), String> {
    let item = json!({ "TableName": "orders", "Item": { "id": { "S": "7" } } });
    call(moto, "dynamodb", "DynamoDB_20120810.PutItem", &item).await?;
    let queue = format!("http://{}/123456789012/from", moto.address);
    let message = json!({ "QueueUrl": queue, "MessageBody": "one" });
    moto.sqs("SendMessage", &message).await?;
    Ok(())
}

/// `sources` and `subscriptions`.
pub(super) fn configuration(at: SocketAddr, changes: &str) -> (String, String) {
    let aws = format!(
        "aws: {{ region: us-east-1, endpoint: \"http://{at}\", keys: {{ id: test, secret: test }} }}"
    );
    let claims =
        format!("claim-check: {{ bucket: claims, prefix: large/, endpoint: \"http://{at}\" }}");
    let queue = |name: &str| format!("queue: \"http://{at}/123456789012/{name}\"");
    let sources = [
        format!(
            "queue: {{ kind: aws-sqs, {}, visibility-timeout: 2, {aws} }}",
            queue("from")
        ),
        format!(
            "stream: {{ kind: aws-kinesis, arn: \"arn:aws:kinesis:{PLACE}:stream/orders\", {aws} }}"
        ),
        format!("table: {{ kind: aws-dynamodb-streams, arn: \"{changes}\", {aws} }}"),
    ];
    let sources = sources.map(|source| format!("  {source}\n")).concat();
    let sinks = [
        (
            "aws-event-bridge",
            format!("bus: \"arn:aws:events:{PLACE}:event-bus/orders\""),
        ),
        (
            "aws-firehose",
            format!("stream: \"arn:aws:firehose:{PLACE}:deliverystream/orders\""),
        ),
        (
            "aws-kinesis",
            format!("stream: \"arn:aws:kinesis:{PLACE}:stream/orders\""),
        ),
        // There is none of that name: whether it may be invoked is asked all the same.
        (
            "aws-lambda",
            format!("function: \"arn:aws:lambda:{PLACE}:function:orders\""),
        ),
        ("aws-s3", "bucket: events, prefix: archive/".to_owned()),
        (
            "aws-sns",
            format!("topic: \"arn:aws:sns:{PLACE}:orders\", {claims}"),
        ),
        ("aws-sqs", queue("to")),
        (
            "aws-step-functions",
            format!("state-machine: \"arn:aws:states:{PLACE}:stateMachine:orders\""),
        ),
    ];
    let subscriptions = sinks.iter().map(|(kind, settings)| {
        format!("  {kind}: {{ sink: {{ kind: {kind}, {settings}, {aws} }} }}\n")
    });
    (sources, subscriptions.collect())
}

async fn call(moto: &Moto, service: &str, target: &str, input: &Value) -> Result<Value, String> {
    let request = Request::post("/")
        .header("host", moto.address.to_string())
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .header("authorization", identity(service))
        .body(Full::new(Bytes::from(input.to_string())))
        .map_err(|e| e.to_string())?;
    let body = moto.ask(request).await;
    let body = body.map_err(|e| format!("{target}: {e}"))?;
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}
