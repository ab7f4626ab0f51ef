//! Conformance, oracles and properties of the event crate.

mod conformance;
mod golden;
mod smoke;
