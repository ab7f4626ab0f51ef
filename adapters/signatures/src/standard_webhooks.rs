//! Standard Webhooks, symmetric (`v1`), receiving and sending.

use crate::{Encoding, Headers, Key, KeyFormat, Piece, Scheme};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::Duration;
use tradewind_adapter::{Error, Secret};

const KEY: KeyFormat = KeyFormat::Base64 { prefix: "whsec_" };

/// `{id}.{timestamp}.{body}`, five minutes of tolerance, several signatures in one header. Svix
/// sends the same under names of its own.
pub const SCHEME: Scheme = Scheme {
    name: "standard-webhooks",
    headers: &[
        Headers {
            signature: "webhook-signature",
            id: Some("webhook-id"),
            timestamp: Some("webhook-timestamp"),
        },
        Headers {
            signature: "svix-signature",
            id: Some("svix-id"),
            timestamp: Some("svix-timestamp"),
        },
    ],
    prefix: "v1,",
    separator: Some(' '),
    encoding: Encoding::Base64,
    key: KEY,
    signed: &[
        Piece::Id,
        Piece::Text("."),
        Piece::Timestamp,
        Piece::Text("."),
        Piece::Body,
    ],
    tolerance: Duration::from_secs(300),
};

/// Reads a signing secret (`whsec_…`), once, when the configuration is loaded.
pub fn key(secret: &Secret) -> Result<Key, Error> {
    Key::new(secret, KEY)
}

/// One signature as it stands in `webhook-signature`. During a rotation the header carries one per
/// key, with a space between.
///
/// `timestamp` is in seconds since the Unix epoch. `id` must not contain a dot: a receiver could not
/// tell where it ends, and refuses it.
pub fn sign(key: &Key, id: &str, timestamp: u64, body: &[u8]) -> String {
    let timestamp = timestamp.to_string();
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let digest = key.digest(parts.into_iter());
    format!("v1,{}", STANDARD.encode(digest))
}
