//! The gateway as a process: ingress, administration, command line and life cycle.
//!
//! The only crate that knows every other one. `main` calls [`cli::main`]; tests start the same
//! parts in process.

#![warn(clippy::expect_used)]

pub mod admin;
pub mod cli;
mod codec;
mod engines;
pub mod ingress;
mod registry;
mod relocate;
pub mod routes;
pub mod run;
mod schedules;
mod system;
pub mod telemetry;
mod who;

pub use registry::{registry, registry_with};
