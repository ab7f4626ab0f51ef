//! Records to events: each is the record in JSON as Lambda is given it, read by the format `aws-dynamodb-record`.

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, StreamRecord};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use tradewind_event::Event;
use tradewind_formats::{Error, Format, Message};

/// The events of a record.
///
/// # Errors
/// Where DynamoDB left out what every record has.
pub(crate) fn decode(record: &Record, stream: &str) -> Result<Vec<Event>, Error> {
    let (headers, body) = (
        HeaderMap::new(),
        Bytes::from(document(record, stream).to_string()),
    );
    let message = Message {
        headers: &headers,
        body: &body,
    };
    match Format::named("aws-dynamodb-record") {
        Some(format) => format.decode(&message),
        None => Err(Error::Unknown),
    }
}

fn document(record: &Record, stream: &str) -> Value {
    let name = record.event_name();
    // Who deleted what was too old.
    let identity = record.user_identity();
    let identity =
        identity.map(|by| json!({ "type": by.r#type(), "principalId": by.principal_id() }));
    object([
        ("eventID", record.event_id().map(Value::from)),
        ("eventName", name.map(|name| name.as_str().into())),
        ("eventVersion", record.event_version().map(Value::from)),
        ("eventSource", Some("aws:dynamodb".into())),
        ("awsRegion", record.aws_region().map(Value::from)),
        ("dynamodb", record.dynamodb().map(changed)),
        ("userIdentity", identity),
        ("eventSourceARN", Some(stream.into())),
    ])
}

fn changed(change: &StreamRecord) -> Value {
    // Seconds, as Lambda has them.
    let created = change.approximate_creation_date_time();
    let created = created.map(|time| time.secs().into());
    let view = change.stream_view_type();
    object([
        ("ApproximateCreationDateTime", created),
        ("Keys", change.keys().map(map)),
        ("NewImage", change.new_image().map(map)),
        ("OldImage", change.old_image().map(map)),
        ("SequenceNumber", change.sequence_number().map(Value::from)),
        ("SizeBytes", change.size_bytes().map(Value::from)),
        ("StreamViewType", view.map(|view| view.as_str().into())),
    ])
}

/// An object of the members that are there.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter();
    let there = there.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::from(there.collect::<Map<String, Value>>())
}

/// In the order of their names: the SDK knows none.
fn map(values: &HashMap<String, AttributeValue>) -> Value {
    let mut names: Vec<&String> = values.keys().collect();
    names.sort();
    let members = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), value(values.get(name)?))));
    Value::from(members.collect::<Map<String, Value>>())
}

/// A value, tagged with its type as DynamoDB has it.
fn value(of: &AttributeValue) -> Value {
    let encoded = |blob: &aws_sdk_dynamodbstreams::primitives::Blob| STANDARD.encode(blob.as_ref());
    match of {
        AttributeValue::B(blob) => json!({ "B": encoded(blob) }),
        AttributeValue::Bool(is) => json!({ "BOOL": is }),
        AttributeValue::Bs(blobs) => json!({ "BS": blobs.iter().map(encoded).collect::<Vec<_>>() }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(value).collect::<Vec<_>>() }),
        AttributeValue::M(members) => json!({ "M": map(members) }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Null(is) => json!({ "NULL": is }),
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        // Of a type that is newer than this.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodbstreams::primitives::{Blob, DateTime};
    use aws_sdk_dynamodbstreams::types::{OperationType, StreamViewType};

    #[test]
    fn a_change_is_what_lambda_is_given() {
        let text = |text: &str| AttributeValue::S(text.into());
        let inner = HashMap::from([
            ("z".into(), AttributeValue::Null(true)),
            ("a".into(), AttributeValue::Bool(false)),
        ]);
        let change = StreamRecord::builder()
            .approximate_creation_date_time(DateTime::from_secs(1_700_000_000))
            .keys("id", text("7"))
            .new_image("id", text("7"))
            .new_image("n", AttributeValue::N("12345678901234567890.5".into()))
            .new_image("b", AttributeValue::B(Blob::new([255])))
            .new_image(
                "l",
                AttributeValue::L(vec![text("é"), AttributeValue::M(inner)]),
            )
            .new_image("s", AttributeValue::Ss(vec!["x".into()]))
            .sequence_number("300")
            .size_bytes(26)
            .stream_view_type(StreamViewType::NewImage)
            .build();
        let record = Record::builder()
            .event_id("e-1")
            .event_name(OperationType::Insert)
            .event_version("1.1")
            .aws_region("eu-west-1")
            .dynamodb(change)
            .build();
        let stream =
            "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000";
        let event = decode(&record, stream).unwrap().remove(0);
        assert_eq!(
            (event.id(), event.ty()),
            ("e-1", "com.amazonaws.dynamodb.INSERT")
        );
        assert_eq!(
            (event.source(), event.time_text()),
            (stream, Some("2023-11-14T22:13:20Z"))
        );
        assert_eq!(event.attribute("sequence").unwrap().to_canonical(), "300");
        let image = &event.data_json().unwrap()["dynamodb"]["NewImage"];
        assert_eq!(
            image.to_string(),
            "{\"b\":{\"B\":\"/w==\"},\"id\":{\"S\":\"7\"},\"l\":{\"L\":[{\"S\":\"é\"},{\"M\":{\"a\":{\"BOOL\":false},\"z\":{\"NULL\":true}}}]},\
             \"n\":{\"N\":\"12345678901234567890.5\"},\"s\":{\"SS\":[\"x\"]}}"
        );
    }
}
