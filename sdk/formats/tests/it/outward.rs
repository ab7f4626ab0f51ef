//! Events in providers' envelopes, and back.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_event::{Attribute, DataKind, Event};
use tradewind_formats::outward::{PutEvent, TARGETS, Target, Unrenderable};
use tradewind_formats::{Format, Message};

fn tree(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn target(name: &str) -> &'static Target {
    Target::named(name).unwrap()
}

fn plain() -> Event {
    Event::builder("e-1", "/shop", "order.placed")
        .subject("orders/7")
        .time("2026-01-02T03:04:05.678Z")
        .extension("retries", Attribute::Integer(2))
        .data("application/json", "{\"total\":12.30}")
        .build()
        .unwrap()
}

#[test]
fn an_event_of_anywhere_in_every_envelope() {
    let kept = json!({ "data": "json", "attributes": { "specversion": "1.0", "id": "e-1", "source": "/shop",
        "type": "order.placed", "subject": "orders/7", "time": "2026-01-02T03:04:05.678Z",
        "datacontenttype": "application/json", "retries": 2 } });
    let sqs = "arn:aws:sqs:eu-west-1:123456789012:orders";
    let table = [
        (
            "aws-event-bridge",
            None,
            json!({ "version": "0", "id": "e-1", "detail-type": "order.placed", "source": "/shop",
            "account": "000000000000", "region": "us-east-1", "time": "2026-01-02T03:04:05.678Z", "resources": ["orders/7"],
            "detail": { "total": 12.3 }, "cloudevents": kept }),
        ),
        (
            "azure-event-grid",
            None,
            json!([{ "id": "e-1", "topic": "/shop", "subject": "orders/7", "eventType": "order.placed",
            "eventTime": "2026-01-02T03:04:05.678Z", "data": { "total": 12.3 }, "dataVersion": "1.0", "metadataVersion": "1",
            "cloudevents": kept }]),
        ),
        (
            "aws-sqs",
            Some(sqs),
            json!({ "Records": [{ "messageId": "e-1", "receiptHandle": "", "body": "{\"total\":12.30}",
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1767323045678", "SenderId": "123456789012",
                "ApproximateFirstReceiveTimestamp": "1767323045678" },
            "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": sqs, "awsRegion": "eu-west-1",
            "cloudevents": kept }]}),
        ),
        (
            "aws-sns",
            None,
            json!({ "Records": [{ "EventVersion": "1.0", "EventSource": "aws:sns",
            "EventSubscriptionArn": "arn:aws:sns:us-east-1:000000000000:tradewind",
            "Sns": { "Type": "Notification", "MessageId": "e-1", "TopicArn": "arn:aws:sns:us-east-1:000000000000:tradewind",
                "Subject": "orders/7", "Message": "{\"total\":12.30}", "Timestamp": "2026-01-02T03:04:05.678Z", "MessageAttributes": {} },
            "cloudevents": kept }]}),
        ),
        (
            "aws-kinesis",
            None,
            json!({ "Records": [{ "kinesis": { "kinesisSchemaVersion": "1.0", "partitionKey": "orders/7",
                "sequenceNumber": "0", "data": "eyJ0b3RhbCI6MTIuMzB9", "approximateArrivalTimestamp": 1_767_323_045.678 },
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "e-1", "eventName": "aws:kinesis:record",
            "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/tradewind",
            "cloudevents": kept }]}),
        ),
        (
            "google-pubsub-push",
            Some("projects/p/subscriptions/s"),
            json!({ "subscription": "projects/p/subscriptions/s",
            "message": { "data": "eyJ0b3RhbCI6MTIuMzB9", "messageId": "e-1", "message_id": "e-1",
                "publishTime": "2026-01-02T03:04:05.678Z", "publish_time": "2026-01-02T03:04:05.678Z",
                "attributes": { "ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/shop", "ce-type": "order.placed",
                    "ce-subject": "orders/7", "ce-time": "2026-01-02T03:04:05.678Z", "content-type": "application/json",
                    "ce-retries": "2" } },
            "cloudevents": kept }),
        ),
    ];
    for (name, resource, expected) in table {
        let document = target(name).render(&plain(), resource).unwrap();
        assert_eq!(tree(&document), expected, "{name}");
        assert_eq!(target(name).read(&document).unwrap(), plain(), "{name}");
        // The provider's own format reads it, too.
        let headers = HeaderMap::new();
        let message = Message {
            headers: &headers,
            body: &document,
        };
        let event = &tradewind_formats::decode(&message).unwrap()[0];
        assert_eq!(event.id(), "e-1", "{name}");
    }
}

