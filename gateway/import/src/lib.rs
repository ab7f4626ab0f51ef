//! Configurations of other event services, read offline: what they become here, and what cannot be.
//!
//! [`event_bridge`] reads what tools of AWS export, and gives a configuration with a report. Nothing of the input is
//! dropped silently: each field is a part of the configuration, or a remark in the report.

#![warn(clippy::expect_used)]

mod aws;
mod configuration;
mod document;
mod names;
mod report;
mod variables;
mod yaml;

pub use aws::{Options, event_bridge};
pub use document::{Fault, INPUT_MAX, Input};
pub use report::{Item, Kind, Note, Report, Verdict};
pub use variables::Variable;

/// What came of an import.
#[derive(Debug)]
pub struct Import {
    /// The configuration, YAML with comments.
    pub configuration: String,
    /// What became of everything.
    pub report: Report,
}
