//! The one engine behind every scheme.

use crate::content::{Content, single, value};
use crate::fault::{Because, Fault};
use crate::plan::{Clock, Part, Plan, Set};
use crate::{Algorithm, Key, Scheme, url};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Cause, Error, ErrorKind, Parts, Refusal, Secret};

/// Most secrets that one source may have; each costs one pass over the body.
pub const SECRETS_MAX: usize = 8;
/// Most signatures that are looked at in one header.
pub const SIGNATURES_MAX: usize = 16;
/// Longest header value that is looked at, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 4096;

/// Verifies requests of one source. Pure but for its configuration.
#[derive(Debug, Clone)]
pub struct Verifier {
    plan: Plan,
    keys: Vec<Key>,
    tolerance: Duration,
    /// At least one; an empty one where none is signed.
    urls: Vec<String>,
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
    /// What was shown.
    pub algorithm: Algorithm,
}

impl Proof<'_> {
    /// For [`tradewind_adapter::Verified::method`]. The first secret is the current one; seeing
    /// the second text no more means that a rotation is over.
    pub fn method(&self) -> &'static str {
        match (self.algorithm, self.secret) {
            (Algorithm::Token, 0) => "token",
            (Algorithm::Token, _) => "an older token",
            (_, 0) => "signature",
            (_, _) => "signature by an older secret",
        }
    }
}

impl Verifier {
    /// A verifier that accepts any of these secrets (at least one, at most [`SECRETS_MAX`]).
    ///
    /// # Errors
    /// Where a secret is malformed or the scheme contradicts itself.
    pub fn new(scheme: &Scheme<'_>, secrets: &[Secret]) -> Result<Self, Error> {
        Self::at(scheme, secrets, None)
    }