#[test]
fn what_an_envelope_cannot_hold_is_refused() {
    let event = |kind: &str, data: &'static [u8]| {
        let event = Event::builder("1", "/s", "t").time("2026-01-02T03:04:05Z");
        event.data(kind, data).build().unwrap()
    };
    let binary = event("application/octet-stream", b"\xff");
    let list = event("application/json", b"[1]");
    let none = plain().without_attribute("time").unwrap();
    let empty = Event::builder("1", "/s", "t")
        .time("2026-01-02T03:04:05Z")
        .build()
        .unwrap();
    let own = || Unrenderable::NotNative("aws-s3", "order.placed".into());
    let put = |source: &str, ty: &str, data: &'static str| {
        let event = Event::builder("1", source, ty);
        event.data("application/json", data).build().unwrap()
    };
    let reserved = || Unrenderable::Reserved("aws.s3".into());
    let table = [
        ("aws-s3", plain(), Some(own())),
        ("aws-event-bridge", none.clone(), Some(Unrenderable::NoTime)),
        (
            "aws-event-bridge",
            list.clone(),
            Some(Unrenderable::NotObject),
        ),
        (
            "aws-event-bridge",
            binary.clone(),
            Some(Unrenderable::NotObject),
        ),
        (
            "aws-event-bridge",
            empty.clone(),
            Some(Unrenderable::NoData),
        ),
        ("azure-event-grid", none.clone(), Some(Unrenderable::NoTime)),
        (
            "azure-event-grid",
            binary.clone(),
            Some(Unrenderable::NotText),
        ),
        ("azure-event-grid", list, None),
        ("azure-event-grid", empty.clone(), None),
        ("aws-sqs", binary.clone(), Some(Unrenderable::NotText)),
        ("aws-sns", binary.clone(), Some(Unrenderable::NotText)),
        ("aws-sqs", none.clone(), Some(Unrenderable::NoTime)),
        ("aws-sqs", empty, None),
        ("aws-kinesis", binary.clone(), None),
        ("google-pubsub-push", binary, None),
        (
            "google-pubsub-push",
            none.clone(),
            Some(Unrenderable::NoTime),
        ),
        ("aws-put-events", none, None),
        ("aws-put-events", put("aws.s3", "t", "{}"), Some(reserved())),
        ("aws-put-events", put("aws", "t", "{}"), None),
        (
            "aws-put-events",
            put("s", &"t".repeat(129), "{}"),
            Some(Unrenderable::TooLong("type", 128)),
        ),
        (
            "aws-put-events",
            put(&"s".repeat(257), "t", "{}"),
            Some(Unrenderable::TooLong("source", 256)),
        ),
        (
            "aws-put-events",
            put("s", "t", "[1]"),
            Some(Unrenderable::NotObject),
        ),
        (
            "aws-put-events",
            put("s", "t", "{\"cloudevents\":1}"),
            Some(Unrenderable::Taken),
        ),
    ];
    for (name, event, expected) in table {
        assert_eq!(
            target(name).render(&event, None).err(),
            expected,
            "{name} {event:?}"
        );
    }
    assert!(
        target("aws-sqs")
            .read(&Bytes::from_static(b"{\"Records\":[{}]}"))
            .is_err()
    );
}

/// Published documents of these providers: what was decoded gives an equal document, byte by byte of each
/// message.
#[test]
fn own_messages_go_back_as_they_came() {
    let root = crate::published::folder().join("provider-events");
    let mut messages = 0;
    for file in crate::catalog::files(&root) {
        let body = Bytes::from(std::fs::read(&file).unwrap());
        let headers = HeaderMap::new();
        let message = Message {
            headers: &headers,
            body: &body,
        };
        let Some(format) = Format::detect(&message) else {
            continue;
        };
        let name = match format.spec.name {
            "aws-sns-lambda" => "aws-sns",
            name => name,
        };
        let (Some(target), Ok(events)) = (Target::named(name), format.decode(&message)) else {
            continue;
        };
        for event in &events {
            let document = target.render(event, None).unwrap();
            let data = &event.data().unwrap().bytes;
            assert!(
                document.windows(data.len()).any(|part| part == data),
                "{}",
                file.display()
            );
            let again = Message {
                headers: &headers,
                body: &document,
            };
            let again = format.decode(&again).unwrap();
            assert_eq!(
                &again[..],
                std::slice::from_ref(event),
                "{}",
                file.display()
            );
            messages += 1;
            let alone = format.spec.each.is_none() || events.len() == 1;
            let lone = tree(&body);
            // Batches of functions may have members besides their messages.
            let plain = lone
                .as_object()
                .is_none_or(|o| o.len() == 1 || format.spec.each.is_none());
            if alone && plain && (lone.is_object() || name == "azure-event-grid" && lone.is_array())
            {
                assert_eq!(tree(&document), lone, "{}", file.display());
            }
        }
    }
    assert!(messages == 0 || messages > 40, "{messages}");
}

