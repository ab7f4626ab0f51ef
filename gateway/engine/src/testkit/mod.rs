//! For tests of the engine and of what stands on it: simulated time, sinks and stores, and the
//! simulations that the proofs run.

#![allow(clippy::panic, clippy::unwrap_used)]

mod clock;
pub mod clocks;
pub mod isolation;
pub mod overload;
mod plans;
mod records;
mod scene;
pub mod simulation;
mod sink;
mod store;
pub mod tenants;

pub use clock::{EPOCH_MS, SimClock};
pub use plans::*;
pub use records::read_as_every_record;
pub use scene::{Measured, Scene, in_simulated_time};
pub use sink::{Act, ScriptedSink, Seen, retry};
pub use store::{CrashStreams, Relocated};
