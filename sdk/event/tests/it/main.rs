//! Conformance, oracles and properties of the event crate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod conformance;
mod events;
mod golden;
mod hostile;
mod kafka;
mod oracles;
mod properties;
mod refusals;
mod scenarios;
#[cfg(feature = "cloudevents-sdk")]
mod sdk;
