//! The shared conformance suites.

use crate::server::{sink, source, start, stream};
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, consumer};
use async_trait::async_trait;
use futures_util::StreamExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{Settlement, Sink, Source};
use tradewind_brokers::testkit::{Server, nothing_is_lost, place};
use tradewind_event::broker::{Binding, Received, decode, encode_binary};
use tradewind_event::{Event, Limits};
use tradewind_nats::NatsSource;

struct Sources {
    server: Server,
    stream: Mutex<String>,
}

impl Sources {
    fn stream(&self) -> String {
        self.stream.lock().unwrap().clone()
    }
    async fn publish(&self, headers: HeaderMap, body: bytes::Bytes) {
        let client = async_nats::connect(self.server.address()).await.unwrap();
        let context = jetstream::new(client);
        let sent = context.publish_with_headers(self.stream(), headers, body);
        sent.await.unwrap().await.unwrap();
    }
}

#[async_trait]
impl SourceHarness for Sources {
    async fn source(&self) -> Arc<dyn Source> {
        let stream = stream(&self.server).await;
        *self.stream.lock().unwrap() = stream.clone();
        Arc::new(source(&self.server.address(), &stream))
    }
    async fn send(&self, events: Vec<Event>) {
        for event in events {
            let message = encode_binary(&Binding::NATS, &event);
            let mut headers = HeaderMap::new();
            for (name, value) in &message.headers {
                headers.insert(name.as_str(), value.as_str());
            }
            self.publish(headers, message.body.unwrap_or_default())
                .await;
        }
    }
    async fn send_garbage(&self) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/cloudevents+json");
        self.publish(headers, "{\"specversion\":".into()).await;
        true
    }
    async fn lose_leases(&self, held: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        // Longer than `ack-wait`.
        tokio::time::sleep(Duration::from_millis(2200)).await;
        Some(held)
    }
}

struct Sinks {
    server: Server,
    mode: &'static str,
    stream: Mutex<String>,
}

