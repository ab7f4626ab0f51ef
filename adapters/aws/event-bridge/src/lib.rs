//! Amazon EventBridge: a sink that puts events on a bus (`kind: aws-event-bridge`).
//!
//! Attributes that an entry has no place for travel in its detail, with the count of gateways that the event has passed.

#![warn(clippy::expect_used)]

mod config;
mod sink;

pub use config::{Bus, SinkConfig};
pub use sink::EventBridgeSink;

/// The `kind` in configuration.
pub const KIND: &str = "aws-event-bridge";
