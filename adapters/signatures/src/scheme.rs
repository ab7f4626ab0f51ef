//! How one provider signs, as data.

use crate::KeyFormat;
use std::time::Duration;

/// One way of signing requests by HMAC-SHA256. Another provider is another value.
#[derive(Debug, Clone, Copy)]
pub struct Scheme {
    /// For logs and errors.
    pub name: &'static str,
    /// Alternative sets of header names; the first set whose signature header is present counts,
    /// and the others are not looked at.
    pub headers: &'static [Headers],
    /// Stands before each signature (`sha256=`, `v1,`). What carries another tag is ignored, so an
    /// older, weaker version beside it is no way in.
    pub prefix: &'static str,
    /// Between the signatures of one header, where it may carry several.
    pub separator: Option<char>,
    /// How the digest is written.
    pub encoding: Encoding,
    /// How a configured secret becomes a key.
    pub key: KeyFormat,
    /// What is signed, in order.
    pub signed: &'static [Piece],
    /// How far a signed timestamp may lie in the past or the future. Unused where none is signed.
    pub tolerance: Duration,
}

/// Names of the headers that belong together, in lower case.
#[derive(Debug, Clone, Copy)]
pub struct Headers {
    /// Carries the signature.
    pub signature: &'static str,
    /// Carries the message id, where one is signed.
    pub id: Option<&'static str>,
    /// Carries the timestamp in seconds since the Unix epoch, where one is signed.
    pub timestamp: Option<&'static str>,
}

/// How a digest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal, either case.
    Hex,
    /// Standard base64 with padding.
    Base64,
}

/// A part of the signed bytes. Header values count as the text that was received, the body as the
/// bytes that were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Fixed text.
    Text(&'static str),
    /// The value of [`Headers::id`].
    Id,
    /// The value of [`Headers::timestamp`].
    Timestamp,
    /// The body.
    Body,
}
