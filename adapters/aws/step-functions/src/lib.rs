//! AWS Step Functions: a sink that starts executions (`kind: aws-step-functions`).
//!
//! An execution is named after its delivery: what is tried again does not run twice.

#![warn(clippy::expect_used)]

mod config;
mod sink;

pub use config::{Execution, SinkConfig, StateMachine};
pub use sink::StepFunctionsSink;

/// The `kind` in configuration.
pub const KIND: &str = "aws-step-functions";
