#![doc = include_str!("../README.md")]
#![warn(clippy::expect_used)]

mod avro;
mod binding;
pub mod confluent;
mod format;
mod infer;
mod json;
mod out;
mod proto;
mod refusal;
mod registry;
mod violation;
mod writer;
pub mod xregistry;

pub use binding::{Action, Binding, Pattern};
pub use format::{Definition, FORMATS, Reference};
pub use infer::infer;
pub use refusal::InvalidSchema;
pub use registry::{Compatibility, Judgement, Registered, Schemas, Version};
pub use violation::Violation;
pub use writer::{Data, Form, Writer};

/// Type of what stands in a stream in place of an event that is set aside.
pub const SET_ASIDE: &str = "tradewind.source.refused";
/// Largest text of a schema, in bytes.
pub const TEXT_MAX: usize = 256 << 10;
/// Most documents that a schema refers to.
pub const REFERENCES_MAX: usize = 32;
/// Most violations that are told of one event.
pub const VIOLATIONS_MAX: usize = 8;
