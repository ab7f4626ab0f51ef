//! Against RabbitMQ's plugin for AMQP 1.0, and a peer of our own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod credit;
mod refusals;
mod suite;
