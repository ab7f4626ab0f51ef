//! Messages within messages, and bodies that headers tell of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tradewind_event::Event;
use tradewind_formats::{DEPTH_MAX, Error, Format, Message, decode, decode_each};

fn read(
    headers: &[(&'static str, &'static str)],
    body: impl Into<Bytes>,
) -> Result<Vec<Event>, Error> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    decode(&Message {
        headers: &headers,
        body: &body.into(),
    })
}

fn one(body: &Value) -> Event {
    let mut events = read(&[], body.to_string()).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn s3() -> Value {
    json!({ "Records": [{
        "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-02T03:04:05.678Z",
        "responseElements": { "x-amz-request-id": "R1", "x-amz-id-2": "H2" },
        "s3": { "bucket": { "name": "b" }, "object": { "key": "k" } }
    }]})
}

fn bridge() -> Value {
    json!({ "version": "0", "id": "e-1", "detail-type": "Order", "source": "shop", "time": "2026-01-02T03:04:05Z",
        "account": "1", "region": "eu-west-1", "resources": [], "detail": { "n": 1 } })
}

fn cloud_event() -> Value {
    json!({ "specversion": "1.0", "id": "c-1", "source": "/s", "type": "t", "data": [1, 2] })
}

/// As SNS sends to HTTP and to SQS.
fn sns(message: &Value) -> Value {
    json!({ "Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:eu-west-1:1:t",
        "Message": message.to_string(), "Timestamp": "2026-01-02T03:04:06.000Z" })
}

fn sns_lambda(message: &Value) -> Value {
    json!({ "Records": [{ "EventSource": "aws:sns", "EventSubscriptionArn": "arn:aws:sns:eu-west-1:1:t:s",
        "Sns": sns(message) }]})
}

fn sqs(body: &str) -> Value {
    json!({ "Records": [{ "messageId": "q-1", "receiptHandle": "r", "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q", "body": body,
        "attributes": { "SentTimestamp": "1767323047000" } }]})
}

fn described(event: &Event) -> [String; 4] {
    [
        event.id(),
        event.source(),
        event.ty(),
        event.subject().unwrap_or("-"),
    ]
    .map(str::to_owned)
}

/// Whatever carries it, the same thing has the same id: two ways to the gateway make one event.
#[test]
fn the_inner_message_is_the_event() {
    for inner in [s3(), bridge(), cloud_event()] {
        let direct = one(&inner);
        let pretty = serde_json::to_string_pretty(&inner).unwrap();
        let carriers = [
            sns(&inner),
            sns_lambda(&inner),
            sqs(&inner.to_string()),
            sqs(&pretty),
            sqs(&sns(&inner).to_string()),
            sqs(&sns(&sns(&inner)).to_string()),
        ];
        for carrier in &carriers {
            let event = one(carrier);
            assert_eq!(event.source(), direct.source(), "{carrier}");
            assert_eq!(event.ty(), direct.ty());
            let tree = |event: &Event| {
                serde_json::from_slice::<Value>(&event.data().unwrap().bytes).unwrap()
            };
            assert_eq!(tree(&event), tree(&direct));
            if !carrier.to_string().contains("\\n ") {
                assert_eq!(described(&event), described(&direct), "{carrier}");
            }
        }
    }
    let event = one(&sqs(&sns(&json!({ "own": 1 })).to_string()));
    assert_eq!(
        described(&event),
        [
            "m-1",
            "arn:aws:sns:eu-west-1:1:t",
            "com.amazonaws.sns.Notification",
            "-"
        ]
    );
}

#[test]
fn a_message_of_anybodys_own_stays_what_it_is() {
    for body in [
        "plain",
        "",
        "[]",
        "{",
        "{\"Records\":[]}",
        "{\"id\":1}",
        "\u{7}",
    ] {
        assert_eq!(one(&sqs(body)).ty(), "com.amazonaws.sqs.Message", "{body}");
    }
    // A format that is named reads its own messages.
    let body = Bytes::from(sqs(&s3().to_string()).to_string());
    let headers = HeaderMap::new();
    let message = Message {
        headers: &headers,
        body: &body,
    };
    let events = Format::named("aws-sqs").unwrap().decode(&message).unwrap();
    assert_eq!(events[0].ty(), "com.amazonaws.sqs.Message");
}

#[test]
fn the_fault_has_a_path() {
    let mut broken = s3();
    broken["Records"][0]["s3"] = json!({});
    let error = read(&[], sqs(&sns(&broken).to_string()).to_string()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Records[0].body: Message: Records[0]: nothing gives the event its `source`: looked for \
         `eventSource`, `awsRegion`, `s3.bucket.name`"
    );
    let error = read(
        &[],
        sqs(&cloud_event().to_string().replace("\"1.0\"", "\"9\"")).to_string(),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Records[0].body: the body cannot be read: "),
        "{error}"
    );
}

#[test]
fn depth_is_bounded() {
    let mut message = s3();
    for _ in 0..DEPTH_MAX + 2 {
        message = sns(&message);
    }
    let event = one(&message);
    assert_eq!(event.ty(), "com.amazonaws.sns.Notification");
}

#[test]
fn headers_tell_of_bodies_of_any_kind() {
    let sns = [
        ("x-amz-sns-rawdelivery", "true"),
        ("x-amz-sns-message-type", "Notification"),
        ("x-amz-sns-message-id", "m-2"),
        ("x-amz-sns-topic-arn", "arn:aws:sns:eu-west-1:1:t"),
        ("content-type", "text/plain; charset=UTF-8"),
    ];
    let pubsub = [
        ("x-goog-pubsub-message-id", "77"),
        ("x-goog-pubsub-publish-time", "2026-01-02T03:04:05.006Z"),
        (
            "x-goog-pubsub-subscription-name",
            "projects/p/subscriptions/s",
        ),
        ("x-goog-pubsub-ordering-key", "k"),
    ];
    let tasks = [
        ("x-cloudtasks-queuename", "q"),
        ("x-cloudtasks-taskname", "t-1"),
        ("x-cloudtasks-tasketa", "1767323047.5"),
    ];
    let scheduler = [
        ("x-cloudscheduler-jobname", "nightly"),
        ("x-cloudscheduler-scheduletime", "2026-01-02T03:04:05Z"),
    ];
    type Headers<'a> = &'a [(&'static str, &'static str)];
    let table: [(Headers<'_>, [&str; 3], &str); 4] = [
        (
            &sns,
            [
                "m-2",
                "arn:aws:sns:eu-west-1:1:t",
                "com.amazonaws.sns.Notification",
            ],
            "-",
        ),
        (
            &pubsub,
            [
                "77",
                "//pubsub.googleapis.com/projects/p/subscriptions/s",
                "google.cloud.pubsub.topic.v1.messagePublished",
            ],
            "2026-01-02T03:04:05.006Z",
        ),
        (
            &tasks,
            [
                "q.t-1",
                "//cloudtasks.googleapis.com/q",
                "google.cloud.tasks.task.v1.executed",
            ],
            "2026-01-02T03:04:07.500Z",
        ),
        (
            &scheduler,
            [
                "nightly.2026-01-02T03:04:05Z",
                "//cloudscheduler.googleapis.com/nightly",
                "google.cloud.scheduler.job.v1.executed",
            ],
            "2026-01-02T03:04:05Z",
        ),
    ];
    for (headers, expected, time) in table {
        let events = read(headers, &b"\xff no text"[..]).unwrap();
        let event = &events[0];
        assert_eq!([event.id(), event.source(), event.ty()], expected);
        assert_eq!(event.time_text().unwrap_or("-"), time);
        let data = event.data().unwrap();
        assert_eq!(&data.bytes[..], b"\xff no text");
        let kind = headers.iter().find(|(name, _)| *name == "content-type");
        assert_eq!(
            event.data_content_type(),
            Some(kind.map_or("application/octet-stream", |(_, value)| value))
        );
    }
    assert_eq!(
        described(&read(&sns, s3().to_string()).unwrap()[0]),
        described(&one(&s3()))
    );
}

/// A change of a Firebase database holds no scalar that tells it.
#[test]
fn members_tell_a_format_without_scalars() {
    for body in [
        r#"{"data":null,"delta":{}}"#,
        r#"{"delta":[],"data":{"a":1}}"#,
    ] {
        let event = &read(&[], body).unwrap()[0];
        assert_eq!(event.ty(), "google.firebase.database.ref.v1.written");
    }
    for body in [
        r#"{"data":1}"#,
        r#"{"data":1,"delta":2,"x":3}"#,
        r#"[{"data":1,"delta":2}]"#,
    ] {
        assert_eq!(read(&[], body).unwrap_err(), Error::Unknown, "{body}");
    }
}

/// What a trigger of Azure Functions brings again is the same event, though the host's random parts
/// are others.
#[test]
fn ids_of_triggers_are_stable() {
    let trigger = |guid: &str, etag: &str| {
        let body = json!({ "Data": { "documents": [{ "id": "1", "_etag": etag }] },
            "Metadata": { "sys": { "MethodName": "\"Cosmos\"", "UtcNow": guid, "RandGuid": guid } } });
        one(&body)
    };
    assert_eq!(trigger("a", "1").id(), trigger("b", "1").id());
    assert_ne!(trigger("a", "1").id(), trigger("a", "2").id());
    assert_eq!(trigger("a", "1").source(), "azure:functions:Cosmos");
}

/// Kinesis, Kafka and Pub/Sub carry bytes, as Base64.
#[test]
fn what_is_carried_in_base64_is_read() {
    let wrapped = |text: &str| STANDARD.encode(text);
    let kinesis = |text: &str| {
        json!({ "Records": [{ "eventSource": "aws:kinesis", "eventID": "shard-1:7", "eventSourceARN": "arn:s",
            "kinesis": { "partitionKey": "k", "sequenceNumber": "7", "data": wrapped(text),
                "approximateArrivalTimestamp": 1_767_323_047.5 } }] })
    };
    let kafka = |text: &str| {
        json!({ "eventSource": "aws:kafka", "eventSourceArn": "arn:c", "records": { "t-0": [{
            "topic": "t", "partition": 0, "offset": 3, "timestamp": 1_767_323_047_000_u64, "value": wrapped(text) }] } })
    };
    let pubsub = |text: &str| {
        json!({ "subscription": "projects/p/subscriptions/s",
            "message": { "messageId": "9", "data": wrapped(text) } })
    };
    for inner in [s3(), bridge(), cloud_event()] {
        let direct = described(&one(&inner));
        let text = inner.to_string();
        for carrier in [kinesis(&text), kafka(&text), pubsub(&text)] {
            assert_eq!(described(&one(&carrier)), direct, "{carrier}");
        }
    }
    for own in ["plain", "", "{\"id\":1}", "\u{ff}"] {
        assert_eq!(one(&kinesis(own)).ty(), "com.amazonaws.kinesis.Record");
        assert_eq!(one(&kafka(own)).ty(), "com.amazonaws.kafka.Record");
        assert_eq!(
            one(&pubsub(own)).ty(),
            "google.cloud.pubsub.topic.v1.messagePublished"
        );
    }
}

#[test]
fn each_element_stands_for_itself() {
    let broken = cloud_event().to_string().replace("\"1.0\"", "\"9\"");
    let two = format!("[{},{}]", cloud_event(), cloud_event());
    let mut batch = sqs(&cloud_event().to_string());
    for body in ["plain", &broken, &two] {
        let record = sqs(body)["Records"][0].clone();
        batch["Records"].as_array_mut().unwrap().push(record);
    }
    let body = Bytes::from(batch.to_string());
    let headers = HeaderMap::new();
    let message = Message {
        headers: &headers,
        body: &body,
    };
    let (format, elements) = decode_each(&message).unwrap();
    assert_eq!(format.spec.name, "aws-sqs");
    let counts: Vec<_> = elements
        .iter()
        .map(|element| element.events.as_ref().map(Vec::len).ok())
        .collect();
    assert_eq!(counts, [Some(1), Some(1), None, Some(2)]);
    assert!(
        elements
            .iter()
            .all(|element| element.carrier.ty() == "com.amazonaws.sqs.Message")
    );
}
