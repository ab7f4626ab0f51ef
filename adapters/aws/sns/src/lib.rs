//! Amazon SNS: a sink that publishes to a topic (`kind: aws-sns`).
//!
//! Ten events go in one call, each with an outcome of its own. A FIFO topic keeps groups in order and drops repetitions.

#![warn(clippy::expect_used)]

mod config;
mod sink;

pub use config::{SinkConfig, Topic};
pub use sink::SnsSink;

/// The `kind` in configuration.
pub const KIND: &str = "aws-sns";
