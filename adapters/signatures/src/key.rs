//! Secrets as keys.

use crate::encoding::hex;
use crate::{Algorithm, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use subtle::ConstantTimeEq;
use tradewind_adapter::{Error, ErrorKind, Secret};

/// How a configured secret becomes the bytes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat<'a> {
    /// Its UTF-8 text as it stands.
    Text,
    /// Standard base64, after this prefix if it is there.
    Base64 {
        /// For instance `whsec_`.
        prefix: &'a str,
        /// How many bytes it must hold at least and at most.
        bytes: (usize, usize),
    },
    /// Hexadecimal.
    Hex {
        /// How many bytes it must hold at least and at most.
        bytes: (usize, usize),
    },
}

/// A key ready for use. Holds the keyed hash, not the secret, and prints neither.
#[derive(Clone)]
pub struct Key(Kind);

#[derive(Clone)]
enum Kind {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
    /// The digest of the secret, so that lengths are equal.
    Token([u8; 32]),
    #[cfg(feature = "asymmetric")]
    Public(crate::asymmetric::Public),
}

impl Key {
    /// Reads a secret. An empty one is an error: it would let everybody in.
    pub fn new(
        secret: &Secret,
        format: KeyFormat<'_>,
        algorithm: Algorithm,
    ) -> Result<Self, Error> {
        let bytes = format.read(secret)?;
        let hmac = |e: hmac::digest::InvalidLength| refuse(e.to_string());
        let kind = match algorithm {
            Algorithm::HmacSha1 => Kind::Sha1(Hmac::new_from_slice(&bytes).map_err(hmac)?),
            Algorithm::HmacSha256 => Kind::Sha256(Hmac::new_from_slice(&bytes).map_err(hmac)?),
            Algorithm::HmacSha512 => Kind::Sha512(Hmac::new_from_slice(&bytes).map_err(hmac)?),
            Algorithm::Token => Kind::Token(Sha256::digest(&bytes).into()),
            #[cfg(feature = "asymmetric")]
            Algorithm::EcdsaP256 | Algorithm::Ed25519 => {
                Kind::Public(crate::asymmetric::Public::new(&bytes, algorithm).map_err(refuse)?)
            }
            #[cfg(not(feature = "asymmetric"))]
            Algorithm::EcdsaP256 | Algorithm::Ed25519 => {
                return Err(refuse(
                    "this binary was built without public keys (the feature `asymmetric`)".into(),
                ));
            }
        };
        Ok(Self(kind))
    }

    /// Whether one of the claims is a signature over the concatenated parts.
    pub(crate) fn accepts(&self, parts: &[Cow<'_, [u8]>], claims: &[Vec<u8>]) -> bool {
        match &self.0 {
            Kind::Token(token) => claims
                .iter()
                .any(|claim| Sha256::digest(claim).ct_eq(token).into()),
            #[cfg(feature = "asymmetric")]
            Kind::Public(key) => {
                let message = parts.concat();
                claims.iter().any(|claim| key.accepts(&message, claim))
            }
            _ => {
                let digest = self.digest(parts.iter().map(AsRef::as_ref));
                claims.iter().any(|claim| digest.ct_eq(claim).into())
            }
        }
    }

    /// The digest of the concatenated parts; empty for what is no keyed hash.
    pub(crate) fn digest<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        fn all<'a, M: Mac + Clone>(mac: &M, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
            let mut mac = mac.clone();
            parts.for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }
        match &self.0 {
            Kind::Sha1(mac) => all(mac, parts),
            Kind::Sha256(mac) => all(mac, parts),
            Kind::Sha512(mac) => all(mac, parts),
            _ => Vec::new(),
        }
    }
}

impl KeyFormat<'_> {
    /// The bytes of a secret.
    pub(crate) fn read(self, secret: &Secret) -> Result<Cow<'_, [u8]>, Error> {
        let text = secret.expose();
        if text.is_empty() {
            return Err(refuse("a secret must not be empty".into()));
        }
        let (bytes, (least, most)) = match self {
            KeyFormat::Text => return Ok(text.as_bytes().into()),
            KeyFormat::Base64 { prefix, bytes } => {
                let encoded = text.strip_prefix(prefix).unwrap_or(text);
                let decoded = Encoding::Base64.decode(encoded).ok_or_else(|| {
                    let tag = match prefix {
                        "" => String::new(),
                        prefix => format!("`{prefix}` and "),
                    };
                    refuse(format!(
                        "a secret must be {tag}standard base64, as the sender shows it"
                    ))
                })?;
                (decoded, bytes)
            }
            KeyFormat::Hex { bytes } => {
                let decoded = hex(text.as_bytes()).ok_or_else(|| {
                    refuse("a secret must be hexadecimal, as the sender shows it".into())
                })?;
                (decoded, bytes)
            }
        };
        if !(least..=most).contains(&bytes.len()) {
            let range = match least == most {
                true => least.to_string(),
                false => format!("{least} to {most}"),
            };
            return Err(refuse(format!(
                "a secret must hold {range} bytes, this one holds {}",
                bytes.len()
            )));
        }
        Ok(bytes.into())
    }
}

#[cfg(feature = "asymmetric")]
impl KeyFormat<'_> {
    /// The private key, written as its public one is.
    pub(crate) fn private(self) -> Self {
        let bytes = (32, 256);
        match self {
            KeyFormat::Text => self,
            KeyFormat::Base64 {
                prefix: "whpk_", ..
            } => KeyFormat::Base64 {
                prefix: "whsk_",
                bytes,
            },
            KeyFormat::Base64 { prefix, .. } => KeyFormat::Base64 { prefix, bytes },
            KeyFormat::Hex { .. } => KeyFormat::Hex { bytes },
        }
    }
}

impl Algorithm {
    /// How many bytes a signature has; a token has as many as it has.
    pub(crate) fn bytes(self) -> RangeInclusive<usize> {
        match self {
            Algorithm::HmacSha1 => 20..=20,
            Algorithm::HmacSha256 => 32..=32,
            Algorithm::HmacSha512 | Algorithm::Ed25519 => 64..=64,
            Algorithm::EcdsaP256 => 8..=72,
            Algorithm::Token => 1..=usize::MAX,
        }
    }
}

pub(crate) fn refuse(reason: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "read secret", reason)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}
