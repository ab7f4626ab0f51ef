//! Triggers of AWS Lambda, with the members that matter; what they look like in full, AWS documents.

use super::{header, http_answer, json, post, text};
use crate::testing::Told;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use serde_json::{Map, Value};
use tradewind_event::http::encode_binary;
use tradewind_event::{Event, json as event_json};

pub(super) fn payload(document: &Value) -> Request<Bytes> {
    invoked(document.to_string())
}

fn invoked(document: impl Into<Bytes>) -> Request<Bytes> {
    let headers = HeaderMap::from_iter([
        header("content-type", "application/json"),
        header(
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        ),
        header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:orders",
        ),
        header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
        ),
    ]);
    post("/", headers, document)
}

pub(super) fn invocation(event: &Event) -> Request<Bytes> {
    invoked(event_json::encode(event))
}

fn request(event: &Event) -> (Map<String, Value>, String) {
    let (headers, body) = encode_binary(event);
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().into())
    };
    (headers.iter().map(header).collect(), STANDARD.encode(body))
}

pub(super) fn function_url(event: &Event) -> Request<Bytes> {
    let (headers, body) = request(event);
    payload(&json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "anonymous", "apiId": "abc", "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "http": { "method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9" },
            "requestId": "id", "routeKey": "$default", "stage": "$default", "timeEpoch": 1_767_323_047_000_u64
        },
        "body": body, "isBase64Encoded": true
    }))
}

pub(super) fn api_gateway(event: &Event) -> Request<Bytes> {
    let (headers, body) = request(event);
    let lists: Map<_, _> = headers
        .iter()
        .map(|(name, value)| (name.clone(), json!([value])))
        .collect();
    payload(&json!({
        "resource": "/events", "path": "/events", "httpMethod": "POST", "headers": headers,
        "multiValueHeaders": lists, "queryStringParameters": null, "pathParameters": null,
        "requestContext": {
            "apiId": "abc", "stage": "prod", "requestId": "id", "httpMethod": "POST",
            "requestTimeEpoch": 1_767_323_047_000_u64
        },
        "body": body, "isBase64Encoded": true
    }))
}

pub(super) fn balancer(event: &Event) -> Request<Bytes> {
    let (headers, body) = request(event);
    payload(&json!({
        "requestContext": { "elb": {
            "targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/t/1"
        } },
        "httpMethod": "POST", "path": "/", "queryStringParameters": {}, "headers": headers,
        "body": body, "isBase64Encoded": true
    }))
}

pub(super) fn sqs(event: &Event) -> Request<Bytes> {
    payload(&json!({ "Records": [{
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "r", "body": text(event),
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1767323047000" },
        "messageAttributes": {}, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders", "awsRegion": "eu-west-1"
    }] }))
}

pub(super) fn kinesis(event: &Event) -> Request<Bytes> {
    payload(&json!({ "Records": [{
        "kinesis": {
            "kinesisSchemaVersion": "1.0", "partitionKey": "1",
            "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
            "data": STANDARD.encode(text(event)), "approximateArrivalTimestamp": 1_767_323_047.0
        },
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventName": "aws:kinesis:record",
        "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
        "awsRegion": "eu-west-1", "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"
    }] }))
}

pub(super) fn sns(event: &Event) -> Request<Bytes> {
    payload(&json!({ "Records": [{
        "EventVersion": "1.0", "EventSource": "aws:sns",
        "EventSubscriptionArn": "arn:aws:sns:eu-west-1:123456789012:orders:21be56ed",
        "Sns": {
            "Type": "Notification", "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "Subject": null,
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders", "Message": text(event),
            "Timestamp": "2026-01-02T03:04:07.000Z", "MessageAttributes": {}
        }
    }] }))
}

fn document(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

fn failed(answer: &Response<Bytes>) -> Option<Told> {
    let reason = || {
        document(answer)["errorMessage"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (!answer.status().is_success()).then(|| Told::Failed { reason: reason() })
}

pub(super) fn called(answer: &Response<Bytes>) -> Told {
    failed(answer).unwrap_or_else(|| match event_json::decode(answer.body().clone()) {
        Ok(event) => Told::Replied(Box::new(event)),
        Err(_) => Told::Taken,
    })
}

/// As the door reads what stands for an answer.
pub(super) fn proxied(answer: &Response<Bytes>) -> Told {
    if let Some(failed) = failed(answer) {
        return failed;
    }
    let document = document(answer);
    let body = document["body"].as_str().unwrap_or_default();
    let body = match document["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(body).unwrap_or_default(),
        _ => body.as_bytes().to_vec(),
    };
    let mut plain = Response::new(Bytes::from(body));
    let status = document["statusCode"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok());
    let Some(Ok(status)) = status.map(http::StatusCode::from_u16) else {
        let reason = "the door makes 502 of an answer without status".into();
        return Told::Failed { reason };
    };
    *plain.status_mut() = status;
    let one = document["headers"].as_object().into_iter().flatten();
    let many = document["multiValueHeaders"]
        .as_object()
        .into_iter()
        .flatten();
    for (name, value) in one.chain(many) {
        let value = value
            .as_str()
            .or_else(|| value[0].as_str())
            .unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            plain.headers_mut().insert(name, value);
        }
    }
    http_answer(&plain)
}

/// As an event source mapping with `ReportBatchItemFailures` reads it: an empty list is success, and so is
/// no list at all.
pub(super) fn batch(answer: &Response<Bytes>) -> Told {
    if let Some(failed) = failed(answer) {
        return failed;
    }
    match document(answer)["batchItemFailures"].as_array() {
        Some(failures) if !failures.is_empty() => Told::Failed {
            reason: String::new(),
        },
        _ => Told::Taken,
    }
}
