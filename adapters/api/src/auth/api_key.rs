//! The form of API keys, and their hashes: only the hash is kept.
//!
//! A key reads `tw_<id>_<secret>`; the secret is 192 random bits in hex. High-entropy secrets need
//! no slow hash, so what is configured is the SHA-256 of the whole key.

use super::Action;
use super::callers::invalid;
use crate::{Build, Cause, Error, Refusal, Verified};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;

/// Random bytes in a key.
pub const SECRET_BYTES: usize = 24;

pub(super) const PREFIX: &str = "tw_";

/// Most secrets that one id has at a time: the current one, and those that it replaces.
pub const SECRETS_MAX: usize = 4;

/// A configured key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiKey {
    /// SHA-256 of each secret that counts, in lower-case hex, the current one first.
    pub sha256: Vec<String>,
    /// When it ends, milliseconds since the Unix epoch; `None` for never.
    pub expires_ms: Option<u64>,
    /// What it is good for; `None` for whatever the places that name it are for.
    pub scopes: Option<Arc<[Action]>>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub why: Option<String>,
}

/// The key with this id and these random bytes; `None` where the id is not `[a-z0-9-]{1,63}`.
pub fn assemble(id: &str, random: &[u8; SECRET_BYTES]) -> Option<String> {
    is_id(id).then(|| format!("{PREFIX}{id}_{}", hex(random)))
}

/// SHA-256 of a key in lower-case hex: what is configured for it.
pub fn hash_hex(key: &str) -> String {
    hex(&Sha256::digest(key))
}

/// The id that a key names; `None` where it is no key.
pub(super) fn id_of(key: &str) -> Option<&str> {
    let rest = key.strip_prefix(PREFIX)?;
    let end = rest.bytes().position(|b| b == b'_')?;
    let (id, secret) = (&rest[..end], &rest[end + 1..]);
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    // All at once: most are right to their end.
    let whole =
        secret.len() == 2 * SECRET_BYTES && secret.bytes().fold(true, |all, b| all & hex(b));
    (is_id(id) && whole).then_some(id)
}

/// One of the secrets of a key, in words that give nothing away.
#[derive(Debug)]
pub struct KeySecret {
    /// Id of the key.
    pub id: String,
    /// The first 8 hex digits of the secret's SHA-256.
    pub fingerprint: String,
    /// The second in which it was shown last.
    shown: AtomicU64,
}

impl KeySecret {
    /// That of a key.
    pub fn new(id: &str, fingerprint: &str) -> Self {
        Self {
            id: id.to_owned(),
            fingerprint: fingerprint.to_owned(),
            shown: AtomicU64::new(0),
        }
    }

    /// Whether it was not shown in this second before: once a second is often enough to note it.
    pub fn first_shown(&self, second: u64) -> bool {
        self.shown.swap(second, Ordering::Relaxed) != second
    }
}

impl PartialEq for KeySecret {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.fingerprint) == (&other.id, &other.fingerprint)
    }
}

impl Eq for KeySecret {}

/// How a hash is called where it is told of.
pub fn fingerprint(hash: &str) -> &str {
    hash.get(..8).unwrap_or_default()
}

/// A configured key, ready to be compared with.
pub(super) struct Held {
    principal: String,
    hashes: Vec<([u8; 32], Arc<KeySecret>)>,
    expires: Option<SystemTime>,
    scopes: Option<Arc<[Action]>>,
}

/// The configured key of this id.
pub(super) fn held(id: &str, build: &Build) -> Result<Held, Error> {
    let configured = build.api_keys.get(id).ok_or_else(|| {
        let known: Vec<&str> = build.api_keys.keys().map(String::as_str).collect();
        invalid(format!(
            "there is no API key `{id}` (there are: {})",
            known.join(", ")
        ))
    })?;
    let secret = |text: &String| {
        let secret = KeySecret::new(id, fingerprint(text));
        Some((parse_hash(text)?, Arc::new(secret)))
    };
    let hashes: Option<Vec<_>> = configured.sha256.iter().map(secret).collect();
    let hashes = hashes.filter(|hashes| !hashes.is_empty()).ok_or_else(|| {
        invalid(format!(
            "the API key `{id}` is not configured as 64 hex digits, the SHA-256 of the key"
        ))
    })?;
    let end = |ms| UNIX_EPOCH + Duration::from_millis(ms);
    Ok(Held {
        principal: format!("api-key:{id}"),
        hashes,
        expires: configured.expires_ms.map(end),
        scopes: configured.scopes.clone(),
    })
}

/// Who shows this key. Ids are no secret; what is compared are hashes, each to its end.
pub(super) fn verify(
    keys: &BTreeMap<String, Held>,
    id: &str,
    key: &str,
    method: &'static str,
    now: SystemTime,
) -> Result<Verified, Refusal> {
    let got: [u8; 32] = Sha256::digest(key).into();
    let unknown = || Refusal::unverified(Cause::Mismatch, "no such API key");
    let held = keys.get(id).ok_or_else(unknown)?;
    let mut shown = None;
    for (hash, secret) in &held.hashes {
        if got.ct_eq(hash).into() {
            shown = Some(secret);
        }
    }
    let secret = shown.ok_or_else(unknown)?;
    if held.expires.is_some_and(|end| end <= now) {
        let reason = format!("the API key `{id}` has expired");
        return Err(Refusal::unverified(Cause::Stale, reason));
    }
    let mut verified = Verified::new(held.principal.as_str(), method);
    verified.key = Some(Arc::clone(secret));
    verified.scopes = held.scopes.clone();
    Ok(verified)
}

/// A configured hash; `None` where it is not 64 hex digits.
fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// Whether this can be the id of a key: `[a-z0-9-]{1,63}`.
pub fn is_id(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&id.len()) && id.bytes().all(allowed)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_keys_of_the_wrong_shape() {
        for id in ["", "Shop", "a_b", "a.b", "é", &"a".repeat(64)] {
            assert_eq!(assemble(id, &[0; SECRET_BYTES]), None, "{id}");
        }
        let secret = "0".repeat(48);
        for key in [
            "".to_owned(),
            "tw_".into(),
            format!("tw__{secret}"),
            format!("tw_shop{secret}"),
            format!("tw_shop_{}", "0".repeat(47)),
            format!("tw_shop_{}", "0".repeat(49)),
            format!("tw_shop_{}", "G".repeat(48)),
            format!("sk_shop_{secret}"),
            format!(" tw_shop_{secret}"),
            format!("tw_SHOP_{secret}"),
        ] {
            assert_eq!(id_of(&key), None, "{key}");
        }
    }

    #[test]
    fn a_hash_is_sixty_four_hex_digits() {
        for text in ["", "00", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(parse_hash(text), None, "{text}");
        }
        assert_eq!(parse_hash(&"ff".repeat(32)), Some([255; 32]));
        assert_eq!(parse_hash(&format!("+1{}", "00".repeat(31))), None);
    }
}
