//! The engine from outside: an in-memory store that can crash, scripted sinks, paused time.

mod basics;
mod delivery;
mod operations;
mod simulation;
mod support;
