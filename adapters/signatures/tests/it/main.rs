//! Signatures as published, and what must not pass for one.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod accepted;
mod certified;
mod chains;
mod configuration;
mod negatives;
mod refused;
mod vectors;
