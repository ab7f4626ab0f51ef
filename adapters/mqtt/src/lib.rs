//! MQTT 5 and 3.1.1: a source that subscribes, and a sink that publishes (`kind: mqtt`), both with quality of service 1.
//!
//! A message is acknowledged only after its events are durable. Messages are CloudEvents in binary (MQTT 5) or structured
//! mode (binding 1.0.2), or plain ones, which become events of type `org.mqtt.Message`.

#![warn(clippy::expect_used)]

mod access;
mod desk;
mod inbox;
mod line;
mod message;
mod sink;
mod source;
mod v4;
mod v5;
mod wire;

pub use access::{Access, Version};
pub use sink::{MqttSink, SinkConfig};
pub use source::{MqttSource, SourceConfig};

/// The `kind` of both in configuration.
pub const KIND: &str = "mqtt";
