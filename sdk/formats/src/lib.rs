//! Provider payloads to and from CloudEvents, pure functions.
//!
//! `data` is always the body as it was received, byte by byte; the attributes are read from it in
//! one pass that keeps the few members it needs. Nothing here looks at a clock: a repetition of one
//! message gives one and the same event, or it could not be recognised.

#![warn(clippy::expect_used)]

mod error;
pub mod github;
mod pick;
pub mod standard_webhooks;
mod time;

pub use error::Error;
