//! What the engine writes: byte codecs, each with a version of its own.
//!
//! Keys order as their parts do (big-endian), so that a scan of a prefix is a queue.

pub(crate) mod accepted;
mod compared;
mod delivery;
mod envelope;
mod generation;
pub(crate) mod keys;
mod lane;
mod moved;
mod stops;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use accepted::Accepted;
pub(crate) use compared::{Answer, Differing, Side, Tally, Verdict};
pub(crate) use delivery::{Buried, Cause, Final, Pendant, Trail, cause_name};
pub(crate) use envelope::{Envelope, Stored};
pub(crate) use generation::{Declared, Generation, InForce, Ruled};
pub(crate) use lane::{Job, LaneRecord};
pub(crate) use moved::{Mover, Places, Row};
pub(crate) use stops::Stops;
pub(crate) use wire::Corrupt;
