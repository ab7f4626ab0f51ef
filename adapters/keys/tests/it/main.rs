//! Issuers against a key server in memory, with time that is moved by hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod ground;
mod rotation;
mod tokens;
