//! The engine from outside: an in-memory store that can crash, scripted sinks, paused time.

// Helpers of tests panic like tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod authority;
mod away;
mod basics;
mod delivery;
mod faults;
mod group;
mod moves;
mod operations;
mod proofs;
mod restart;
mod scale;
mod shadow;
mod shared;
mod simulation;
mod spaces;
mod support;
mod transform;
mod upgrade;
