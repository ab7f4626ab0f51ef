//! Functions of many platforms behind HTTP as sinks.
//!
//! A platform is an entry of a table: who the gateway is to it, how much and how long it takes, what its
//! answers mean besides what HTTP says, and what to look at when it refuses. All of them are the HTTP sink.

#![warn(clippy::expect_used)]

mod config;
mod platforms;

pub use config::Config;
pub use platforms::{Entry, PLATFORMS};

use tradewind_adapter::Registry;

/// Enters every kind of sink that this crate has.
pub fn register(registry: &mut Registry) {
    for entry in PLATFORMS {
        registry.sink_as(entry.platform.kind, entry.about, |config: Config, build| {
            entry.build(config, build)
        });
    }
}
