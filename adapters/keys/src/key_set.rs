//! The keys of an issuer (JWKS, RFC 7517), as they were at the last fetch.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// Between two fetches, whatever tokens ask for.
pub const COOL_DOWN: Duration = Duration::from_secs(20);
/// How much longer keys count while no newer ones can be fetched.
pub const STALE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Longest document, in bytes.
pub(crate) const BYTES_MAX: usize = 1 << 20;

/// Most keys of one set.
const KEYS_MAX: usize = 100;
const FRESH: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(24 * 3600));
const FRESH_BY_DEFAULT: Duration = Duration::from_secs(3600);

/// One key, bound to its algorithm.
pub(crate) struct Key {
    id: Option<String>,
    /// As its document says; else what the form of the key allows.
    algorithm: Option<Algorithm>,
    pub(crate) key: DecodingKey,
}

/// Keys, and how old they are.
#[derive(Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    fetched: Option<Instant>,
    fresh: Duration,
    tried: Option<Instant>,
}

impl KeySet {
    /// Whether the keys should be fetched for a token that names this one.
    pub(crate) fn is_due(&self, id: Option<&str>) -> bool {
        let rested = self.tried.is_none_or(|at| at.elapsed() >= COOL_DOWN);
        rested && !(self.is_fresh() && self.has(id))
    }

    /// Whether a token that names this key can be judged by what is here.
    pub(crate) fn has(&self, id: Option<&str>) -> bool {
        self.is_usable() && is_named(&self.keys, id)
    }

    fn is_fresh(&self) -> bool {
        self.fetched.is_some_and(|at| at.elapsed() < self.fresh)
    }

    /// Whether there are keys that count.
    pub(crate) fn is_usable(&self) -> bool {
        // Behind their freshness, which may be as long: an outage must not end what is due at once.
        let end = self.fresh + STALE_MAX;
        self.fetched.is_some_and(|at| at.elapsed() < end)
    }

    /// A fetch begins.
    pub(crate) fn tried(&mut self) {
        self.tried = Some(Instant::now());
    }

    /// Takes the place of the keys before.
    pub(crate) fn replace(&mut self, keys: Vec<Key>, fresh: Option<Duration>) {
        self.keys = keys;
        self.fetched = Some(Instant::now());
        self.fresh = fresh.unwrap_or(FRESH_BY_DEFAULT).clamp(FRESH.0, FRESH.1);
    }

    /// The keys that may have signed a token with this name and algorithm.
    pub(crate) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Key> {
        self.named(id).filter(move |key| {
            let bound = key.algorithm.is_none_or(|bound| bound == algorithm);
            bound && key.key.family() == algorithm.family()
        })
    }

    fn named(&self, id: Option<&str>) -> impl Iterator<Item = &Key> {
        named(&self.keys, id)
    }
}

/// A token without a name is by the only key there is.
fn named<'a>(keys: &'a [Key], id: Option<&str>) -> impl Iterator<Item = &'a Key> {
    let one = keys.len() == 1;
    keys.iter().filter(move |key| match id {
        Some(id) => key.id.as_deref() == Some(id),
        None => one,
    })
}

/// Whether one of these may be the key that a token names.
pub(crate) fn is_named(keys: &[Key], id: Option<&str>) -> bool {
    named(keys, id).next().is_some()
}

/// Reads a key set. Keys of other kinds than signatures need, secret ones and short ones are left out.
pub(crate) fn read(document: &[u8]) -> Result<Vec<Key>, String> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Value>,
    }
    let document: Document =
        serde_json::from_slice(document).map_err(|e| format!("no key set: {e}"))?;
    if document.keys.len() > KEYS_MAX {
        return Err(format!("the key set has more than {KEYS_MAX} keys"));
    }
    let keys: Vec<Key> = document.keys.into_iter().filter_map(key).collect();
    match keys.is_empty() {
        true => Err("the key set has no key for signatures".into()),
        false => Ok(keys),
    }
}

fn key(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let signs = match &jwk.common.public_key_use {
        None | Some(PublicKeyUse::Signature) => true,
        Some(_) => false,
    };
    // A secret key in a public document is none, and one that is short is broken sooner than its token.
    let sound = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => rsa.n.trim_end_matches('=').len() >= 342,
        AlgorithmParameters::EllipticCurve(_) | AlgorithmParameters::OctetKeyPair(_) => true,
        _ => false,
    };
    if !signs || !sound {
        return None;
    }
    let algorithm = match jwk.common.key_algorithm {
        None => None,
        // A key for something else is no key for signatures.
        Some(named) => Some(Algorithm::try_from(named).ok()?),
    };
    Some(Key {
        id: jwk.common.key_id.clone(),
        algorithm,
        key: DecodingKey::from_jwk(&jwk).ok()?,
    })
}
