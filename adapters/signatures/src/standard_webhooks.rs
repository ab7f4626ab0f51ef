//! Standard Webhooks, symmetric (`v1`), as deliveries are signed.

use crate::schemes::STANDARD_WEBHOOKS as SCHEME;
use crate::{Encoding, Key};
use tradewind_adapter::{Error, Secret};

/// Reads a signing secret (`whsec_…`), once, when the configuration is loaded.
///
/// # Errors
/// Where it is none.
pub fn key(secret: &Secret) -> Result<Key, Error> {
    Key::new(secret, SCHEME.key, SCHEME.algorithm)
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
    format!("v1,{}", Encoding::Base64.encode(&digest))
}
