//! What tests of brokers' adapters share: a real server as a child process, certificates, and what must hold whatever
//! happens to the server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod certificates;
mod rabbitmq;
mod restarts;
mod server;

pub use certificates::{Authority, Pair, pairs};
pub use rabbitmq::rabbitmq;
pub use restarts::{deliver, delivery, nothing_is_lost};
pub use server::{Server, free_port, place};
