//! Against RabbitMQ's plugin for AMQP 1.0.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod refusals;
mod suite;
