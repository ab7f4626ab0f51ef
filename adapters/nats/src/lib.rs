//! NATS: a source that reads a stream of JetStream or subjects, and a sink that publishes (`kind: nats`).
//!
//! A message is acknowledged only after its events are durable. Messages are CloudEvents in binary or structured mode
//! (NATS binding of CloudEvents 1.0.3-wip), or plain ones, which become events of type `io.nats.Message`.

#![warn(clippy::expect_used)]

mod access;
mod consumer;
mod failure;
mod message;
mod sink;
mod source;

pub use access::{Access, Auth};
pub use sink::{NatsSink, SinkConfig};
pub use source::{NatsSource, SourceConfig};

/// The `kind` of both in configuration.
pub const KIND: &str = "nats";
