//! The adapter as the gateway builds and calls it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod configuration;
mod conformance;
mod requests;
