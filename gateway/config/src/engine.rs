//! What keeps a stream.

use std::sync::Arc;
use tradewind_adapter::StreamEngine;

/// What keeps a stream in place of the data directory.
#[derive(Debug, Clone)]
pub struct LoadedEngine {
    /// Its name, the `engine` of the stream.
    pub name: String,
    /// Where the stream lies.
    pub built: Arc<dyn StreamEngine>,
}

impl PartialEq for LoadedEngine {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.built.describe()) == (&other.name, other.built.describe())
    }
}

impl Eq for LoadedEngine {}
