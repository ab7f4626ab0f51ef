//! Durable streams: the [`Stream`] trait and the embedded engine.

mod stream;
mod streams;

pub use stream::*;
pub use streams::*;
