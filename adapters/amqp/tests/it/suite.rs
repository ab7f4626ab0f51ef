//! The shared conformance suites.

use async_trait::async_trait;
use fe2o3_amqp::connection::Connection;
use fe2o3_amqp::link::{Receiver, Sender};
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::Session;
use fe2o3_amqp_types::messaging::{
    ApplicationProperties, Batch, Body, Data, Message, Properties, Target, TerminusDurability,
};
use fe2o3_amqp_types::primitives::{SimpleValue, Value};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{Sink, Source};
use tradewind_amqp::{AmqpSink, AmqpSource};
use tradewind_brokers::testkit::{Server, nothing_is_lost, place, rabbitmq};
use tradewind_event::broker::{self, Binding, Received, decode, encode_binary};
use tradewind_event::{Event, Limits};

static QUEUES: AtomicU32 = AtomicU32::new(0);

async fn start() -> Option<Server> {
    rabbitmq("rabbitmq_amqp1_0", "", |_| String::new()).await
}

/// A new queue that outlives its broker's process: one that is made because a link names it does only if that says so.
async fn queue(server: &Server) -> String {
    let name = format!("queue-{}", QUEUES.fetch_add(1, Ordering::Relaxed));
    let target = Target::builder()
        .address(format!("/queue/{name}"))
        .durable(TerminusDurability::UnsettledState)
        .build();
    with_session(&server.address(), async |session| {
        let sender = Sender::builder().name("other").target(target);
        let sender = sender.attach(session).await.unwrap();
        sender.close().await.ok();
    })
    .await;
    format!("/amq/queue/{name}")
}

pub(crate) fn source(address: &str, queue: &str) -> AmqpSource {
    let config = serde_json::json!({
        "peer": { "server": address, "username": "guest", "password": "guest" }, "address": queue,
    });
    AmqpSource::new("suite", serde_json::from_value(config).unwrap()).unwrap()
}

fn sink(address: &str, queue: &str, mode: &str) -> AmqpSink {
    let config = serde_json::json!({
        "peer": { "server": address, "username": "guest", "password": "guest" },
        "address": queue, "mode": mode,
    });
    AmqpSink::new(serde_json::from_value(config).unwrap()).unwrap()
}

/// Another program's session.
async fn with_session<T>(
    address: &str,
    with: impl AsyncFnOnce(&mut fe2o3_amqp::session::SessionHandle<()>) -> T,
) -> T {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut connection = Connection::builder()
        .container_id("other")
        .hostname("localhost")
        .scheme("amqp")
        .sasl_profile(SaslProfile::Plain {
            username: "guest".into(),
            password: "guest".into(),
        })
        .open_with_stream(stream)
        .await
        .unwrap();
    let mut session = Session::begin(&mut connection).await.unwrap();
    let made = with(&mut session).await;
    session.end().await.ok();
    connection.close().await.ok();
    made
}

async fn send(address: &str, queue: &str, messages: Vec<broker::Message>) {
    with_session(address, async |session| {
        let mut sender = Sender::attach(session, "other", queue).await.unwrap();
        for message in messages {
            let own = message
                .headers
                .into_iter()
                .map(|(name, value)| (name, SimpleValue::String(value)));
            let body = message.body.unwrap_or_default();
            let sent = Message::builder()
                .properties(Properties {
                    content_type: message.content_type.map(Into::into),
                    ..Properties::default()
                })
                .application_properties(ApplicationProperties(own.collect()))
                .body(Batch::new(vec![Data(body.to_vec().into())]))
                .build();
            sender.send(sent).await.unwrap();
        }
        sender.close().await.ok();
    })
    .await;
}

async fn drain(address: &str, queue: &str) -> Vec<Event> {
    with_session(address, async |session| {
        let mut receiver = Receiver::attach(session, "other", queue).await.unwrap();
        let mut events = Vec::new();
        let wait = Duration::from_millis(700);
        while let Ok(came) = tokio::time::timeout(wait, receiver.recv::<Body<Value>>()).await {
            let came = came.unwrap();
            receiver.accept(&came).await.unwrap();
            let message = came.into_message();
            let own = message.application_properties.unwrap_or_default().0;
            let headers: Vec<(String, String)> = own
                .into_iter()
                .map(|(name, value)| match value {
                    SimpleValue::String(text) => (name, text),
                    other => panic!("{name}: {other:?}"),
                })
                .collect();
            let content_type = message.properties.and_then(|p| p.content_type);
            let body = match message.body {
                Body::Data(sections) => sections.into_iter().flat_map(|s| s.0.into_vec()).collect(),
                _ => Vec::new(),
            };
            let received = Received {
                headers: headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), Some(value.as_bytes()))),
                content_type: content_type.as_ref().map(|symbol| symbol.0.as_str()),
                body: (!body.is_empty()).then(|| body.into()),
            };
            events.push(decode(&Binding::AMQP, received, &Limits::default()).unwrap());
        }
        receiver.close().await.ok();
        events
    })
    .await
}

struct Sources {
    server: Server,
    queue: Mutex<String>,
}

impl Sources {
    fn queue(&self) -> String {
        self.queue.lock().unwrap().clone()
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
        let messages = messages.map(|event| encode_binary(&Binding::AMQP, event));
        send(&self.server.address(), &self.queue(), messages.collect()).await;
    }
    async fn send_garbage(&self) -> bool {
        let garbage = broker::Message {
            headers: Vec::new(),
            content_type: Some("application/cloudevents+json".into()),
            body: Some("{\"specversion\":".into()),
        };
        send(&self.server.address(), &self.queue(), vec![garbage]).await;
        true
    }
    async fn lose_leases(&self, held: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        drop(held);
        Some(Arc::new(source(&self.server.address(), &self.queue())))
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
        drain(&self.server.address(), &queue).await
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
async fn nothing_is_lost_while_the_peer_is_killed() {
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
