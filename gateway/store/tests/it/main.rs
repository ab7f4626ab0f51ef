//! Integration tests of the store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod backup;
mod contract;
mod damage;
mod dedupe;
mod ephemeral;
mod events;
mod full;
mod opening;
mod panics;
mod power;
mod table;