/// As an HTTP endpoint gets it, in a function's event.
#[test]
fn sns_over_http_becomes_an_event_of_a_function() {
    let body = Bytes::from_static(br#"{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:r:1:t","Message":"hi","Timestamp":"2026-01-02T03:04:05Z"}"#);
    let headers = HeaderMap::new();
    let message = Message {
        headers: &headers,
        body: &body,
    };
    let event = tradewind_formats::decode(&message).unwrap().remove(0);
    let document = tree(&target("aws-sns").render(&event, None).unwrap());
    assert_eq!(document["Records"][0]["Sns"], tree(&body));
    assert_eq!(
        document["Records"][0]["EventSubscriptionArn"],
        "arn:aws:sns:r:1:t"
    );
}

/// Of any event, and of one that came from EventBridge: the rules there see its detail in either case.
#[test]
fn an_entry_of_event_bridge() {
    let document = target("aws-put-events")
        .render(&plain(), Some("orders"))
        .unwrap();
    let entry = &tree(&document)["Entries"][0];
    assert_eq!(entry["Source"], "/shop");
    assert_eq!(entry["DetailType"], "order.placed");
    assert_eq!(entry["EventBusName"], "orders");
    assert_eq!(entry["Time"], json!(1_767_323_045.678));
    assert_eq!(entry["Resources"], json!(["orders/7"]));
    let detail = entry["Detail"].as_str().unwrap();
    assert!(
        detail.starts_with("{\"total\":12.30,\"cloudevents\":{"),
        "{detail}"
    );
    assert_eq!(
        tree(detail.as_bytes())["cloudevents"]["attributes"]["retries"],
        2
    );

    let text = "{ \"version\":\"0\",\"id\":\"e\",\"detail-type\":\"Placed\",\"source\":\"shop\",\"account\":\"1\",\
        \"time\":\"2026-01-02T03:04:05Z\",\"region\":\"r\",\"resources\":[\"a\",\"b\"],\"detail\": {\"a\":{\"}\":1.0}} }";
    let (headers, body) = (HeaderMap::new(), Bytes::from(text));
    let message = Message {
        headers: &headers,
        body: &body,
    };
    let event = tradewind_formats::decode(&message).unwrap().remove(0);
    let document = target("aws-put-events").render(&event, None).unwrap();
    let entry = &tree(&document)["Entries"][0];
    let detail = tree(entry["Detail"].as_str().unwrap().as_bytes());
    assert_eq!(detail["a"], json!({ "}": 1.0 }));
    let back = target("aws-put-events").read(&document).unwrap();
    assert_eq!(
        (&back, &back.data().unwrap().bytes[..]),
        (&event, text.as_bytes())
    );
    for broken in [
        document.replace_first("cloudevents", "cloudevent"),
        document.replace_first("Detail\"", "Details\""),
    ] {
        assert!(target("aws-put-events").read(&broken).is_err());
    }
}

/// From one bus through a gateway to the next: what counts the passages comes along, and is told anew.
#[test]
fn an_entry_of_an_entry() {
    let first = plain()
        .with_attribute("tradewindhops", Attribute::Integer(3))
        .unwrap();
    let there = |event: &Event| {
        let entry = PutEvent::of(event).unwrap();
        let message = json!({
            "version": "0", "id": "b-1", "detail-type": entry.detail_type, "source": entry.source, "account": "1",
            "time": "2026-01-02T03:04:05Z", "region": "r", "resources": [],
            "detail": serde_json::from_str::<serde_json::Value>(&entry.detail).unwrap(),
        });
        let (headers, body) = (HeaderMap::new(), Bytes::from(message.to_string()));
        let message = Message {
            headers: &headers,
            body: &body,
        };
        tradewind_formats::decode(&message).unwrap().remove(0)
    };
    let came = there(&first);
    assert_eq!(came.attribute("tradewindhops").unwrap().to_canonical(), "3");
    let on = came
        .with_attribute("tradewindhops", Attribute::Integer(4))
        .unwrap();
    let entry = PutEvent::of(&on).unwrap();
    assert_eq!(
        entry.detail.matches("\"cloudevents\":").count(),
        1,
        "{}",
        entry.detail
    );
    let detail = tree(entry.detail.as_bytes());
    assert_eq!(detail["total"].to_string(), "12.3");
    assert_eq!(
        there(&on)
            .attribute("tradewindhops")
            .unwrap()
            .to_canonical(),
        "4"
    );

    // Without data there is nothing but the member.
    let empty = Event::builder("1", "/s", "t").build().unwrap();
    let document = target("aws-put-events").render(&empty, None).unwrap();
    assert_eq!(target("aws-put-events").read(&document).unwrap(), empty);
}

trait Replace {
    fn replace_first(&self, from: &str, to: &str) -> Bytes;
}

impl Replace for Bytes {
    fn replace_first(&self, from: &str, to: &str) -> Bytes {
        let text = std::str::from_utf8(self).unwrap();
        assert!(text.contains(from));
        text.replacen(from, to, 1).into()
    }
}

fn events() -> impl Strategy<Value = Event> {
    let text = "[ -~é☃]{1,12}";
    let data = prop_oneof![
        Just(None),
        "[ -~é\n\t☃]{0,20}".prop_map(|text| Some(("text/plain; charset=utf-8", text.into_bytes()))),
        prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| Some(("application/octet-stream", bytes))),
        (any::<i64>(), "[ -~é\n☃]{0,8}").prop_map(|(n, s)| Some((
            "application/json",
            json!({ "n": n, "s": s, "l": [null, 1.5] })
                .to_string()
                .into_bytes()
        ))),
        "[ -~é☃]{0,8}"
            .prop_map(|s| Some(("application/vnd.x+json", json!(s).to_string().into_bytes()))),
        Just(Some(("application/json", b"not json".to_vec()))),
    ];
    let attributes = (
        text,
        "[a-z0-9/._-]{1,12}",
        text,
        prop::option::of(text),
        any::<bool>(),
        prop::option::of(any::<i32>()),
        prop::option::of(any::<bool>()),
        prop::option::of("[ -~]{1,9}"),
    );
    (attributes, data).prop_map(
        |((id, source, ty, subject, time, number, flag, word), data)| {
            let mut event = Event::builder(id, format!("/{}", source.trim_matches('/')), ty);
            if let Some(subject) = subject {
                event = event.subject(subject);
            }
            if time {
                event = event.time("2026-01-02T03:04:05.6Z");
            }
            if let Some(number) = number {
                event = event.extension("number", Attribute::Integer(number));
            }
            if let Some(flag) = flag {
                event = event.extension("flag", Attribute::Boolean(flag));
            }
            if let Some(word) = &word {
                event = event.extension("partitionkey", Attribute::String(word));
            }
            if let Some((kind, bytes)) = data {
                event = event.data(kind, bytes);
            }
            event.build().unwrap()
        },
    )
}

