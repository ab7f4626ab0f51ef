//! The one engine behind every scheme.

use crate::{Encoding, Headers, Key, Piece, Scheme};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;
use tradewind_adapter::{Error, ErrorKind, Refusal, Secret};

/// Most secrets that one source may have; each costs one pass over the body.
pub const SECRETS_MAX: usize = 8;
/// Most signatures that are looked at in one header.
pub const SIGNATURES_MAX: usize = 16;
/// Longest header value that is looked at, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 4096;

/// Verifies requests of one source. Pure but for its configuration.
#[derive(Debug, Clone)]
pub struct Verifier {
    scheme: &'static Scheme,
    keys: Vec<Key>,
    tolerance: Duration,
}

/// What a valid signature shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof<'a> {
    /// The signed message id, where the scheme has one.
    pub id: Option<&'a str>,
    /// The signed timestamp, where the scheme has one: seconds since the Unix epoch.
    pub timestamp: Option<u64>,
    /// Which of the configured secrets fitted, counted from 0.
    pub secret: usize,
}

impl Proof<'_> {
    /// For [`tradewind_adapter::Verified::method`]. The first secret is the current one; seeing
    /// the second text no more means that a rotation is over.
    pub fn method(&self) -> &'static str {
        match self.secret {
            0 => "signature",
            _ => "signature by an older secret",
        }
    }
}

impl Verifier {
    /// A verifier that accepts any of these secrets (at least one, at most [`SECRETS_MAX`]).
    pub fn new(scheme: &'static Scheme, secrets: &[Secret]) -> Result<Self, Error> {
        let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "read secrets", reason);
        if secrets.is_empty() {
            return Err(refuse(
                "`secrets` must name at least one secret: without it nobody can be verified".into(),
            ));
        }
        if secrets.len() > SECRETS_MAX {
            return Err(refuse(format!(
                "`secrets` names {}, at most {SECRETS_MAX} are allowed",
                secrets.len()
            )));
        }
        let keys = secrets
            .iter()
            .enumerate()
            .map(|(i, secret)| {
                Key::new(secret, scheme.key)
                    .map_err(|e| refuse(format!("`secrets[{i}]`: {}", e.message())))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            scheme,
            keys,
            tolerance: scheme.tolerance,
        })
    }

    /// Another tolerance for signed timestamps than the scheme's.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Whether one of the secrets signed these headers and this body. The body must be bounded
    /// before, and be the bytes as received.
    pub fn verify<'a>(
        &self,
        headers: &'a HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Proof<'a>, Refusal> {
        self.check(headers, body, now)
            .map_err(|reason| refusal(self.scheme.name, &reason))
    }

    /// The message id in the set of headers that counts, unverified: for use after
    /// [`Verifier::verify`] has passed.
    pub fn message_id<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let names = self.names(headers).ok()?;
        message_id(headers, names.id?).ok()
    }

    fn check<'a>(
        &self,
        headers: &'a HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Proof<'a>, String> {
        let names = self.names(headers)?;
        let signatures = single(headers, names.signature)?;
        let id = names.id.map(|name| message_id(headers, name)).transpose()?;
        let timestamp = names
            .timestamp
            .map(|name| self.timestamp(headers, name, now))
            .transpose()?;
        let claimed = self.claimed(signatures)?;

        let part = |piece: &Piece| match *piece {
            Piece::Text(text) => text.as_bytes(),
            Piece::Id => id.unwrap_or_default().as_bytes(),
            Piece::Timestamp => timestamp.map_or("", |(text, _)| text).as_bytes(),
            Piece::Body => body,
        };
        for (secret, key) in self.keys.iter().enumerate() {
            let digest = key.digest(self.scheme.signed.iter().map(part));
            if claimed.iter().any(|c| bool::from(digest.ct_eq(c))) {
                return Ok(Proof {
                    id,
                    timestamp: timestamp.map(|(_, seconds)| seconds),
                    secret,
                });
            }
        }
        Err(format!(
            "none of the {} configured secrets made the signature",
            self.keys.len()
        ))
    }

    fn names(&self, headers: &HeaderMap) -> Result<&'static Headers, String> {
        self.scheme
            .headers
            .iter()
            .find(|names| headers.contains_key(names.signature))
            .ok_or_else(|| {
                let known: Vec<&str> = self.scheme.headers.iter().map(|n| n.signature).collect();
                format!("the header `{}` is missing", known.join("` or `"))
            })
    }

    /// The well-formed digests of the header; at least one.
    fn claimed(&self, text: &str) -> Result<Vec<[u8; 32]>, String> {
        let decode = |entry: &str| self.scheme.encoding.decode(entry, self.scheme.prefix);
        let claimed: Vec<[u8; 32]> = match self.scheme.separator {
            None => decode(text).into_iter().collect(),
            Some(separator) => {
                if text.split(separator).nth(SIGNATURES_MAX).is_some() {
                    return Err(format!("more than {SIGNATURES_MAX} signatures"));
                }
                text.split(separator).filter_map(decode).collect()
            }
        };
        if claimed.is_empty() {
            return Err(format!(
                "no signature of the form `{}` and 32 bytes in {}",
                self.scheme.prefix, self.scheme.encoding
            ));
        }
        Ok(claimed)
    }

    fn timestamp<'a>(
        &self,
        headers: &'a HeaderMap,
        name: &str,
        now: SystemTime,
    ) -> Result<(&'a str, u64), String> {
        let text = single(headers, name)?;
        let seconds = Some(text)
            .filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|t| t.parse::<u64>().ok())
            .ok_or_else(|| format!("the header `{name}` is not a number of seconds"))?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let allowed = self.tolerance.as_secs();
        if now.abs_diff(seconds) > allowed {
            let direction = if now > seconds { "old" } else { "ahead" };
            return Err(format!(
                "the timestamp is {} s {direction}, allowed are {allowed} s",
                now.abs_diff(seconds)
            ));
        }
        Ok((text, seconds))
    }
}

