//! The conformance suites.

use crate::canned::{self, Answer};
use crate::moto::Moto;
use async_trait::async_trait;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{Sink, Source};
use tradewind_event::{Event, json};
use tradewind_sqs::{SqsSink, SqsSource};

/// Seconds for which messages are hidden.
const HIDDEN: u64 = 3;
const SECRET: &str = "hunter2hunter2";

struct Harness {
    moto: Moto,
    queue: Mutex<String>,
    fifo: bool,
}

impl Harness {
    async fn start(fifo: bool) -> Self {
        Self {
            moto: Moto::start().await,
            queue: Mutex::default(),
            fifo,
        }
    }

    async fn new_queue(&self) -> String {
        let queue = self.moto.queue(self.fifo).await;
        self.queue.lock().unwrap().clone_from(&queue);
        queue
    }

    fn queue(&self) -> String {
        self.queue.lock().unwrap().clone()
    }
}

fn access() -> serde_json::Value {
    json!({ "region": "eu-west-1", "keys": { "id": "test", "secret": SECRET } })
}

pub(crate) fn sink(queue: &str) -> SqsSink {
    let config = json!({ "queue": queue, "aws": access() });
    SqsSink::new(serde_json::from_value(config).unwrap())
}

pub(crate) fn source(queue: &str) -> SqsSource {
    let config = json!({ "queue": queue, "visibility-timeout": HIDDEN, "aws": access() });
    SqsSource::new(serde_json::from_value(config).unwrap()).unwrap()
}

#[async_trait]
impl SinkHarness for Harness {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let failed = r#"{"__type":"com.amazonaws.sqs#InternalFailure","message":"try again"}"#;
        let throttled = r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"too fast"}"#;
        let refused = r#"{"Failed":[{"Id":"0","SenderFault":true,"Code":"InvalidMessageContents"}],"Successful":[]}"#;
        let queue = match behaviour {
            Behaviour::Accept => self.new_queue().await,
            Behaviour::Fail => canned::queue(Answer::Status(500, failed)).await,
            Behaviour::Throttle => canned::queue(Answer::Status(403, throttled)).await,
            Behaviour::Refuse => canned::queue(Answer::Status(200, refused)).await,
            Behaviour::Hang => canned::queue(Answer::Never).await,
            Behaviour::Endless => canned::queue(Answer::Endless).await,
            Behaviour::Unreachable => canned::nobody().await,
            _ => return None,
        };
        Some(Arc::new(sink(&queue)))
    }

    async fn received(&self) -> Vec<Event> {
        let messages = self.moto.drain(&self.queue()).await;
        let body = |message: &aws_sdk_sqs::types::Message| {
            let body = message.body().unwrap().to_owned();
            json::decode(body.into()).unwrap()
        };
        messages.iter().map(body).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }
}

#[async_trait]
impl SourceHarness for Harness {
    async fn source(&self) -> Arc<dyn Source> {
        Arc::new(source(&self.new_queue().await))
    }

    async fn send(&self, events: Vec<Event>) {
        for event in events {
            let body = String::from_utf8(json::encode(&event).into()).unwrap();
            let send = self.moto.client().send_message();
            let send = send.queue_url(self.queue()).message_body(body);
            send.send().await.unwrap();
        }
    }

    async fn lose_leases(&self, source: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        tokio::time::sleep(Duration::from_millis(HIDDEN * 1000 + 200)).await;
        Some(source)
    }
}

#[tokio::test]
async fn the_sink_conforms() {
    let summary = testkit::sink(&Harness::start(false).await).await;
    assert_eq!(summary.skipped, ["returns_the_reply"]);
    summary.assert();
}

#[tokio::test]
async fn the_sink_of_a_fifo_queue_conforms() {
    let summary = testkit::sink(&Harness::start(true).await).await;
    assert_eq!(summary.skipped, ["returns_the_reply"]);
    summary.assert();
}

#[tokio::test]
async fn the_source_conforms() {
    let summary = testkit::source(&Harness::start(false).await).await;
    assert_eq!(summary.skipped, ["garbage_surfaces", "keeps_order"]);
    summary.assert();
}
