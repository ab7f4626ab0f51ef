//! The SDK from outside: arguments, outcomes, and the service on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests"
)]

mod arguments;
mod attribute;
mod hosts;
mod lambda;
mod options;
mod outcomes;
mod platforms;
mod server;
mod service;
mod signature;
#[cfg(feature = "otel")]
mod trace;
