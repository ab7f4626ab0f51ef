//! Durable streams: the [`Stream`] trait and the embedded engine.

mod clock;
mod stream;
mod streams;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use clock::{Clock, SystemClock};
pub use stream::*;
pub use streams::*;
