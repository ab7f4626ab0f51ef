//! Secrets as signing keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use tradewind_adapter::{Error, ErrorKind, Secret};

/// How a configured secret becomes the bytes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// Its UTF-8 text as it stands.
    Text,
    /// Standard base64, after this prefix if it is there; 24 to 64 bytes.
    Base64 {
        /// For instance `whsec_`.
        prefix: &'static str,
    },
}

/// A key ready for use. Holds the keyed hash, not the secret, and prints neither.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Reads a secret. An empty one is an error: it would let everybody in.
    pub fn new(secret: &Secret, format: KeyFormat) -> Result<Self, Error> {
        let text = secret.expose();
        let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "read secret", reason);
        if text.is_empty() {
            return Err(refuse("a secret must not be empty".into()));
        }
        let decoded;
        let bytes = match format {
            KeyFormat::Text => text.as_bytes(),
            KeyFormat::Base64 { prefix } => {
                let encoded = text.strip_prefix(prefix).unwrap_or(text);
                decoded = STANDARD.decode(encoded).map_err(|_| {
                    refuse(format!(
                        "a secret must be `{prefix}` and standard base64, as the sender shows it"
                    ))
                })?;
                if !(24..=64).contains(&decoded.len()) {
                    return Err(refuse(format!(
                        "a secret must hold 24 to 64 bytes, this one holds {}",
                        decoded.len()
                    )));
                }
                decoded.as_slice()
            }
        };
        let hmac = Hmac::new_from_slice(bytes).map_err(|e| refuse(e.to_string()))?;
        Ok(Self(hmac))
    }

    /// The digest of the concatenated parts.
    pub(crate) fn digest<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut hmac = self.0.clone();
        for part in parts {
            hmac.update(part);
        }
        hmac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}
