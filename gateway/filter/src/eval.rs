//! Evaluation: an event's values at the paths that matter, and formulas over them.

mod check;
mod json;
mod paths;
mod scan;
mod slots;

pub(crate) use check::{Asked, Check, Together};
pub(crate) use paths::{PathId, Paths};
pub(crate) use slots::{Found, Slots};
pub use slots::{Scratch, View};
