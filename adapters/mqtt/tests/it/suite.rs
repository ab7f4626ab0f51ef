//! The shared conformance suites.

use crate::server::{sink, source, start, topic};
use async_trait::async_trait;
use rumqttc_v5::mqttbytes::v5::PublishProperties;
use rumqttc_v5::{AsyncClient, Broker, MqttOptions, PublishOptions};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{Sink, Source};
use tradewind_brokers::testkit::{Server, nothing_is_lost, place};
use tradewind_event::Event;
use tradewind_event::broker::{Binding, Message, encode_binary, encode_structured};

/// Publishes as another program, and waits until the broker has it all.
async fn publish(port: u16, topic: &str, messages: Vec<Message>) {
    let id = format!("other-{}", tradewind_brokers::unique());
    let options = MqttOptions::new(id, Broker::tcp("127.0.0.1", port));
    let (client, mut events) = AsyncClient::builder(options).try_build().unwrap();
    let driving = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    for message in messages {
        let properties = PublishProperties {
            user_properties: message.headers,
            content_type: message.content_type,
            ..PublishProperties::default()
        };
        let options = PublishOptions::at_least_once().properties(properties);
        let body = message.body.unwrap_or_default();
        let sent = client.publish_tracked(topic, body, options).await.unwrap();
        sent.wait_async().await.unwrap();
    }
    driving.abort();
}

struct Sources {
    server: Server,
    version: &'static str,
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
        let topic = topic();
        *self.topic.lock().unwrap() = topic.clone();
        let source = source(&self.server.address(), &topic, self.version);
        // It hears what is published once it has subscribed.
        source.receive(1, Duration::from_millis(1)).await.unwrap();
        Arc::new(source)
    }
    async fn send(&self, events: Vec<Event>) {
        let encode = |event: &Event| match self.version {
            "5" => encode_binary(&Binding::MQTT, event),
            _ => encode_structured(event),
        };
        let messages = events.iter().map(encode).collect();
        publish(self.server.port, &self.topic(), messages).await;
    }
    async fn send_garbage(&self) -> bool {
        if self.version != "5" {
            // Without a content type, whatever comes is data.
            return false;
        }
        let garbage = Message {
            headers: Vec::new(),
            content_type: Some("application/cloudevents+json".into()),
            body: Some("{\"specversion\":".into()),
        };
        publish(self.server.port, &self.topic(), vec![garbage]).await;
        true
    }
    async fn lose_leases(&self, held: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        drop(held);
        Some(Arc::new(source(
            &self.server.address(),
            &self.topic(),
            self.version,
        )))
    }
}

struct Sinks {
    server: Server,
    version: &'static str,
    mode: &'static str,
    listener: Mutex<Option<Arc<dyn Source>>>,
}

#[async_trait]
impl SinkHarness for Sinks {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let address = place(&self.server, behaviour).await?;
        let topic = topic();
        let listener = source(&self.server.address(), &topic, "5");
        listener.receive(1, Duration::from_millis(1)).await.unwrap();
        *self.listener.lock().unwrap() = Some(Arc::new(listener));
        Some(Arc::new(sink(
            &address,
            &topic,
            self.version,
            Some(self.mode),
        )))
    }
    async fn received(&self) -> Vec<Event> {
        let listener = self.listener.lock().unwrap().clone().unwrap();
        let mut events = Vec::new();
        loop {
            let wait = Duration::from_millis(300);
            let got = listener.receive(1000, wait).await.unwrap();
            if got.is_empty() {
                return events;
            }
            events.extend(got.into_iter().flat_map(|message| message.events.unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_keeps_its_contract_in_each_version() {
    for version in ["5", "3.1.1"] {
        let Some(server) = start().await else {
            return;
        };
        let harness = Sources {
            server,
            version,
            topic: Mutex::default(),
        };
        testkit::source(&harness).await.assert();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sink_keeps_its_contract_in_each_version_and_mode() {
    for (version, mode) in [
        ("5", "binary"),
        ("5", "structured"),
        ("3.1.1", "structured"),
    ] {
        let Some(server) = start().await else {
            return;
        };
        let harness = Sinks {
            server,
            version,
            mode,
            listener: Mutex::default(),
        };
        testkit::sink(&harness).await.assert();
    }
}

/// Mosquitto confirms what it has in memory, so it is asked to end; a killed one forgets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_the_broker_is_restarted() {
    for (version, mode) in [("5", "binary"), ("3.1.1", "structured")] {
        let Some(mut server) = start().await else {
            return;
        };
        let topic = topic();
        let (to, from) = (
            sink(&server.address(), &topic, version, Some(mode)),
            source(&server.address(), &topic, version),
        );
        nothing_is_lost(&mut server, Server::stop, &to, &from).await;
    }
}

/// What the broker has not heard of comes again over the next connection, to who has waited since the one before, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_while_the_broker_is_restarted_is_given_what_comes_again() {
    for version in ["5", "3.1.1"] {
        let Some(mut server) = start().await else {
            return;
        };
        let topic = topic();
        let from = source(&server.address(), &topic, version);
        let wait = Duration::from_secs(60);
        from.receive(1, Duration::from_millis(1)).await.unwrap();
        let messages = (0..3).map(|n| Message {
            headers: Vec::new(),
            content_type: None,
            body: Some(n.to_string().into()),
        });
        publish(server.port, &topic, messages.collect()).await;
        let mut held = 0;
        while held < 3 {
            held += from.receive(100, wait).await.unwrap().len();
        }
        let restart = async {
            server.stop();
            server.resume().await;
        };
        let (came, ()) = tokio::join!(from.receive(100, wait), restart);
        assert!(!came.unwrap().is_empty(), "{version}");
    }
}
