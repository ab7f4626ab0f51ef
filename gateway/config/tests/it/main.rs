//! Configuration files, good and bad, as an operator writes them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

mod adapters;
mod cases;
mod codes;
mod difference;
mod hostile;
mod loading;
mod sarif;
mod schemas;
