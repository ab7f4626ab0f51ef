//! Amazon SQS: a source that reads a queue, and a sink that fills one (`kind: aws-sqs`).
//!
//! A message is deleted only after its events are durable; what is not deleted comes again. Failures
//! of AWS keep their code, and say which permission or setting is missing.

#![warn(clippy::expect_used)]

mod client;
mod message;
mod queue;
mod sink;
mod source;

pub use queue::Queue;
pub use sink::{SinkConfig, SqsSink};
pub use source::{SourceConfig, SqsSource};

/// The `kind` of both in configuration.
pub const KIND: &str = "aws-sqs";
