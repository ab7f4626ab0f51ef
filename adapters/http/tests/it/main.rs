//! The adapter against real servers on the loopback interface.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::disallowed_methods, reason = "real exchanges in real time")]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod conformance;
mod consent;
mod egress;
mod exchange;
mod fetch;
mod foreign;
mod identity;
mod server;
mod source;
mod tls;
