//! The dialects against a table, a published set of cases and a reference evaluator.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod cases;
mod cesql;
mod index;
mod published;
mod reference;
mod refusals;
