#![doc = include_str!("../README.md")]
#![warn(clippy::expect_used)]

mod cel;
pub mod cesql;
mod dialect;
mod dialects;
mod eval;
mod explain;
mod filter;
mod index;
mod ir;
mod read;

pub use dialect::{Dialect, Dialects, Rendering};
pub use eval::{Scratch, View};
pub use explain::{Clause, Explanation, Seen, Teller, Verdict, Words};
pub use filter::Filter;
pub use index::{Index, Limits, Refused, Snapshot};
pub use ir::{
    Arrays, Bound, Expression, Fault, Field, Formula, How, Number, Opaque, Path, Predicate, Range,
    Scalar, Test, Text, Wildcard, folded,
};
pub use read::{DEPTH_MAX, EXPRESSION_MAX, InvalidFilter, PREDICATES_MAX, Part, Reader, kind};

use std::sync::Arc;

/// Compiles a definition (as written in configuration). `null` matches everything.
pub fn compile(definition: &serde_json::Value) -> Result<Arc<Filter>, InvalidFilter> {
    let formula = Dialects::standard().parse(definition)?;
    Ok(Arc::new(Filter::new(formula)))
}
