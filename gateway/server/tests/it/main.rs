//! The gateway as a whole: in process, and as the real binary.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod admin;
mod answers;
mod audit;
mod auth;
mod authorizer;
mod byte_for_byte;
mod cli;
mod config_reload;
mod confluent;
mod connections;
mod delivery;
mod documented;
mod group;
#[cfg(feature = "kafka")]
mod kafka;
mod limits;
#[cfg(feature = "kafka")]
mod moves;
mod mtls;
#[cfg(feature = "kafka")]
mod nodes;
mod policies;
mod process;
mod pull;
mod refused;
mod registered;
mod schedules;
mod schemas;
mod shadow;
mod simulate;
mod supervised;
mod support;
mod system_events;
mod webhooks;
