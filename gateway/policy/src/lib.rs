#![doc = include_str!("../README.md")]
#![warn(clippy::expect_used)]

mod bounds;
mod cache;
mod decision;
mod policies;
mod principal;
mod question;
mod reads;
mod refusal;
mod role;
mod schema;
mod scope;
mod space;
mod text;

pub use decision::{Decision, Verdict};
pub use policies::{Named, Policies, TooMany};
pub use principal::{Kind, Principal, UnknownKind};
pub use question::{Action, Facts, Resource};
pub use refusal::InvalidPolicy;
pub use role::{InvalidRole, Member, Role};
pub use schema::SCHEMA;
pub use scope::Scope;
pub use space::Belongings;
pub use text::Text;

/// Largest text of policies, in bytes.
pub const TEXT_MAX: usize = 256 << 10;
/// Most policies in force, those that roles stand for among them.
pub const POLICIES_MAX: usize = 1000;
/// Longest part of an event or of a principal's name that a decision may depend on, in bytes; what is longer is
/// denied.
pub const VALUE_MAX: usize = 4096;
