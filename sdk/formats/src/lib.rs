//! Provider payloads to and from CloudEvents, pure functions.
//!
//! `data` is always the body as it was received, byte by byte; the attributes are read from it in
//! one pass that keeps the few members it needs. Nothing here looks at a clock: a repetition of one
//! message gives one and the same event, or it could not be recognised.

#![warn(clippy::expect_used)]

mod aws;
mod azure;
mod catalog;
mod clue;
mod direct;
mod error;
mod form;
pub mod github;
mod google;
mod message;
mod nest;
pub mod outward;
mod pick;
mod saas;
mod spec;
mod split;
pub mod sqs;
pub mod standard_webhooks;
mod template;
mod time;

pub use catalog::{Among, Format};
pub use clue::Clue;
pub use error::Error;
pub use message::Message;
pub use nest::{Carried, DEPTH_MAX, decode, decode_each};
pub use spec::{By, Mapping, Spec, SpecError};
pub use split::MESSAGES_MAX;
