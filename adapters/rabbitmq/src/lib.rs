//! RabbitMQ by AMQP 0.9.1: a source that reads a queue, and a sink that publishes to an exchange (`kind: rabbitmq`).
//!
//! A message is acknowledged only after its events are durable; what is published is confirmed by the broker. Messages
//! are CloudEvents in binary or structured mode (binding of Knative), or plain ones, which become events of type
//! `com.rabbitmq.Message`.

#![warn(clippy::expect_used)]

mod access;
mod failure;
mod line;
mod message;
mod sink;
mod source;

pub use access::Access;
pub use sink::{RabbitMqSink, SinkConfig};
pub use source::{RabbitMqSource, SourceConfig};

/// The `kind` of both in configuration.
pub const KIND: &str = "rabbitmq";
