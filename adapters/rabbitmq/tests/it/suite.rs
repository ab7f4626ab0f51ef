//! The shared conformance suites.

use crate::server::{channel, queue, sink, source, start};
use async_trait::async_trait;
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions};
use lapin::types::{AMQPValue, FieldTable};
use std::sync::{Arc, Mutex};
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{Sink, Source};
use tradewind_brokers::testkit::{Server, nothing_is_lost, place};
use tradewind_event::broker::{Binding, Message, Received, decode, encode_binary};
use tradewind_event::{Event, Limits};

struct Sources {
    server: Server,
    queue: Mutex<String>,
}

impl Sources {
    async fn publish(&self, messages: Vec<Message>) {
        let (_connection, channel) = channel(&self.server.address()).await;
        let queue = self.queue.lock().unwrap().clone();
        for message in messages {
            let mut table = FieldTable::default();
            for (name, value) in message.headers {
                table.insert(name.into(), AMQPValue::LongString(value.into()));
            }
            let mut properties = BasicProperties::default().with_headers(table);
            if let Some(content_type) = message.content_type {
                properties = properties.with_content_type(content_type.into());
            }
            let body = message.body.unwrap_or_default();
            let sent = channel.basic_publish(
                "".into(),
                queue.as_str().into(),
                BasicPublishOptions::default(),
                &body,
                properties,
            );
            sent.await.unwrap().await.unwrap();
        }
    }
}

#[async_trait]
impl SourceHarness for Sources {
    async fn source(&self) -> Arc<dyn Source> {
        let queue = queue(&self.server).await;
        *self.queue.lock().unwrap() = queue.clone();
        Arc::new(source(&self.server.address(), &queue))
    }
    async fn send(&self, events: Vec<Event>) {
        let messages = events.iter();
        self.publish(
            messages
                .map(|event| encode_binary(&Binding::RABBITMQ, event))
                .collect(),
        )
        .await;
    }
    async fn send_garbage(&self) -> bool {
        let garbage = Message {
            headers: Vec::new(),
            content_type: Some("application/cloudevents+json".into()),
            body: Some("{\"specversion\":".into()),
        };
        self.publish(vec![garbage]).await;
        true
    }
    async fn lose_leases(&self, held: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        drop(held);
        let queue = self.queue.lock().unwrap().clone();
        Some(Arc::new(source(&self.server.address(), &queue)))
    }
}

struct Sinks {
    server: Server,
    mode: &'static str,
    queue: Mutex<String>,
}

#[async_trait]
impl SinkHarness for Sinks {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let address = place(&self.server, behaviour).await?;
        let queue = queue(&self.server).await;
        *self.queue.lock().unwrap() = queue.clone();
        Some(Arc::new(sink(&address, &queue, self.mode)))
    }
    async fn received(&self) -> Vec<Event> {
        let queue = self.queue.lock().unwrap().clone();
        let (_connection, channel) = channel(&self.server.address()).await;
        let mut events = Vec::new();
        loop {
            let got = channel.basic_get(queue.as_str().into(), BasicGetOptions::default());
            let Some(message) = got.await.unwrap() else {
                return events;
            };
            let headers: Vec<(String, String)> = message
                .properties
                .headers()
                .iter()
                .flat_map(FieldTable::inner)
                .map(|(name, value)| match value {
                    AMQPValue::LongString(text) => (name.to_string(), text.to_string()),
                    other => panic!("{name}: {other:?}"),
                })
                .collect();
            let content_type = message.properties.content_type().as_ref();
            let received = Received {
                headers: headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), Some(value.as_bytes()))),
                content_type: content_type.map(|value| value.as_str()),
                body: (!message.data.is_empty()).then(|| message.data.clone().into()),
            };
            events.push(decode(&Binding::RABBITMQ, received, &Limits::default()).unwrap());
            message.ack(BasicAckOptions::default()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_keeps_its_contract() {
    let Some(server) = start().await else {
        return;
    };
    let harness = Sources {
        server,
        queue: Mutex::default(),
    };
    testkit::source(&harness).await.assert();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sink_keeps_its_contract_in_each_mode() {
    let Some(server) = start().await else {
        return;
    };
    let mut harness = Sinks {
        server,
        mode: "binary",
        queue: Mutex::default(),
    };
    for mode in ["binary", "structured"] {
        harness.mode = mode;
        testkit::sink(&harness).await.assert();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_the_broker_is_killed() {
    let Some(mut server) = start().await else {
        return;
    };
    let queue = queue(&server).await;
    let (to, from) = (
        sink(&server.address(), &queue, "binary"),
        source(&server.address(), &queue),
    );
    nothing_is_lost(&mut server, Server::kill, &to, &from).await;
}
