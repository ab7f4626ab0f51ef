//! A sink whose events are fetched: workers ask for deliveries over HTTP and say what became of each (`kind: pull`).
//!
//! Two sinks of one `queue` are two ends of it. That of a subscription lays deliveries down; that of a route in
//! `mode: proxy` hands them out, to whom the route lets in. The protocol is in docs/guides/pull.md.

#![warn(clippy::expect_used)]

mod ask;
mod desk;
mod sink;

pub use ask::{Ask, DELIVERIES_MAX, Fate, Settle, WAIT_MAX};
pub use sink::{PullSink, SinkConfig};

/// The `kind` in configuration.
pub const KIND: &str = "pull";