impl Encoding {
    fn decode(self, entry: &str, prefix: &str) -> Option<[u8; 32]> {
        let text = entry.strip_prefix(prefix)?.as_bytes();
        match self {
            Encoding::Hex => decode_hex(text),
            Encoding::Base64 => {
                // 44 characters hold 32 or 33 bytes; the length of what came out decides.
                let mut out = [0; 33];
                let length = (text.len() == 44)
                    .then(|| STANDARD.decode_slice(text, &mut out).ok())
                    .flatten()?;
                (length == 32).then(|| out.first_chunk().copied()).flatten()
            }
        }
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Encoding::Hex => "hexadecimal",
            Encoding::Base64 => "base64",
        })
    }
}

fn decode_hex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// The one value of a header. Two would let whoever comes between choose the one we look at.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, String> {
    let mut values = headers.get_all(name).iter();
    let value = values
        .next()
        .ok_or_else(|| format!("the header `{name}` is missing"))?;
    if values.next().is_some() {
        return Err(format!("the header `{name}` is repeated"));
    }
    if value.len() > SIGNATURE_BYTES_MAX {
        return Err(format!(
            "the header `{name}` is longer than {SIGNATURE_BYTES_MAX} bytes"
        ));
    }
    value
        .to_str()
        .map_err(|_| format!("the header `{name}` holds more than visible ASCII"))
}

/// A dot in the id would let bytes move between the id and what follows it.
fn message_id<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, String> {
    let id = single(headers, name)?;
    if id.is_empty() || id.contains('.') {
        return Err(format!("the header `{name}` is empty or contains a dot"));
    }
    Ok(id)
}

/// One answer for every reason: the sender learns nothing from it.
fn refusal(scheme: &str, reason: &str) -> Refusal {
    Refusal {
        status: StatusCode::UNAUTHORIZED,
        code: "unauthenticated",
        reason: format!("{scheme} signature: {reason}"),
        detail: None,
    }
}
