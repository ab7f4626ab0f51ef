//! Why something is not an event.

use std::fmt;

/// Why an event is not a valid CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute `{attribute}`: {reason}")]
pub struct InvalidEvent {
    /// The offending attribute, or `data` / `data_base64` where the payload is at fault.
    pub attribute: String,
    /// What is wrong with it.
    pub reason: String,
}

impl InvalidEvent {
    pub(crate) fn new(attribute: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            attribute: attribute.into(),
            reason: reason.into(),
        }
    }
    pub(crate) fn missing(attribute: &str) -> Self {
        Self::new(attribute, "is missing; every event needs it")
    }
    pub(crate) fn twice(attribute: &str) -> Self {
        Self::new(attribute, "occurs twice; an attribute may be given once")
    }
}

/// Why bytes could not be read as an event or a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The document is not JSON (RFC 8259), or not of the expected shape.
    #[error("invalid JSON at byte {offset}: {reason}")]
    Json {
        /// Offset of the first byte that cannot be right.
        offset: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// The message is not the protobuf message it should be.
    #[error("invalid protobuf message: {reason}")]
    Protobuf {
        /// What the decoder said.
        reason: String,
    },
    /// The bytes are not a packed event of a version that this build reads.
    #[error("invalid packed event: {reason}")]
    Packed {
        /// What is wrong.
        reason: &'static str,
    },
    /// Readable, but against a rule of CloudEvents 1.0.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// Over a limit.
    #[error("{what} is above the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Events of a batch are at fault; the batch is refused as a whole.
    #[error("{}", describe(.0))]
    Batch(Vec<BatchFailure>),
}

/// One event of a batch that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFailure {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Why.
    pub error: DecodeError,
}

impl fmt::Display for BatchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} of the batch: {}", self.index, self.error)
    }
}

/// Failures named in full; the rest is counted.
const SHOWN: usize = 5;

fn describe(failures: &[BatchFailure]) -> String {
    let mut text = String::new();
    for failure in failures.iter().take(SHOWN) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&failure.to_string());
    }
    if failures.len() > SHOWN {
        text.push_str(&format!("; and {} more", failures.len() - SHOWN));
    }
    text
}
