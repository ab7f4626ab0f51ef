//! Why a message could not be read.

use crate::DecodeError;
use http::{HeaderName, StatusCode};

/// Why an HTTP message could not be read as events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No CloudEvent: neither a CloudEvents media type nor a `ce-specversion` header.
    #[error(
        "no CloudEvent: there is neither a ce-specversion header (binary mode) nor a content type \
         application/cloudevents+json"
    )]
    NotCloudEvent,
    /// A CloudEvents media type that is not read here.
    #[error(
        "content type {found:?} is not supported; send application/cloudevents+json, \
         application/cloudevents-batch+json or their +protobuf forms"
    )]
    UnsupportedMediaType {
        /// The `Content-Type` that came.
        found: String,
    },
    /// A CloudEvents JSON media type whose `charset` is not UTF-8, the only one that JSON has
    /// (RFC 8259 section 8.1).
    #[error("charset {found:?} is not supported; send JSON in UTF-8")]
    UnsupportedCharset {
        /// The `charset` that came.
        found: String,
    },
    /// A header cannot be right.
    #[error("header `{name}`: {reason}")]
    Header {
        /// The header.
        name: HeaderName,
        /// What is wrong with it.
        reason: String,
    },
    /// The event or batch itself.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Error {
    /// The status that tells the sender: 400, 413 or 415.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::UnsupportedMediaType { .. } | Error::UnsupportedCharset { .. } => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Error::Decode(DecodeError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::NotCloudEvent | Error::Header { .. } | Error::Decode(_) => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    pub(super) fn header(name: &HeaderName, reason: impl Into<String>) -> Self {
        Error::Header {
            name: name.clone(),
            reason: reason.into(),
        }
    }
}
