//! Amazon S3: a sink that keeps events as objects (`kind: aws-s3`).
//!
//! The events of a batch are lines of a few objects, one per partition. Each is settled when its object is stored.

#![warn(clippy::expect_used)]

mod config;
mod partition;
mod sink;

pub use config::{Compression, SinkConfig};
pub use partition::Part;
pub use sink::S3Sink;

/// The `kind` in configuration.
pub const KIND: &str = "aws-s3";
