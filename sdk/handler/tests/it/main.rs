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
mod carried;
mod fetched;
mod hosts;
mod lambda;
mod manifest;
mod options;
mod outcomes;
mod platforms;
mod requests;
mod server;
mod service;
mod several;
mod sidecar;
mod signature;
mod stdin;
mod timers;
#[cfg(feature = "otel")]
mod trace;
mod trial;
mod worker;
