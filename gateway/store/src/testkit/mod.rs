//! For tests of what stands on the store.

mod memory;

pub use memory::{MemoryStream, MemoryStreams};
