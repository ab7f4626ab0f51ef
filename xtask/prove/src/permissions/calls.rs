//! Requests of AWS's protocols, as IAM sees them. What a batch is allowed by has the name of the single call; the rest is
//! named as the operation is (IAM, "service authorization reference").

use hyper::HeaderMap;
use serde_json::Value;

/// What was called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    /// `sqs:SendMessage`
    pub(super) action: String,
    /// ARN
    pub(super) resource: String,
}

/// Account and region of everything here.
pub(super) const PLACE: &str = "us-east-1:123456789012";

/// What a request calls: one for each resource that it names.
pub(super) fn read(headers: &HeaderMap, method: &str, path: &str, body: &[u8]) -> Vec<Call> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // `Credential=AKIA.../20260101/us-east-1/sqs/aws4_request`
    let scope = header("authorization").and_then(|text| text.split('/').nth(3));
    let service = scope.unwrap_or("unsigned");
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| input[key].as_str().unwrap_or("?").to_owned();
    let form = |key: &str| field(body, key).unwrap_or_else(|| "?".into());
    let target = header("x-amz-target").and_then(|text| text.rsplit('.').next());
    let target = target.unwrap_or("?").to_owned();
    let (operation, resources) = match service {
        "s3" => {
            let key = path.split('?').next().unwrap_or_default();
            let object = unescaped(key.trim_start_matches('/'));
            let operation = match method {
                "PUT" => "PutObject",
                other => other,
            };
            (operation.to_owned(), vec![format!("arn:aws:s3:::{object}")])
        }
        "lambda" => {
            let name = path.split('/').nth(3).unwrap_or_default();
            ("InvokeFunction".to_owned(), vec![unescaped(name)])
        }
        "sns" => {
            let operation = form("Action");
            (single(&operation), vec![form("TopicArn")])
        }
        "sqs" => {
            let url = text("QueueUrl");
            let name = url.rsplit('/').next().unwrap_or_default();
            let queue = format!("arn:aws:sqs:{PLACE}:{name}");
            (single(&target), vec![queue])
        }
        "events" => {
            let entries = input["Entries"].as_array().cloned().unwrap_or_default();
            let bus = |entry: &Value| entry["EventBusName"].as_str().unwrap_or("?").to_owned();
            (target, entries.iter().map(bus).collect())
        }
        "firehose" => {
            let name = text("DeliveryStreamName");
            let stream = format!("arn:aws:firehose:{PLACE}:deliverystream/{name}");
            (target, vec![stream])
        }
        "states" => (target, vec![text("stateMachineArn")]),
        "kinesis" => (target, vec![text("StreamARN")]),
        "dynamodb" => {
            // An iterator begins with its stream.
            let stream = input["StreamArn"].as_str().map(str::to_owned);
            let iterator = text("ShardIterator");
            let of_iterator = iterator.split('|').next().unwrap_or_default().to_owned();
            (target, vec![stream.unwrap_or(of_iterator)])
        }
        _ => (target, vec!["?".to_owned()]),
    };
    resources
        .into_iter()
        .map(|resource| Call {
            action: format!("{service}:{operation}"),
            resource,
        })
        .collect()
}

/// The name without what says that it takes many.
fn single(operation: &str) -> String {
    let single = operation.strip_suffix("Batch");
    single.unwrap_or(operation).to_owned()
}

/// A field of a form.
fn field(body: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut fields = text.split('&').filter_map(|field| field.split_once('='));
    let (_, value) = fields.find(|(known, _)| *known == name)?;
    Some(unescaped(&value.replace('+', " ")))
}

/// A text of which some bytes are written as `%2F`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let escaped = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => bytes.extend_from_slice(format!("%{part}").as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_iam_sees_them() {
        let read = |service: &str, target: &str, method: &str, path: &str, body: &str| {
            let mut headers = HeaderMap::new();
            let scope = format!(
                "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/{service}/aws4_request, Signature=0"
            );
            headers.insert("authorization", scope.parse().unwrap());
            if !target.is_empty() {
                headers.insert("x-amz-target", target.parse().unwrap());
            }
            let calls = super::read(&headers, method, path, body.as_bytes());
            let calls = calls
                .iter()
                .map(|call| format!("{} {}", call.action, call.resource));
            calls.collect::<Vec<_>>().join(", ")
        };
        for (made, expected) in [
            (
                read(
                    "sqs",
                    "AmazonSQS.SendMessageBatch",
                    "POST",
                    "/",
                    r#"{"QueueUrl":"http://h/1/q"}"#,
                ),
                "sqs:SendMessage arn:aws:sqs:us-east-1:123456789012:q",
            ),
            (
                read(
                    "sns",
                    "",
                    "POST",
                    "/",
                    "Action=PublishBatch&TopicArn=arn%3Aaws%3Asns",
                ),
                "sns:Publish arn:aws:sns",
            ),
            (
                read("s3", "", "PUT", "/b/a%20b/c?x-id=1", ""),
                "s3:PutObject arn:aws:s3:::b/a b/c",
            ),
            (
                read(
                    "lambda",
                    "",
                    "POST",
                    "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations",
                    "{}",
                ),
                "lambda:InvokeFunction arn:aws:lambda",
            ),
            (
                read(
                    "events",
                    "AWSEvents.PutEvents",
                    "POST",
                    "/",
                    r#"{"Entries":[{"EventBusName":"a"},{"EventBusName":"b"}]}"#,
                ),
                "events:PutEvents a, events:PutEvents b",
            ),
            (
                read(
                    "dynamodb",
                    "DynamoDBStreams_20120810.GetRecords",
                    "POST",
                    "/",
                    r#"{"ShardIterator":"arn:s|1|x"}"#,
                ),
                "dynamodb:GetRecords arn:s",
            ),
        ] {
            assert_eq!(made, expected);
        }
    }
}
