//! The form of API keys, and their hashes: only the hash is kept.
//!
//! A key reads `tw_<id>_<secret>`; the secret is 192 random bits in hex. High-entropy secrets need
//! no slow hash, so what is configured is the SHA-256 of the whole key.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Random bytes in a key.
pub const SECRET_BYTES: usize = 24;

const PREFIX: &str = "tw_";

/// The key with this id and these random bytes; `None` where the id is not `[a-z0-9-]{1,63}`.
pub fn assemble(id: &str, random: &[u8; SECRET_BYTES]) -> Option<String> {
    is_id(id).then(|| format!("{PREFIX}{id}_{}", hex(random)))
}

/// SHA-256 of a key in lower-case hex: what is configured for it.
pub fn hash_hex(key: &str) -> String {
    hex(&Sha256::digest(key))
}

/// The id that a key names; `None` where it is no key.
pub(crate) fn id_of(key: &str) -> Option<&str> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let whole = secret.len() == 2 * SECRET_BYTES && secret.bytes().all(hex);
    (is_id(id) && whole).then_some(id)
}

/// Whether `key` is the one with this hash, compared in constant time.
pub(crate) fn matches(key: &str, hash: &[u8; 32]) -> bool {
    let got: [u8; 32] = Sha256::digest(key).into();
    got.ct_eq(hash).into()
}

/// A configured hash; `None` where it is not 64 hex digits.
pub(crate) fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(hash)
}

fn is_id(id: &str) -> bool {
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
