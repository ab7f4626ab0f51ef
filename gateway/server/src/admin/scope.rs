//! How much of a stream that several nodes share an operation is about.

use serde::Deserialize;
use tradewind_engine::{Engine, Reach};

/// The query parameter that says it.
pub(super) const QUERY: (&str, &str) = (
    "here",
    "`true` for what this node serves of a stream that several share; else all of it, or an error that says who serves \
     the rest",
);

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scope {
    #[serde(default)]
    here: bool,
}

impl Scope {
    /// The engine, for operations on so much.
    pub(super) fn of(self, engine: &Engine) -> Engine {
        engine.reaching(self.reach())
    }

    pub(super) fn reach(self) -> Reach {
        reach(self.here)
    }
}

pub(super) fn reach(here: bool) -> Reach {
    match here {
        true => Reach::Here,
        false => Reach::Whole,
    }
}
