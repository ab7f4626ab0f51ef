//! What adapters must be allowed to do, as policies of their clouds.
//!
//! Adapters declare it ([`tradewind_adapter::Permission`]); a module for each cloud writes its policies. Nothing here
//! knows an adapter.

#![warn(clippy::expect_used)]

mod aws;

pub use aws::{Identity, Place, Statement, Withheld, aws, terraform, terraform_json};

use tradewind_adapter::Permission;

/// A permission, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The source or subscription, as `sources.orders`.
    pub object: String,
    /// What its adapter declares.
    pub permission: Permission,
}

/// The clouds whose policies can be written.
pub const CLOUDS: &[&str] = &["aws"];
