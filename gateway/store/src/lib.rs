//! Durable streams: the [`Stream`] trait and the embedded engine.
//!
//! [`Embedded`] keeps streams in one data directory. Its layout, what is durable when, and what
//! recovery does after a crash at any moment are in `docs/adr/0001-embedded-store.md`. Disk, clock and
//! randomness are injected; with the feature `testkit` there are a disk that loses power, a stream in
//! memory, and the suite that every engine passes.

#![warn(clippy::expect_used)]

pub mod backup;
mod clock;
mod dedupe;
pub mod disk;
mod embedded;
mod events;
mod finding;
mod log;
mod movable;
mod params;
mod shard;
mod shared;
mod stream;
mod streams;
mod table;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use clock::{Clock, Random, SystemClock, SystemRandom};
pub use embedded::Embedded;
pub use events::holds_events;
pub use finding::{Finding, Loss};
pub use movable::{Movable, Standing, is_absent, is_there};
pub use params::Params;
pub use shared::{SharedTable, StreamTable};
pub use stream::*;
pub use streams::*;
