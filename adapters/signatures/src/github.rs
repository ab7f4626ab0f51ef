//! GitHub: `X-Hub-Signature-256` over the raw body.

use crate::{Encoding, Headers, KeyFormat, Piece, Scheme};
use std::time::Duration;

/// No timestamp is signed: repetitions are recognised by the delivery id alone. The SHA-1 header
/// `X-Hub-Signature` is never looked at.
pub const SCHEME: Scheme = Scheme {
    name: "github",
    headers: &[Headers {
        signature: "x-hub-signature-256",
        id: None,
        timestamp: None,
    }],
    prefix: "sha256=",
    separator: None,
    encoding: Encoding::Hex,
    key: KeyFormat::Text,
    signed: &[Piece::Body],
    tolerance: Duration::ZERO,
};
