//! The shared conformance suites.

use crate::server::{ask, sink, source, start, stream};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{Sink, Source};
use tradewind_brokers::testkit::{Server, nothing_is_lost, place};
use tradewind_event::broker::{Binding, Received, decode, encode_binary};
use tradewind_event::{Event, Limits};

struct Sources {
    server: Server,
    stream: Mutex<String>,
}

impl Sources {
    async fn add(&self, fields: &[(String, Vec<u8>)]) {
        let mut add = redis::cmd("XADD");
        add.arg(self.stream.lock().unwrap().clone()).arg("*");
        for (name, value) in fields {
            add.arg(name).arg(&value[..]);
        }
        ask::<String>(&self.server.address(), &add).await;
    }
}

#[async_trait]
impl SourceHarness for Sources {
    async fn source(&self) -> Arc<dyn Source> {
        let stream = stream();
        *self.stream.lock().unwrap() = stream.clone();
        Arc::new(source(&self.server.address(), &stream))
    }
    async fn send(&self, events: Vec<Event>) {
        for event in events {
            let message = encode_binary(&Binding::KAFKA, &event);
            let headers = message.headers.into_iter();
            let mut fields: Vec<_> = headers
                .map(|(name, value)| (name, value.into_bytes()))
                .collect();
            fields.extend(
                message
                    .content_type
                    .map(|value| ("content-type".to_owned(), value.into_bytes())),
            );
            fields.extend(message.body.map(|body| ("data".to_owned(), body.to_vec())));
            self.add(&fields).await;
        }
    }
    async fn send_garbage(&self) -> bool {
        self.add(&[
            (
                "content-type".into(),
                b"application/cloudevents+json".to_vec(),
            ),
            ("data".into(), b"{\"specversion\":".to_vec()),
        ])
        .await;
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
        let stream = stream();
        *self.stream.lock().unwrap() = stream.clone();
        Some(Arc::new(sink(&address, &stream, self.mode)))
    }
    async fn received(&self) -> Vec<Event> {
        let mut range = redis::cmd("XRANGE");
        range
            .arg(self.stream.lock().unwrap().clone())
            .arg("-")
            .arg("+");
        type Entries = Vec<(String, Vec<(String, Vec<u8>)>)>;
        let entries: Entries = ask(&self.server.address(), &range).await;
        let event = |(_, fields): (String, Vec<(String, Vec<u8>)>)| {
            let field = |wanted: &str| {
                let found = fields.iter().find(|(name, _)| name == wanted);
                found.map(|(_, value)| value.clone())
            };
            let content_type = field("content-type").map(|value| String::from_utf8(value).unwrap());
            let received = Received {
                headers: fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), Some(value.as_slice()))),
                content_type: content_type.as_deref(),
                body: field("data").map(Into::into),
            };
            decode(&Binding::KAFKA, received, &Limits::default()).unwrap()
        };
        entries.into_iter().map(event).collect()
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
    let stream = stream();
    let (to, from) = (
        sink(&server.address(), &stream, "binary"),
        source(&server.address(), &stream),
    );
    nothing_is_lost(&mut server, Server::kill, &to, &from).await;
}