proptest! {
    /// Whatever an event is, it comes back as it was, or is refused for what it lacks.
    #[test]
    fn every_event_comes_back_or_is_refused(event in events()) {
        for target in TARGETS {
            match target.render(&event, Some("arn:aws:x:r:1:n\"")) {
                Ok(document) => {
                    prop_assert!(serde_json::from_slice::<Value>(&document).is_ok());
                    let back = target.read(&document).unwrap();
                    for (name, value) in event.attributes() {
                        prop_assert_eq!(back.attribute(name).map(|v| v.to_canonical().into_owned()), Some(value.to_canonical().into_owned()));
                    }
                    prop_assert_eq!(back.attributes().count(), event.attributes().count());
                    prop_assert_eq!(back.data().map(|d| &d.bytes), event.data().map(|d| &d.bytes));
                }
                Err(Unrenderable::NotNative(..)) => prop_assert_eq!(target.name, "aws-s3"),
                Err(Unrenderable::NoTime) => prop_assert!(event.time().is_none()),
                Err(Unrenderable::NoData) => prop_assert!(event.data().is_none()),
                Err(Unrenderable::NotObject) => prop_assert!(event.data_json().is_none_or(|json| !json.is_object())),
                Err(Unrenderable::NotText) => {
                    let data = event.data().unwrap();
                    prop_assert!(data.kind == DataKind::Binary || event.data_json().is_none());
                }
                Err(Unrenderable::Reserved(source)) => prop_assert!(source.starts_with("aws.")),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
