//! The conformance suite, and failures.

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::Target;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_aws::testkit::{self as aws, Answer, Queue, Service, Wire};
use tradewind_event::Event;
use tradewind_event_bridge::EventBridgeSink;
use tradewind_formats::Message;

pub(crate) const ORDERS: &str = "arn:aws:events:eu-west-1:123456789012:event-bus/orders";

pub(crate) fn sink(endpoint: &str, more: &Value) -> EventBridgeSink {
    let config = json!({ "bus": ORDERS, "aws": aws::access(endpoint) });
    EventBridgeSink::new(aws::settings(config, more)).unwrap()
}

/// A bus, and a queue that gets everything that is put on it.
pub(crate) async fn bus(endpoint: &str) -> (String, Queue) {
    let client = Client::new(&aws::config(endpoint).await);
    let queue = Queue::new(endpoint, false).await;
    let name = queue.arn.rsplit(':').next().unwrap().to_owned();
    client.create_event_bus().name(&name).send().await.unwrap();
    let rule = client.put_rule().name("all").event_bus_name(&name);
    let pattern = json!({ "account": ["123456789012"] }).to_string();
    rule.event_pattern(pattern).send().await.unwrap();
    let target = Target::builder()
        .id("queue")
        .arn(&queue.arn)
        .build()
        .unwrap();
    let targets = client.put_targets().rule("all").event_bus_name(&name);
    targets.targets(target).send().await.unwrap();
    (name, queue)
}

/// As EventBridge hands it to whoever listens.
pub(crate) fn came(body: String) -> Event {
    let (headers, body) = (HeaderMap::new(), Bytes::from(body));
    let message = Message {
        headers: &headers,
        body: &body,
    };
    tradewind_formats::decode(&message).unwrap().remove(0)
}

/// The event that was put, of what came.
fn put(body: &str) -> Event {
    let message: Value = serde_json::from_str(body).unwrap();
    let detail = message["detail"].as_object().unwrap();
    let entry = json!({ "Detail": Value::from(detail.clone()).to_string() });
    let document = format!("{{\"Entries\":[{entry}]}}");
    let target = tradewind_formats::outward::Target::named("aws-put-events").unwrap();
    target.read(&Bytes::from(document)).unwrap()
}

#[derive(Default)]
struct EventBridge(Mutex<Option<Arc<Queue>>>);

#[async_trait]
impl Service for EventBridge {
    const WIRE: Wire = Wire::Json;

    fn sink(&self, endpoint: &str) -> Arc<dyn Sink> {
        Arc::new(sink(endpoint, &json!({})))
    }

    async fn target(&self, endpoint: &str) -> Arc<dyn Sink> {
        let (bus, queue) = bus(endpoint).await;
        *self.0.lock().unwrap() = Some(Arc::new(queue));
        Arc::new(sink(endpoint, &json!({ "bus": bus })))
    }

    async fn received(&self, _: &str) -> Vec<Event> {
        let queue = self.0.lock().unwrap().clone().unwrap();
        queue.bodies().await.iter().map(|body| put(body)).collect()
    }

    fn refusal(&self) -> Answer {
        Answer::Success(
            r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"MalformedDetail"}]}"#.into(),
        )
    }

    /// An entry holds an object of JSON, or nothing.
    fn carries(&self, event: &Event) -> bool {
        let data = event.data().map(|data| &data.bytes[..]);
        data.is_none() || data == Some(b"{}")
    }
}

#[tokio::test]
async fn conformance() {
    aws::conformance(EventBridge::default(), &["returns_the_reply"]).await;
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let permission = format!("events:PutEvents on {ORDERS}");
    aws::refusals(Wire::Json, &permission, |origin| {
        Arc::new(sink(origin, &json!({})))
    })
    .await;
}
