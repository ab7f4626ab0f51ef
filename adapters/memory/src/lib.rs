//! In-memory source and sink: for tests, and for trying things out (`kind: memory`).
//!
//! A [`MemorySink`] records what it is given and answers as scripted. A [`MemorySource`] reads a
//! bounded [`Queue`] with leases. Both can name the same queue, and then what the sink takes the
//! source gives. Nothing outlives the process.

#![warn(clippy::expect_used)]

mod queue;
mod sink;
mod source;

pub use queue::{Full, Queue};
pub use sink::{MemorySink, SinkConfig};
pub use source::{MemorySource, SourceConfig};

/// The `kind` of both in configuration.
pub const KIND: &str = "memory";
