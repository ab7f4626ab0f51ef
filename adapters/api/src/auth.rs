//! Who calls: holders of API keys, or anybody. One mechanism for sources and routes.

pub mod api_key;

use crate::{Build, Cause, Error, ErrorKind, Refusal, Verified};
use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// Holders of these API keys. Since 0.1.
    ApiKeys(Vec<String>),
    /// Anybody who reaches the listener. The name is long on purpose. Since 0.1.
    NoneIUnderstand,
}

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How the callers of one source or route are told from strangers.
pub struct Callers(Known);

enum Known {
    /// Hashes by key id.
    Keys(BTreeMap<String, [u8; 32]>),
    Anybody,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Known::Keys(keys) => f.debug_set().entries(keys.keys()).finish(),
            Known::Anybody => f.write_str("anybody"),
        }
    }
}

impl Callers {
    /// Those that `auth` names.
    ///
    /// # Errors
    /// Where nothing is said, or no key, or one that is not configured.
    pub fn new(auth: Option<&Auth>, build: &Build) -> Result<Self, Error> {
        match auth {
            None => Err(invalid(
                "`auth` is missing: nothing is accepted unauthenticated by accident (hint: \
                 `auth: { api-keys: [name] }`, or `auth: none-i-understand`)",
            )),
            Some(Auth::NoneIUnderstand) => Ok(Self(Known::Anybody)),
            Some(Auth::ApiKeys(ids)) if ids.is_empty() => Err(invalid(
                "`auth.api-keys` names no key (hint: `auth: { api-keys: [name] }`)",
            )),
            Some(Auth::ApiKeys(ids)) => ids
                .iter()
                .map(|id| Ok((id.clone(), hash(id, build)?)))
                .collect::<Result<_, _>>()
                .map(|keys| Self(Known::Keys(keys))),
        }
    }

    /// Who sent this? One answer for every failure, and the same work whether the id exists.
    ///
    /// # Errors
    /// 401 unless the request bears exactly one key, and it is one of those that may call.
    pub fn verify(&self, headers: &HeaderMap) -> Result<Verified, Refusal> {
        let keys = match &self.0 {
            Known::Keys(keys) => keys,
            Known::Anybody => {
                return Ok(Verified {
                    principal: "anonymous".into(),
                    method: "none",
                    dedupe_window: None,
                    secret: None,
                });
            }
        };
        let key = presented(headers)?;
        let malformed = || refused(Cause::Malformed, "the API key is malformed");
        let id = api_key::id_of(key).ok_or_else(malformed)?;
        let expected = keys.get(id).unwrap_or(&[0; 32]);
        // The all-zero hash stands for an unknown id; no key is known to have it.
        if !api_key::matches(key, expected) {
            return Err(refused(Cause::Mismatch, "no such API key"));
        }
        Ok(Verified {
            principal: format!("api-key:{id}"),
            method: "api key",
            dedupe_window: None,
            secret: None,
        })
    }
}

/// The one key of a request: `authorization: Bearer <key>` or `x-api-key: <key>`.
fn presented(headers: &HeaderMap) -> Result<&str, Refusal> {
    let bearer = headers.get_all(AUTHORIZATION).iter().map(bearer);
    let plain = headers.get_all(API_KEY).iter().map(text);
    let mut all = bearer.chain(plain);
    match (all.next(), all.next()) {
        (None, _) => Err(refused(Cause::Missing, "there is no API key")),
        (Some(_), Some(_)) => Err(refused(
            Cause::Malformed,
            "there is more than one credential",
        )),
        (Some(one), None) => {
            one.ok_or_else(|| refused(Cause::Malformed, "the credential is no API key"))
        }
    }
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, key) = text(value)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key)
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

fn hash(id: &str, build: &Build) -> Result<[u8; 32], Error> {
    let configured = build.api_keys.get(id).ok_or_else(|| {
        let known: Vec<&str> = build.api_keys.keys().map(String::as_str).collect();
        invalid(format!(
            "there is no API key `{id}` (there are: {})",
            known.join(", ")
        ))
    })?;
    api_key::parse_hash(configured).ok_or_else(|| {
        invalid(format!(
            "the API key `{id}` is not configured as 64 hex digits, the SHA-256 of the key"
        ))
    })
}

fn refused(cause: Cause, reason: &str) -> Refusal {
    Refusal::unverified(cause, reason)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "auth", message)
}
