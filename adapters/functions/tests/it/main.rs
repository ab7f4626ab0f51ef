//! Functions that a test makes up: what they are sent, and what their answers mean.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod platform;
mod suite;
