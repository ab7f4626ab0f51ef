//! Exports of each kind, and what becomes of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod fields;
mod ground;
mod hostile;
mod plan;
mod published;
mod template;
mod terraform;
