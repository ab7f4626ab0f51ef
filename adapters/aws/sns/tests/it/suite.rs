//! The conformance suite, and failures.

use async_trait::async_trait;
use aws_sdk_sns::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_aws::testkit::{self as aws, Answer, Queue, Service, Wire};
use tradewind_event::{Event, json};
use tradewind_sns::SnsSink;

pub(crate) const ORDERS: &str = "arn:aws:sns:eu-west-1:123456789012:orders";

pub(crate) fn sink(endpoint: &str, more: &Value) -> SnsSink {
    let config = json!({ "topic": ORDERS, "aws": aws::access(endpoint) });
    SnsSink::new(aws::settings(config, more)).unwrap()
}

/// A topic, and a queue that gets its messages as they are.
pub(crate) async fn topic(endpoint: &str, fifo: bool) -> (String, Queue) {
    let client = Client::new(&aws::config(endpoint).await);
    let queue = Queue::new(endpoint, fifo).await;
    let name = queue.arn.rsplit(':').next().unwrap().to_owned();
    let mut create = client.create_topic().name(&name);
    if fifo {
        create = create.attributes("FifoTopic", "true");
    }
    let topic = create.send().await.unwrap().topic_arn.unwrap();
    client
        .subscribe()
        .topic_arn(&topic)
        .protocol("sqs")
        .endpoint(&queue.arn)
        .attributes("RawMessageDelivery", "true")
        .send()
        .await
        .unwrap();
    (topic, queue)
}

struct Sns {
    fifo: bool,
    queue: Mutex<Option<Arc<Queue>>>,
}

#[async_trait]
impl Service for Sns {
    const WIRE: Wire = Wire::Query;

    fn sink(&self, endpoint: &str) -> Arc<dyn Sink> {
        Arc::new(sink(endpoint, &json!({})))
    }

    async fn target(&self, endpoint: &str) -> Arc<dyn Sink> {
        let (topic, queue) = topic(endpoint, self.fifo).await;
        *self.queue.lock().unwrap() = Some(Arc::new(queue));
        Arc::new(sink(endpoint, &json!({ "topic": topic })))
    }

    async fn received(&self, _: &str) -> Vec<Event> {
        let queue = self.queue.lock().unwrap().clone().unwrap();
        let bodies = queue.bodies().await.into_iter();
        bodies
            .map(|body| json::decode(body.into()).unwrap())
            .collect()
    }

    fn refusal(&self) -> Answer {
        Answer::Success(
            "<PublishBatchResponse><PublishBatchResult><Successful/><Failed><member><Id>0</Id><Code>InvalidParameter</Code>\
             <SenderFault>true</SenderFault></member></Failed></PublishBatchResult></PublishBatchResponse>"
                .into(),
        )
    }
}

#[tokio::test]
async fn conformance() {
    for fifo in [false, true] {
        let queue = Mutex::default();
        aws::conformance(Sns { fifo, queue }, &["returns_the_reply"]).await;
    }
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let permission = format!("sns:Publish on {ORDERS}");
    aws::refusals(Wire::Query, &permission, |origin| {
        Arc::new(sink(origin, &json!({})))
    })
    .await;
}
