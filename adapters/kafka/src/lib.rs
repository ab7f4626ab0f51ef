//! Apache Kafka: a source that reads topics as one of a consumer group, and a sink that writes a topic
//! (`kind: kafka`).
//!
//! An offset is committed only after the events up to it are durable. Records are CloudEvents in binary or structured
//! mode, or plain ones, which become events of type `org.apache.kafka.Record`. Values may be framed with the number of a
//! schema, by which what the gateway lends opens them.

#![warn(clippy::expect_used)]

mod access;
mod failure;
mod ledger;
mod message;
mod pass;
mod sasl;
mod sink;
mod source;

pub use access::Access;
pub use sink::{KafkaSink, Mode, SinkConfig};
pub use source::{Framed, KafkaSource, SourceConfig, Start};

/// The `kind` of both in configuration.
pub const KIND: &str = "kafka";
