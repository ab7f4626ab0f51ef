//! Durable streams: the [`Stream`] trait and the embedded engine.

mod clock;
mod dedupe;
pub mod disk;
mod embedded;
mod log;
mod params;
mod shard;
mod stream;
mod streams;
mod table;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use clock::{Clock, Random, SystemClock, SystemRandom};
pub use embedded::Embedded;
pub use params::Params;
pub use stream::*;
pub use streams::*;
