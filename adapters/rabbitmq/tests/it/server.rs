//! A broker of one's own.

use lapin::options::{ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use std::sync::atomic::{AtomicU32, Ordering};
use tradewind_brokers::testkit::{Server, rabbitmq};
use tradewind_rabbitmq::{RabbitMqSink, RabbitMqSource};

static QUEUES: AtomicU32 = AtomicU32::new(0);

pub(crate) async fn start() -> Option<Server> {
    rabbitmq("", "", |_| String::new()).await
}

pub(crate) async fn channel(address: &str) -> (Connection, Channel) {
    let uri = format!("amqp://{address}/%2f");
    let connection = Connection::connect(&uri, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    (connection, channel)
}

/// A new queue that outlives its broker's process.
pub(crate) async fn queue(server: &Server) -> String {
    let name = format!("queue-{}", QUEUES.fetch_add(1, Ordering::Relaxed));
    let (_connection, channel) = channel(&server.address()).await;
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(name.as_str().into(), options, FieldTable::default())
        .await
        .unwrap();
    name
}

pub(crate) fn source(address: &str, queue: &str) -> RabbitMqSource {
    let config = serde_json::json!({ "broker": { "server": address }, "queue": queue });
    RabbitMqSource::new("suite", serde_json::from_value(config).unwrap()).unwrap()
}

pub(crate) fn sink(address: &str, queue: &str, mode: &str) -> RabbitMqSink {
    let config = serde_json::json!({
        "broker": { "server": address }, "routing-key": queue, "mode": mode,
    });
    RabbitMqSink::new(serde_json::from_value(config).unwrap()).unwrap()
}
