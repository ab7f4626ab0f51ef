//! Amazon Data Firehose: a sink that fills a delivery stream (`kind: aws-firehose`).

#![warn(clippy::expect_used)]

mod config;
mod sink;

pub use config::{SinkConfig, Stream};
pub use sink::FirehoseSink;

/// The `kind` in configuration.
pub const KIND: &str = "aws-firehose";
