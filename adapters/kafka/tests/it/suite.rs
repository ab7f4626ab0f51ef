//! The shared conformance suite, over a real broker.

use crate::broker::Broker;
use async_trait::async_trait;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{Sink, Source};
use tradewind_event::{Event, Limits, kafka};
use tradewind_kafka::{KafkaSink, KafkaSource};

pub(crate) fn source(address: &str, topic: &str) -> KafkaSource {
    let config = serde_json::json!({
        "cluster": { "brokers": [address] }, "topics": [topic], "group": format!("group-{topic}"),
    });
    KafkaSource::new("suite", serde_json::from_value(config).unwrap(), None).unwrap()
}

pub(crate) fn sink(address: &str, topic: &str, mode: &str) -> KafkaSink {
    let config = serde_json::json!({
        "cluster": { "brokers": [address] }, "topic": topic, "mode": mode,
    });
    KafkaSink::new(serde_json::from_value(config).unwrap(), None).unwrap()
}

/// One record as another program writes it.
pub(crate) async fn produce(
    broker: &Broker,
    topic: &str,
    key: Option<&str>,
    headers: &[(String, String)],
    value: Option<&[u8]>,
) {
    let producer: FutureProducer = broker.config().create().unwrap();
    let mut all = OwnedHeaders::new();
    for (key, value) in headers {
        all = all.insert(Header {
            key,
            value: Some(value),
        });
    }
    let record = FutureRecord {
        key,
        payload: value,
        headers: Some(all),
        ..FutureRecord::to(topic)
    };
    producer
        .send(record, Duration::from_secs(20))
        .await
        .unwrap();
}

/// All records of a topic, read by a client of its own.
pub(crate) async fn drain(broker: &Broker, topic: &str) -> Vec<Event> {
    let consumer: StreamConsumer = broker
        .config()
        .set("group.id", format!("drain-{topic}"))
        .create()
        .unwrap();
    let high = consumer
        .fetch_watermarks(topic, 0, Duration::from_secs(20))
        .unwrap()
        .1;
    let mut whole = TopicPartitionList::new();
    whole
        .add_partition_offset(topic, 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&whole).unwrap();
    let mut events = Vec::new();
    while (events.len() as i64) < high {
        let message = consumer.recv().await.unwrap();
        let headers = message.headers().map(|headers| {
            use rdkafka::message::Headers;
            headers
                .iter()
                .map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec)))
                .collect()
        });
        let headers: Vec<(String, Option<Vec<u8>>)> = headers.unwrap_or_default();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()));
        let value = message.payload().map(bytes::Bytes::copy_from_slice);
        events.push(kafka::decode(headers, value, &Limits::default()).unwrap());
    }
    events
}

struct Sources {
    broker: Broker,
    topic: Mutex<String>,
}

impl Sources {
    fn topic(&self) -> String {
        self.topic.lock().unwrap().clone()
    }
}

#[async_trait]
impl SourceHarness for Sources {
    async fn source(&self) -> Arc<dyn Source> {
        let topic = self.broker.topic(1).await;
        *self.topic.lock().unwrap() = topic.clone();
        Arc::new(source(&self.broker.address(), &topic))
    }
    async fn send(&self, events: Vec<Event>) {
        for event in events {
            let record = kafka::encode_binary(&event);
            produce(
                &self.broker,
                &self.topic(),
                None,
                &record.headers,
                record.value.as_deref(),
            )
            .await;
        }
    }
    async fn send_garbage(&self) -> bool {
        let structured = [(
            "content-type".to_owned(),
            "application/cloudevents+json".to_owned(),
        )];
        produce(
            &self.broker,
            &self.topic(),
            None,
            &structured,
            Some(b"{\"specversion\":"),
        )
        .await;
        true
    }
    async fn lose_leases(&self, held: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        drop(held);
        Some(Arc::new(source(&self.broker.address(), &self.topic())))
    }
}

struct Sinks {
    broker: Broker,
    mode: &'static str,
    topic: Mutex<String>,
}

#[async_trait]
impl SinkHarness for Sinks {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let address = match behaviour {
            Behaviour::Accept => self.broker.address(),
            Behaviour::Hang => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                tokio::spawn(async move {
                    let mut held = Vec::new();
                    while let Ok((stream, _)) = listener.accept().await {
                        held.push(stream);
                    }
                });
                address.to_string()
            }
            Behaviour::Unreachable => {
                let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                listener.local_addr().unwrap().to_string()
            }
            _ => return None,
        };
        let topic = self.broker.topic(1).await;
        let made = sink(&address, &topic, self.mode);
        *self.topic.lock().unwrap() = topic;
        Some(Arc::new(made))
    }
    async fn received(&self) -> Vec<Event> {
        let topic = self.topic.lock().unwrap().clone();
        drain(&self.broker, &topic).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_conform() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    let harness = Sources {
        broker,
        topic: Mutex::default(),
    };
    let summary = testkit::source(&harness).await;
    println!("{summary}");
    summary.assert();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sinks_conform_in_both_modes() {
    let Some(broker) = Broker::start().await else {
        return;
    };
    let mut harness = Sinks {
        broker,
        mode: "binary",
        topic: Mutex::default(),
    };
    for mode in ["binary", "structured"] {
        harness.mode = mode;
        let summary = testkit::sink(&harness).await;
        println!("{mode}: {summary}");
        summary.assert();
    }
}
