//! CloudEvents 1.0: model, formats, the bindings of HTTP and of message brokers.
//!
//! One buffer per event, attributes as spans into it, `data` byte-exact. Every [`Event`] that exists
//! is valid: the decoders, the [`Builder`] and [`Event::with_attribute`] refuse anything else.
//!
//! ```
//! use tradewind_event::{Attribute, Event, http, json};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let document = r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed",
//!     "data":{"total":12.30}}"#;
//! let event = json::decode(document.into())?;
//! let stamped = event.with_attribute("hops", Attribute::Integer(1))?;
//!
//! let (headers, body) = http::encode_binary(&stamped);
//! assert_eq!(headers["ce-hops"], "1");
//! assert_eq!(headers["content-type"], "application/json");
//! assert_eq!(&body[..], br#"{"total":12.30}"#);
//! assert_eq!(json::encode(&event), document);
//! # Ok(())
//! # }
//! ```
//!
//! | Module | What it follows |
//! |---|---|
//! | [`json`] | CloudEvents JSON format, with its batch |
//! | [`protobuf`] | CloudEvents Protobuf format, with its batch |
//! | [`http`] | CloudEvents HTTP protocol binding: binary, structured and batched mode |
//! | [`kafka`] | CloudEvents Kafka protocol binding: binary and structured mode |
//! | [`broker`] | the same for AMQP 1.0, RabbitMQ, MQTT 5 and NATS, as data |
//! | [`packed`] | Tradewind's own storage form |
//!
//! With the feature `cloudevents-sdk`, events convert from and to those of the official SDK.
//!
//! Read by CloudEvents 1.0.3-wip, written as a 1.0.2 receiver takes it.

#![warn(clippy::expect_used)]

pub mod broker;
mod error;
pub mod http;
pub mod json;
pub mod kafka;
mod limits;
mod model;
pub mod packed;
pub mod protobuf;
#[cfg(feature = "cloudevents-sdk")]
mod sdk;

pub use error::{BatchFailure, DecodeError, InvalidEvent};
pub use limits::{EXTENSIONS_MAX, Limits};
pub use model::{Attribute, Builder, Data, DataKind, Event, InvalidTimestamp, Timestamp};
