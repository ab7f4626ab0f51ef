//! CloudEvents over HTTP: source and sink, the reference adapter.

#![warn(clippy::expect_used)]

pub mod api_key;
mod exchange;
mod fetch;
mod sink;
mod source;

pub use exchange::reach;
pub use fetch::Fetcher;
pub use sink::{Cidr, Config as SinkConfig, Handshake, HttpSink, Mode, Platform, Resolve, Tls};
pub use source::{Config as SourceConfig, HttpSource, Percent, Raw};

pub use tradewind_identity::Auth as SinkAuth;

/// The `kind` of both in configuration.
pub const KIND: &str = "http";
