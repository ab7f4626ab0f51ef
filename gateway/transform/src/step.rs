//! What every kind of step is, and what it is told.

use crate::OUTPUT_MAX;
use std::fmt::Debug;
use tradewind_event::{Event, InvalidEvent};

/// One step of a transform.
///
/// # Contract
/// - The same event gives the same result.
/// - Work and output are bounded, whatever the event.
pub(crate) trait Step: Debug + Send + Sync {
    fn apply(&self, event: &Event, about: &About<'_>) -> Result<Event, Reason>;
}

/// What is known of the delivery besides the event.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The stream that the event lies in.
    pub stream: &'a str,
    /// The subscription.
    pub subscription: &'a str,
    /// When the event was appended, in milliseconds since the Unix epoch.
    pub appended_ms: u64,
}

/// Why a transform failed on an event. The same event fails again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}`{kind}`: {reason}", .step.map(|n| format!("step {n}, ")).unwrap_or_default())]
pub struct Failed {
    /// Which step, from 1; `None` where there is one only.
    pub step: Option<usize>,
    /// Its kind.
    pub kind: &'static str,
    /// What is wrong.
    pub reason: String,
}

/// Why a step failed.
#[derive(Debug)]
pub(crate) struct Reason(pub(crate) String);

impl Reason {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    pub(crate) fn too_large() -> Self {
        Self(format!("the output has more than {} KiB", OUTPUT_MAX >> 10))
    }
}

impl From<InvalidEvent> for Reason {
    fn from(invalid: InvalidEvent) -> Self {
        Self(format!("the result is no valid event: {invalid}"))
    }
}

/// The event with another payload. Its schema is not that of the old one.
pub(crate) fn reshaped(event: &Event, ty: &str, data: Vec<u8>) -> Result<Event, Reason> {
    if data.len() > OUTPUT_MAX {
        return Err(Reason::too_large());
    }
    let event = event.with_data(ty, data)?;
    Ok(event.without_attribute("dataschema")?)
}
