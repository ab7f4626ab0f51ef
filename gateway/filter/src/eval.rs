//! Evaluation: an event's values at the paths that matter, and formulas over them.

mod check;
mod paths;
mod scan;
mod slots;

pub(crate) use check::Check;
pub(crate) use paths::Paths;
pub(crate) use slots::Slots;
pub use slots::{Scratch, View};
