//! What a target did, and when.

/// One order that was worked on, in seconds since the Unix epoch.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) order: String,
    pub(super) begin: f64,
    /// Infinite where it was never told.
    pub(super) end: f64,
}
