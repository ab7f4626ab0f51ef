//! Standard Webhooks, the receiving side: `v1` signatures, HMAC-SHA256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use std::fmt;
use std::time::{Duration, SystemTime};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Largest difference between the clocks, either way.
const TOLERANCE: Duration = Duration::from_secs(300);
/// Most signatures looked at in one header; senders in rotation send two.
const SIGNATURES_MAX: usize = 8;

/// A shared secret.
#[derive(Clone)]
pub(crate) struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Secret {
    /// Reads `whsec_` and base64; the prefix may be missing.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let key = STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .map_err(|_| "is not whsec_ followed by base64")?;
        if !(24..=64).contains(&key.len()) {
            return Err("decodes to fewer than 24 or more than 64 bytes");
        }
        Ok(Self(key))
    }

    fn signs(&self, id: &[u8], timestamp: &[u8], body: &[u8], signature: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return false;
        };
        for part in [id, b".", timestamp, b".", body] {
            mac.update(part);
        }
        // Checks the length, then compares in constant time.
        mac.verify_slice(signature).is_ok()
    }
}

/// Whether one of the secrets signed this. The reason of a failure is for the log only.
pub(crate) fn verify(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<(), &'static str> {
    let id = single(headers, &ID)?;
    let timestamp = single(headers, &TIMESTAMP)?;
    let signatures = single(headers, &SIGNATURE)?;
    if id.as_bytes().contains(&b'.') {
        return Err("webhook-id holds a dot");
    }
    fresh(timestamp, now)?;
    let signatures = signatures.to_str().map_err(|_| "signature is not ASCII")?;
    let signed = signatures
        .split(' ')
        .take(SIGNATURES_MAX)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| {
            secrets
                .iter()
                .any(|s| s.signs(id.as_bytes(), timestamp.as_bytes(), body, &signature))
        });
    if signed {
        Ok(())
    } else {
        Err("no signature fits")
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a HeaderValue, &'static str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err("a webhook- header is missing"),
        (Some(_), Some(_)) => Err("a webhook- header occurs twice"),
    }
}

/// The text itself is signed, so only digits will do.
fn fresh(timestamp: &HeaderValue, now: SystemTime) -> Result<(), &'static str> {
    let text = timestamp.to_str().unwrap_or_default();
    let seconds = Some(text)
        .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|t| t.parse::<u32>().ok())
        .ok_or("webhook-timestamp is no number of seconds")?;
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
    let apart = match now.duration_since(then) {
        Ok(past) => past,
        Err(future) => future.duration(),
    };
    if apart > TOLERANCE {
        return Err("webhook-timestamp is more than 300 s away");
    }
    Ok(())
}
