//! The sources as the gateway builds and calls them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod configuration;
mod cost;
mod fetched;
mod github;
mod handshakes;
mod reference;
mod senders;
mod standard;
mod web;