    /// The same, for a scheme that signs the address that the sender was given.
    ///
    /// # Errors
    /// As [`Verifier::new`], and where the address is missing, superfluous or none.
    pub fn at(
        scheme: &Scheme<'_>,
        secrets: &[Secret],
        public_url: Option<&str>,
    ) -> Result<Self, Error> {
        let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "read secrets", reason);
        let plan = Plan::new(scheme).map_err(refuse)?;
        let urls = match (public_url, plan.needs_url()) {
            (None, false) => vec![String::new()],
            (Some(url), true) => {
                url::variants(url).map_err(|e| refuse(format!("`public-url`: {e}")))?
            }
            (None, true) => {
                return Err(refuse(
                    "`public-url` is missing: the sender signs the address that it was given"
                        .into(),
                ));
            }
            (Some(_), false) => {
                return Err(refuse(
                    "`public-url` has no use here: the sender signs no address".into(),
                ));
            }
        };
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
                Key::new(secret, scheme.key, scheme.algorithm)
                    .map_err(|e| refuse(format!("`secrets[{i}]`: {}", e.message())))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            plan,
            keys,
            tolerance: scheme.tolerance,
            urls,
        })
    }

    /// Another tolerance for signed timestamps than the scheme's.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// How far a signed timestamp may lie off; `None` where none is signed.
    pub fn window(&self) -> Option<Duration> {
        let signed = self.plan.places.iter().any(|set| set.timestamp.is_some());
        signed.then_some(self.tolerance)
    }

    /// Whether one of the secrets signed this head and this body. The body must be bounded before, and
    /// be the bytes as received.
    ///
    /// # Errors
    /// One and the same for the sender, whatever was wrong; the reason is for the log.
    pub fn verify<'a>(
        &self,
        parts: &'a Parts,
        body: &'a [u8],
        now: SystemTime,
    ) -> Result<Proof<'a>, Refusal> {
        self.check(parts, body, now)
            .map_err(|fault| fault.of(&self.plan.name))
    }

    /// The message id in the set of headers that counts, unverified: for use after
    /// [`Verifier::verify`] has passed.
    pub fn message_id<'a>(&self, parts: &'a Parts) -> Option<&'a str> {
        let end = self.plan.signed.iter().find_map(|part| match part {
            Part::Id(end) => Some(end.as_str()),
            _ => None,
        })?;
        value(parts, self.set(parts).ok()?.id.as_ref()?, end).ok()
    }

    /// The digest of a text that a sender wants to see, by the current secret; empty where the scheme
    /// has none. Whoever may choose the text has a signature over it.
    pub fn respond(&self, text: &[u8]) -> String {
        let digest = |key: &Key| key.digest([text].into_iter());
        let digest = self.keys.first().map(digest).unwrap_or_default();
        self.plan.encoding.encode(&digest)
    }

    fn check<'a>(
        &self,
        parts: &'a Parts,
        body: &'a [u8],
        now: SystemTime,
    ) -> Result<Proof<'a>, Fault> {
        let set = self.set(parts)?;
        let signature = set.signature.value(parts)?;
        let entries = self.entries(&signature)?;
        let timestamp = set
            .timestamp
            .as_ref()
            .map(|clock| self.timestamp(parts, clock, &entries, now))
            .transpose()?;
        let claims = self.claims(&entries)?;
        let content = Content::new(&self.plan, set, parts, body)?;
        let text = timestamp.as_ref().map_or("", |(text, _)| text);
        for url in &self.urls {
            let pieces = content.pieces(&self.plan, text, url);
            if let Some(secret) = self.keys.iter().position(|k| k.accepts(&pieces, &claims)) {
                return Ok(Proof {
                    id: content.id,
                    timestamp: timestamp.as_ref().map(|(_, seconds)| *seconds),
                    secret,
                    algorithm: self.plan.algorithm,
                });
            }
        }
        Err(Cause::Mismatch.because(format!(
            "none of the {} configured secrets made the signature",
            self.keys.len()
        )))
    }

    fn set(&self, parts: &Parts) -> Result<&Set, Fault> {
        let mut sets = self.plan.places.iter();
        sets.find(|set| set.signature.is_in(parts)).ok_or_else(|| {
            let known = self.plan.places.iter().map(|set| set.signature.to_string());
            let known = known.collect::<Vec<_>>().join(" or ");
            Cause::Missing.because(format!("{known} is missing"))
        })
    }

    /// What stands in the header, between its separators.
    fn entries<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, String> {
        let Some(separator) = self.plan.separator else {
            return Ok(vec![text]);
        };
        if text.split(separator).nth(SIGNATURES_MAX).is_some() {
            return Err(format!("more than {SIGNATURES_MAX} signatures"));
        }
        Ok(text.split(separator).collect())
    }

    /// The well-formed signatures; at least one.
    fn claims(&self, entries: &[&str]) -> Result<Vec<Vec<u8>>, String> {
        let length = self.plan.algorithm.bytes();
        let claim = |entry: &&str| {
            let text = entry.strip_prefix(&*self.plan.prefix)?;
            let bytes = match self.plan.algorithm {
                Algorithm::Token => text.as_bytes().to_vec(),
                _ => self.plan.encoding.decode(text)?,
            };
            Some(bytes).filter(|bytes| length.contains(&bytes.len()))
        };
        let claims: Vec<Vec<u8>> = entries.iter().filter_map(claim).collect();
        if !claims.is_empty() {
            return Ok(claims);
        }
        let (prefix, encoding) = (&self.plan.prefix, self.plan.encoding);
        Err(match self.plan.algorithm {
            Algorithm::Token => format!("no token behind `{prefix}`"),
            _ => format!(
                "no signature of the form `{prefix}` and {} bytes in {encoding}",
                match length.start() == length.end() {
                    true => length.start().to_string(),
                    false => format!("{} to {}", length.start(), length.end()),
                }
            ),
        })
    }

    /// As it was written, which is what is signed, and as a number.
    fn timestamp(
        &self,
        parts: &Parts,
        clock: &Clock,
        entries: &[&str],
        now: SystemTime,
    ) -> Result<(String, u64), Fault> {
        let (text, place) = match clock {
            Clock::Header(name) => (single(parts, name)?, format!("the header `{name}`")),
            Clock::Part(tag) => {
                let mut found = entries
                    .iter()
                    .filter_map(|entry| entry.strip_prefix(&**tag));
                match (found.next(), found.next()) {
                    (Some(text), None) => (text, format!("`{tag}`")),
                    (None, _) => return Err(Cause::Missing.because(format!("`{tag}` is missing"))),
                    _ => return Err(format!("`{tag}` is repeated").into()),
                }
            }
        };
        let fixed = |part: &Part| matches!(part, Part::Timestamp(true));
        if text.len() != 10 && self.plan.signed.iter().any(fixed) {
            return Err(format!("{place} has not ten digits").into());
        }
        let seconds = Some(text)
            .filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|t| t.parse::<u64>().ok())
            .ok_or_else(|| format!("{place} is not a number of seconds"))?;
        fresh(seconds, now, self.tolerance)?;
        Ok((text.to_owned(), seconds))
    }
}

/// Whether a signed time, in seconds since the Unix epoch, is near enough.
pub(crate) fn fresh(seconds: u64, now: SystemTime, tolerance: Duration) -> Result<(), Fault> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let allowed = tolerance.as_secs();
    if now.abs_diff(seconds) > allowed {
        let direction = if now > seconds { "old" } else { "ahead" };
        return Err(Cause::Stale.because(format!(
            "the timestamp is {} s {direction}, allowed are {allowed} s",
            now.abs_diff(seconds)
        )));
    }
    Ok(())
}
