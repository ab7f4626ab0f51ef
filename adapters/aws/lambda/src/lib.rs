//! AWS Lambda: a sink that invokes functions (`kind: aws-lambda`).
//!
//! A failure of the function is told from one of AWS, and both say which permission or setting is missing.

#![warn(clippy::expect_used)]

mod answer;
mod config;
mod function;
mod sink;

pub use config::{Config, Invocation};
pub use function::Function;
pub use sink::LambdaSink;

/// The `kind` in configuration.
pub const KIND: &str = "aws-lambda";
