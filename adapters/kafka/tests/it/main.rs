//! Against Apache Kafka.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod broker;
#[cfg(feature = "tls")]
mod certificate;
mod framed;
#[cfg(feature = "tls")]
mod oauth;
mod restarts;
#[cfg(feature = "tls")]
mod sasl;
mod suite;
