//! For tests of the engine and of what stands on it: simulated time, sinks and stores, and the
//! simulations that the proofs run.

#![allow(clippy::unwrap_used)]

mod clock;
mod plans;
mod records;
pub mod simulation;
mod sink;
mod store;

pub use clock::{EPOCH_MS, SimClock};
pub use plans::*;
pub use records::read_as_every_record;
pub use sink::{Act, ScriptedSink, Seen, retry};
pub use store::CrashStreams;
