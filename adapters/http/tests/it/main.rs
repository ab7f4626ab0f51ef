//! The adapter against real servers on the loopback interface.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod conformance;
mod egress;
mod exchange;
mod server;
mod source;
mod tls;
