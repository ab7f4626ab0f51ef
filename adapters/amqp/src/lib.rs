//! AMQP 1.0: a source that reads a node of a broker (a queue, a subscription), and a sink that sends to one (`kind: amqp`).
//!
//! A message is accepted only after its events are durable; what is sent counts when the peer has accepted it. Messages
//! are CloudEvents in binary or structured mode (AMQP binding 1.0.2; `cloudEvents_` of 1.0.3-wip is read, too), or plain
//! ones, which become events of type `org.amqp.Message`.

#![warn(clippy::expect_used)]

mod access;
mod cut;
mod failure;
mod line;
mod message;
mod progress;
mod sink;
mod source;

pub use access::Access;
pub use sink::{AmqpSink, SinkConfig};
pub use source::{AmqpSource, SourceConfig};

/// The `kind` of both in configuration.
pub const KIND: &str = "amqp";