#[async_trait]
impl SinkHarness for Sinks {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let address = place(&self.server, behaviour).await?;
        let stream = stream(&self.server).await;
        *self.stream.lock().unwrap() = stream.clone();
        Some(Arc::new(sink(&address, &stream, self.mode)))
    }
    async fn received(&self) -> Vec<Event> {
        let stream = self.stream.lock().unwrap().clone();
        let client = async_nats::connect(self.server.address()).await.unwrap();
        let context = jetstream::new(client);
        let made: consumer::PullConsumer = context
            .create_consumer_on_stream(pull::Config::default(), &stream)
            .await
            .unwrap();
        let fetched = made
            .fetch()
            .max_messages(1000)
            .expires(Duration::from_secs(2));
        let mut messages = fetched.messages().await.unwrap();
        let mut events = Vec::new();
        while let Some(message) = messages.next().await {
            let message = message.unwrap();
            let headers: Vec<(String, String)> = message
                .headers
                .iter()
                .flat_map(HeaderMap::iter)
                .map(|(name, values)| (name.to_string(), values[0].to_string()))
                .collect();
            let content_type = headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            let received = Received {
                headers: headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), Some(value.as_bytes()))),
                content_type: content_type.map(|(_, value)| value.as_str()),
                body: (!message.payload.is_empty()).then(|| message.payload.clone()),
            };
            events.push(decode(&Binding::NATS, received, &Limits::default()).unwrap());
        }
        events
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_keeps_its_contract() {
    let Some(server) = start(&[]).await else {
        return;
    };
    let harness = Sources {
        server,
        stream: Mutex::default(),
    };
    testkit::source(&harness).await.assert();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sink_keeps_its_contract_in_each_mode() {
    for mode in ["binary", "structured"] {
        let Some(server) = start(&[]).await else {
            return;
        };
        let harness = Sinks {
            server,
            mode,
            stream: Mutex::default(),
        };
        testkit::sink(&harness).await.assert();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_the_server_is_killed() {
    let Some(mut server) = start(&[]).await else {
        return;
    };
    let stream = stream(&server).await;
    let (to, from) = (
        sink(&server.address(), &stream, "binary"),
        source(&server.address(), &stream),
    );
    nothing_is_lost(&mut server, Server::kill, &to, &from).await;
}

/// Who publishes without JetStream and asks for an answer is answered when the event is durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_hears_what_is_published_and_answers() {
    let Some(server) = start(&[]).await else {
        return;
    };
    let config = serde_json::json!({
        "cluster": { "servers": [server.address()] }, "subjects": ["orders.>"],
    });
    let source = NatsSource::new("plain", serde_json::from_value(config).unwrap()).unwrap();
    let none = source.receive(10, Duration::from_millis(10)).await.unwrap();
    assert!(none.is_empty());
    let client = async_nats::connect(server.address()).await.unwrap();
    let asking = tokio::spawn(async move { client.request("orders.eu", "{\"n\":1}".into()).await });
    let mut got = Vec::new();
    while got.is_empty() {
        got = source.receive(10, Duration::from_secs(1)).await.unwrap();
    }
    let message = got.remove(0);
    let event = message.events.unwrap().remove(0);
    assert_eq!(event.ty(), "io.nats.Message");
    assert_eq!(event.subject(), Some("orders.eu"));
    assert_eq!(event.data().unwrap().bytes, "{\"n\":1}");
    source
        .settle(vec![(message.token, Settlement::Ack)])
        .await
        .unwrap();
    let answer = asking.await.unwrap().unwrap();
    assert_eq!(answer.payload, "+ACK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_gives_no_more_than_asked_also_of_what_was_given_back() {
    let Some(server) = start(&[]).await else {
        return;
    };
    let config = serde_json::json!({
        "cluster": { "servers": [server.address()] }, "subjects": ["orders.>"],
    });
    let source = NatsSource::new("plain", serde_json::from_value(config).unwrap()).unwrap();
    let none = source.receive(10, Duration::from_millis(10)).await.unwrap();
    assert!(none.is_empty());
    let client = async_nats::connect(server.address()).await.unwrap();
    let publish = async |n: usize| {
        let sent = client.publish("orders.eu", n.to_string().into()).await;
        sent.unwrap();
        client.flush().await.unwrap();
    };
    for n in 0..5 {
        publish(n).await;
    }
    let mut held = Vec::new();
    while held.len() < 5 {
        held.extend(source.receive(5, Duration::from_secs(1)).await.unwrap());
    }
    let refused = held
        .into_iter()
        .map(|message| (message.token, Settlement::Nack { delay: None }));
    source.settle(refused.collect()).await.unwrap();
    publish(5).await;
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let got = source.receive(2, Duration::from_secs(1)).await.unwrap();
        assert!(got.len() <= 2, "{} of 2", got.len());
        for message in got {
            let event = message.events.unwrap().remove(0);
            seen.push(event.data().unwrap().bytes.clone());
        }
    }
    seen.sort();
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_there_stays_as_it_is() {
    let Some(server) = start(&[]).await else {
        return;
    };
    let stream = stream(&server).await;
    let client = async_nats::connect(server.address()).await.unwrap();
    let context = jetstream::new(client);
    let settings = pull::Config {
        durable_name: Some("tradewind".into()),
        description: Some("of an operator".into()),
        ack_wait: Duration::from_secs(77),
        max_ack_pending: 5,
        ..pull::Config::default()
    };
    let made = context.create_consumer_on_stream(settings, &stream);
    let before = made.await.unwrap().cached_info().config.clone();
    context.publish(stream.clone(), "x".into()).await.unwrap();
    let source = source(&server.address(), &stream);
    let got = source.receive(1, Duration::from_secs(5)).await.unwrap();
    assert_eq!(got.len(), 1);
    let found: consumer::PullConsumer = context
        .get_consumer_from_stream("tradewind", &stream)
        .await
        .unwrap();
    assert_eq!(found.cached_info().config, before);
}
