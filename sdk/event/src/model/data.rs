//! The payload.

use super::{is_json, media_type};
use bytes::Bytes;

/// How the bytes of `data` are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// A JSON value, by its content type; not necessarily well-formed when it came as a plain body.
    Json,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// The payload, byte-exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The bytes as they were received.
    pub bytes: Bytes,
    /// How they are to be read.
    pub kind: DataKind,
}

impl Data {
    /// A payload of which nothing but its content type is known.
    pub(crate) fn of(content_type: Option<&str>, bytes: Bytes) -> Self {
        let kind = match content_type {
            None => DataKind::Binary,
            Some(ty) if is_json(ty) => DataKind::Json,
            Some(ty) if media_type::is_utf8_text(ty, &bytes) => DataKind::Text,
            Some(_) => DataKind::Binary,
        };
        Self { bytes, kind }
    }
}
