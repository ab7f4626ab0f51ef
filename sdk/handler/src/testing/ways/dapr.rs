//! Triggers of Dapr.

use super::{header, json, post, text};
use crate::testing::Told;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use serde_json::Value;
use tradewind_event::{Attribute, Event};

/// As the sidecar passes on what was published: it adds where it comes from.
fn envelope(event: &Event) -> Event {
    let mut event = event.clone();
    for (name, value) in [("pubsubname", "pubsub"), ("topic", "orders")] {
        let more = event.with_attribute(name, Attribute::String(value));
        event = more.unwrap_or(event);
    }
    event
}

pub(super) fn published(event: &Event) -> Request<Bytes> {
    let headers = HeaderMap::from_iter([header("content-type", "application/cloudevents+json")]);
    post("/events", headers, text(&envelope(event)))
}

pub(super) fn bulk(event: &Event) -> Request<Bytes> {
    let value: Value = serde_json::from_str(&text(&envelope(event))).unwrap_or_default();
    let headers = HeaderMap::from_iter([header("content-type", "application/json")]);
    let document = json!({
        "id": "7a1c", "pubsubname": "pubsub", "topic": "orders", "type": "com.dapr.event.sent.bulk",
        "metadata": {}, "entries": [{
            "entryId": "ae6bf7c6-4af2-11ed-b878-0242ac120002", "metadata": {},
            "contentType": "application/cloudevents+json", "event": value
        }]
    });
    post("/events", headers, document.to_string())
}

fn told(status: &Value, reason: &Value) -> Told {
    let reason = reason.as_str().unwrap_or_default().to_owned();
    match status.as_str() {
        Some("SUCCESS") => Told::Taken,
        Some("DROP") => Told::Never { reason },
        _ => Told::Again {
            after: None,
            reason,
        },
    }
}

pub(super) fn status(answer: &Response<Bytes>) -> Told {
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    match answer.status().as_u16() {
        // Without a word it is done.
        200..300 if document["status"].is_null() => Told::Taken,
        200..300 => told(&document["status"], &document["reason"]),
        404 => Told::Never {
            reason: "not found".into(),
        },
        _ => told(&Value::Null, &document["detail"]),
    }
}

pub(super) fn statuses(answer: &Response<Bytes>) -> Told {
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    match answer.status().is_success() {
        true => {
            let entry = &document["statuses"][0];
            told(&entry["status"], &entry["reason"])
        }
        false => status(answer),
    }
}
