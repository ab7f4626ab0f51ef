//! Amazon DynamoDB Streams: a source that reads the changes of a table (`kind: aws-dynamodb-streams`).
//!
//! How far each shard was read is remembered by the gateway; a change comes again until it is durable.

#![warn(clippy::expect_used)]

mod record;
mod source;

pub use source::{DynamodbSource, SourceConfig, Stream};

/// The `kind` in configuration.
pub const KIND: &str = "aws-dynamodb-streams";
