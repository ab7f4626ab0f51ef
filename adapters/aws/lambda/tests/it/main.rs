//! Against a server that answers as the API reference of Invoke says, and against moto, which others wrote.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod invoke;
mod moto;
mod server;
mod suite;
