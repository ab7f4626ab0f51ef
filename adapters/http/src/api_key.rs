//! New API keys; `tradewind_adapter::api_key` says what they look like.

use tradewind_adapter::{Error, ErrorKind, Secret, api_key};

/// A new key for `id`, to be shown once, and its SHA-256 in lower-case hex, to be configured.
///
/// # Errors
/// Where `id` is not `[a-z0-9-]{1,63}`, or the system has no randomness.
pub fn generate(id: &str) -> Result<(Secret, String), Error> {
    let mut random = [0; api_key::SECRET_BYTES];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut random)
        .map_err(|_| Error::new(ErrorKind::Unexpected, "api key", "no randomness"))?;
    let key = api_key::assemble(id, &random).ok_or_else(|| {
        Error::new(
            ErrorKind::ConfigInvalid,
            "api key",
            format!("key id `{id}` is not 1 to 63 of a-z, 0-9 and -"),
        )
    })?;
    let hash = api_key::hash_hex(&key);
    Ok((Secret::new(key), hash))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
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
    fn generated_keys_differ_and_match_their_hash() {
        let (key, hash) = generate("shop-1").unwrap();
        let (other, _) = generate("shop-1").unwrap();
        assert!(key.expose().starts_with("tw_shop-1_"));
        assert_eq!(api_key::hash_hex(key.expose()), hash);
        assert_ne!(key, other);
        assert!(generate("Shop").is_err());
    }
}
