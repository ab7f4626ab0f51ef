//! Every scheme against published vectors, and against what must never pass.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod accepted;
mod configuration;
mod refused;
mod vectors;
