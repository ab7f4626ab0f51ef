//! Payloads of providers and the events they become.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod catalog;
mod document;
mod event_grid;
mod form;
mod github;
mod liberal;
mod nest;
mod outward;
mod published;
mod standard_webhooks;
