//! Event filters: dialects compiled to predicates.
//!
//! Simple evaluation for the six dialects of the CloudEvents Subscriptions API
//! (`exact`, `prefix`, `suffix`, `all`, `any`, `not`).
//!
//! A definition is a map that names its dialect; a list of them is joined by AND; `null` and an
//! empty list match everything:
//!
//! ```
//! let filter = tradewind_filter::compile(&serde_json::json!({
//!     "all": [{ "prefix": { "type": "com.github." } }, { "not": { "exact": { "subject": "refs/heads/main" } } }]
//! }))
//! .unwrap();
//! let push = tradewind_event::Event::builder("1", "/acme/app", "com.github.push")
//!     .subject("refs/heads/fix")
//!     .build()
//!     .unwrap();
//! assert!(filter.matches(&push));
//! assert_eq!(filter.explain(&push)[1].predicate, "subject != 'refs/heads/main'");
//! ```

#![warn(clippy::expect_used)]

mod definition;
mod dialect;
mod predicate;

pub use definition::{DEPTH_MAX, PREDICATES_MAX};

use std::sync::Arc;
use tradewind_event::Event;

/// A compiled filter. Pure: the answer depends on the event alone.
pub trait Filter: Send + Sync + std::fmt::Debug {
    /// Whether the event passes.
    fn matches(&self, event: &Event) -> bool;
    /// Every predicate that was evaluated, in order, with the value it met. A predicate under `not`
    /// is written, and holds, the other way round.
    fn explain(&self, event: &Event) -> Vec<Verdict>;
}

/// What one predicate said of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The predicate as the operator wrote it, for instance `subject = 'refs/heads/main'`.
    pub predicate: String,
    /// The value in the event; `None` where the attribute is absent.
    pub actual: Option<String>,
    /// Whether it held.
    pub holds: bool,
}

/// Why a filter definition was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidFilter {
    /// JSON pointer to the offending part, relative to the definition.
    pub pointer: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Compiles a definition (as written in configuration). `null` matches everything.
pub fn compile(definition: &serde_json::Value) -> Result<Arc<dyn Filter>, InvalidFilter> {
    Ok(Arc::new(definition::read(definition)?))
}
