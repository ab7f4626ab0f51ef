//! A server of one's own, with JetStream.

use async_nats::jetstream::{self, stream};
use std::sync::atomic::{AtomicU32, Ordering};
use tradewind_brokers::testkit::Server;
use tradewind_nats::{NatsSink, NatsSource};

static STREAMS: AtomicU32 = AtomicU32::new(0);

pub(crate) async fn start(more: &'static [&'static str]) -> Option<Server> {
    Server::start("nats", "nats-server", move |command, folder, port| {
        command
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(folder)
            .args(more);
    })
    .await
}

/// A new stream, which has the subject of its name.
pub(crate) async fn stream(server: &Server) -> String {
    let name = format!("stream-{}", STREAMS.fetch_add(1, Ordering::Relaxed));
    let client = async_nats::connect(server.address()).await.unwrap();
    let context = jetstream::new(client);
    let made = context.create_stream(stream::Config {
        name: name.clone(),
        subjects: vec![name.clone()],
        ..stream::Config::default()
    });
    made.await.unwrap();
    name
}

pub(crate) fn source(address: &str, stream: &str) -> NatsSource {
    let config = serde_json::json!({
        "cluster": { "servers": [address] }, "jetstream": stream, "ack-wait": 2,
    });
    NatsSource::new("suite", serde_json::from_value(config).unwrap()).unwrap()
}

pub(crate) fn sink(address: &str, subject: &str, mode: &str) -> NatsSink {
    let config = serde_json::json!({
        "cluster": { "servers": [address] }, "subject": subject, "mode": mode,
    });
    NatsSink::new(serde_json::from_value(config).unwrap()).unwrap()
}
