//! Events by the clock (`kind: schedule`): cron, rate and one-off schedules as a source.
//!
//! [`Expression`] says when, [`Times`] turns it into instants of a time zone, [`Schedule`] is the
//! source: it takes what is due, in order, and remembers how far it has come once that is durable.

#![warn(clippy::expect_used)]

mod config;
mod cron;
mod expression;
mod field;
mod source;
mod state;
mod times;

pub use config::{CatchUp, Config, EventConfig, Gap, Span, Zone};
pub use expression::Expression;
pub use source::Schedule;
pub use times::Times;

/// The `kind` in configuration.
pub const KIND: &str = "schedule";
