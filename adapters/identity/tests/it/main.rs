//! Identities against servers of tokens that a test makes up.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod asked;
mod kept;
mod server;
