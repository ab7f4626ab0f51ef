//! The dialects against a table, a published set of cases and a reference evaluator.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]
#![allow(clippy::print_stdout, reason = "figures of the proofs")]

mod cases;
mod cel;
mod cel_kit;
mod cesql;
mod event_bridge;
mod faults;
mod index;
mod native;
mod never;
mod published;
mod reference;
mod refusals;
mod translate;
