//! The intermediate representation that every dialect lowers to.

mod formula;
mod never;
mod path;
mod scalar;
mod test;

pub use formula::{Expression, Fault, Field, Formula, Opaque, Predicate};
pub use path::{Arrays, Path};
pub use scalar::{Number, Scalar};
pub use test::{Bound, How, Range, Test, Text, Wildcard, folded};
