//! Redis Streams: a source that reads as one of a group, and a sink that adds entries (`kind: redis`).
//!
//! An entry is acknowledged only after its events are durable. CloudEvents has no binding for Redis; entries have the
//! shape of records of Kafka: fields `ce_…` and `content-type` for attributes, `data` for the data. Other entries become
//! events of type `io.redis.Entry`.

#![warn(clippy::expect_used)]

mod access;
mod entry;
mod failure;
mod portion;
mod reply;
mod sink;
mod source;

pub use access::Access;
pub use sink::{RedisSink, SinkConfig};
pub use source::{RedisSource, SourceConfig};

/// The `kind` of both in configuration.
pub const KIND: &str = "redis";
