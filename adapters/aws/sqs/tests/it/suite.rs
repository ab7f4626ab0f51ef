//! The conformance suites.

use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, SourceHarness};
use tradewind_adapter::{Error, Sink, Source};
use tradewind_aws::testkit::{self as aws, Answer, Moto, Queue, SECRET, Service, Wire};
use tradewind_event::{Event, json};
use tradewind_sqs::{SqsSink, SqsSource};

/// Seconds for which messages are hidden.
const HIDDEN: u64 = 3;
pub(crate) const ORDERS: &str = "arn:aws:sqs:eu-west-1:123456789012:orders";

fn access() -> Value {
    json!({ "region": "eu-west-1", "keys": { "id": "test", "secret": SECRET } })
}

pub(crate) fn with(queue: &str, more: &Value) -> Result<SqsSink, Error> {
    let config = json!({ "queue": queue, "aws": access() });
    SqsSink::new(aws::settings(config, more))
}

pub(crate) fn sink(queue: &str) -> SqsSink {
    with(queue, &json!({})).unwrap()
}

pub(crate) fn source(queue: &str) -> SqsSource {
    let config = json!({ "queue": queue, "visibility-timeout": HIDDEN, "aws": access() });
    SqsSource::new(serde_json::from_value(config).unwrap()).unwrap()
}

struct Sqs {
    fifo: bool,
    queue: Mutex<Option<Arc<Queue>>>,
}

#[async_trait]
impl Service for Sqs {
    const WIRE: Wire = Wire::Json;

    fn sink(&self, endpoint: &str) -> Arc<dyn Sink> {
        Arc::new(sink(&format!("{endpoint}/123456789012/orders")))
    }

    async fn target(&self, endpoint: &str) -> Arc<dyn Sink> {
        let queue = Arc::new(Queue::new(endpoint, self.fifo).await);
        *self.queue.lock().unwrap() = Some(queue.clone());
        Arc::new(sink(&queue.url))
    }

    async fn received(&self, _: &str) -> Vec<Event> {
        let queue = self.queue.lock().unwrap().clone().unwrap();
        let bodies = queue.bodies().await.into_iter();
        bodies
            .map(|body| json::decode(body.into()).unwrap())
            .collect()
    }

    fn refusal(&self) -> Answer {
        let failed = json!([{ "Id": "0", "SenderFault": true, "Code": "InvalidMessageContents" }]);
        Answer::Success(json!({ "Failed": failed, "Successful": [] }).to_string())
    }
}

struct Harness {
    moto: Moto,
    fifo: bool,
    queue: Mutex<Option<Arc<Queue>>>,
}

#[async_trait]
impl SourceHarness for Harness {
    async fn source(&self) -> Arc<dyn Source> {
        let queue = Arc::new(Queue::new(&self.moto.endpoint, self.fifo).await);
        *self.queue.lock().unwrap() = Some(queue.clone());
        Arc::new(source(&queue.url))
    }

    async fn send(&self, events: Vec<Event>) {
        let queue = self.queue.lock().unwrap().clone().unwrap();
        for event in events {
            let body = String::from_utf8(json::encode(&event).into()).unwrap();
            let mut send = queue.client.send_message().queue_url(&queue.url);
            if self.fifo {
                // Each in a group of its own: one of which a message is out gives no more.
                let name = aws::fresh("group");
                send = send.message_group_id(&name).message_deduplication_id(name);
            }
            send.message_body(body).send().await.unwrap();
        }
    }

    async fn lose_leases(&self, source: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        tokio::time::sleep(Duration::from_millis(HIDDEN * 1000 + 200)).await;
        Some(source)
    }
}

#[tokio::test]
async fn the_sink_conforms() {
    for fifo in [false, true] {
        let queue = Mutex::default();
        aws::conformance(Sqs { fifo, queue }, &["returns_the_reply"]).await;
    }
}

#[tokio::test]
async fn the_source_conforms() {
    for (fifo, skipped) in [
        (false, &["garbage_surfaces", "keeps_order"][..]),
        (true, &["garbage_surfaces"]),
    ] {
        let harness = Harness {
            moto: Moto::start().await,
            fifo,
            queue: Mutex::default(),
        };
        let summary = testkit::source(&harness).await;
        assert_eq!(summary.skipped, skipped);
        summary.assert();
    }
}
