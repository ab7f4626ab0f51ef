//! Why a request is no message of its provider.

use tradewind_event::InvalidEvent;

/// Why a request could not be read as a message of its provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A header that the provider always sends is not there.
    #[error("the header `{0}` is missing: is this request from the provider?")]
    HeaderMissing(&'static str),
    /// A header is there twice, or holds what the provider never sends.
    #[error("the header `{0}` is repeated or malformed")]
    HeaderInvalid(&'static str),
    /// The body is of a type that the provider does not send.
    #[error("the content type `{0}` is not supported, expected {1}")]
    ContentType(String, &'static str),
    /// The body is not what its type says.
    #[error("the body cannot be read: {0}")]
    Body(String),
    /// Nothing in the message gives a value to a required attribute.
    #[error("nothing gives the event its `{0}`: looked for `{1}`")]
    Missing(String, String),
    /// One of several messages is malformed.
    #[error("{0}: {1}")]
    Message(String, #[source] Box<Error>),
    /// No format was recognised.
    #[error("the body is of no known format")]
    Unknown,
    /// What was read makes no valid event.
    #[error("no valid event: {0}")]
    Event(#[from] InvalidEvent),
}
