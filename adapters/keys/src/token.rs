//! Tokens (JWT) as they are judged: RFC 8725.

use crate::key_set::KeySet;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Cause, Refusal};

/// Longest token, in bytes.
pub const TOKEN_MAX: usize = 8 << 10;
/// What a token may be signed by: public keys only. There is no `none`, and no secret that a public key
/// could be taken for.
pub const ALGORITHMS: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(60);

/// What a verified token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Whether a claim is there and `true`.
    pub fn is_true(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    /// All of them.
    pub fn all(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// The name of the key that a token says it is by.
pub(crate) struct Head {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Option<String>,
}

/// Reads no more of a token than what says which key to ask. Addresses and keys that it names itself
/// (`jku`, `x5u`, `jwk`) are never looked at.
pub(crate) fn head(token: &str, algorithms: &[Algorithm]) -> Result<Head, Refusal> {
    if token.len() > TOKEN_MAX {
        return Err(malformed(format!(
            "the token is longer than {TOKEN_MAX} bytes"
        )));
    }
    let header = decode_header(token).map_err(|e| malformed(format!("no token: {e}")))?;
    if !algorithms.contains(&header.alg) {
        return Err(malformed(format!(
            "the algorithm {:?} is not taken",
            header.alg
        )));
    }
    if header.crit.is_some() {
        return Err(malformed("the token has critical extensions".into()));
    }
    Ok(Head {
        algorithm: header.alg,
        key: header.kid,
    })
}

/// Judges a token by keys that are here.
pub(crate) fn judge(
    token: &str,
    head: &Head,
    keys: &KeySet,
    issuer: &dyn Fn(&str) -> bool,
    audiences: &[String],
    now: SystemTime,
) -> Result<Claims, Refusal> {
    let refuse = |cause, reason: &str| Refusal::unverified(cause, reason);
    if !keys.is_usable() {
        return Err(refuse(
            Cause::Unavailable,
            "the keys of the issuer are not here",
        ));
    }
    // Times are judged here, by the clock that is injected.
    let mut validation = Validation::new(head.algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let mut known = false;
    let mut claims = None;
    for key in keys.candidates(head.key.as_deref(), head.algorithm) {
        known = true;
        if let Ok(data) = decode::<Map<String, Value>>(token, &key.key, &validation) {
            claims = Some(data.claims);
            break;
        }
    }
    let claims = claims.ok_or_else(|| match known {
        true => refuse(
            Cause::Mismatch,
            "the key did not make the signature of the token",
        ),
        false => refuse(
            Cause::UnknownKey,
            "the issuer has no such key for this algorithm",
        ),
    })?;
    let found = claims.get("iss").and_then(Value::as_str);
    if !found.is_some_and(issuer) {
        let reason = format!("`iss` is `{}`", found.unwrap_or_default());
        return Err(refuse(Cause::WrongTenant, &reason));
    }
    if !is_for(&claims, audiences) {
        return Err(refuse(Cause::WrongTenant, "`aud` is none of ours"));
    }
    times(&claims, now)?;
    Ok(Claims(claims))
}

fn is_for(claims: &Map<String, Value>, audiences: &[String]) -> bool {
    let ours = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| audiences.iter().any(|audience| audience == text))
    };
    match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    }
}

fn times(claims: &Map<String, Value>, now: SystemTime) -> Result<(), Refusal> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as f64;
    let leeway = LEEWAY.as_secs() as f64;
    let number = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) => Ok(Some(number)),
            None => Err(malformed(format!("`{name}` is no time"))),
        },
    };
    let stale = |reason: String| Refusal::unverified(Cause::Stale, reason);
    match number("exp")? {
        None => return Err(malformed("`exp` is missing".into())),
        Some(end) if end + leeway <= now => {
            return Err(stale(format!("the token expired {} s ago", now - end)));
        }
        Some(_) => {}
    }
    for name in ["nbf", "iat"] {
        if number(name)?.is_some_and(|from| from > now + leeway) {
            return Err(stale(format!("`{name}` lies in the future")));
        }
    }
    Ok(())
}

fn malformed(reason: String) -> Refusal {
    Refusal::unverified(Cause::Malformed, reason)
}
