//! Amazon Kinesis Data Streams: a source that reads a stream, and a sink that fills one (`kind: aws-kinesis`).
//!
//! How far each shard was read is remembered by the gateway. A record that a shard had no room for is tried again, and the
//! others of its call are not.

#![warn(clippy::expect_used)]

mod aggregate;
mod config;
mod record;
mod sink;
mod source;

pub use config::{SinkConfig, Stream};
pub use sink::KinesisSink;
pub use source::{KinesisSource, SourceConfig, Start};

/// The `kind` of both in configuration.
pub const KIND: &str = "aws-kinesis";
