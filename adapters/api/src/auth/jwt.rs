//! Tokens (JWT) of an issuer: what is configured, and what they must say.

use crate::{Cause, Error, ErrorKind, Pending, Refusal};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Tokens (JWT, RFC 7519) that are believed, judged by RFC 8725: `iss`, `aud`, `exp`, `nbf` and `iat`, clocks
/// being apart by at most 60 seconds. The principal is `jwt:<iss>#<sub>`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Jwt {
    /// The issuer, as it stands in `iss`: an `https` URL. Since 0.1.
    pub issuer: String,
    /// What `aud` must be or hold: one text, or a list of which one will do. Since 0.1.
    pub audience: Texts,
    /// Algorithms that are taken, of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA.
    /// `none` and secrets (HS256) never are. Default: all of these. Since 0.1.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Where the keys of the issuer lie (JWKS), an `https` URL. Default: where the issuer's
    /// `/.well-known/openid-configuration` says. Since 0.1.
    #[serde(default)]
    pub keys_url: Option<String>,
    /// Claims that a token must have, each with the value, or a list of values of which one will do. A claim
    /// that is a list must hold one of them; `scope` and `scp` are read as words. Default: none. Since 0.1.
    #[serde(default)]
    pub claims: BTreeMap<String, Texts>,
    /// PEM file with the certificate authorities to trust for the issuer instead of the system's. Since 0.1.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Private, loopback or otherwise special addresses at which the issuer may be, as CIDR. Default: none.
    /// Since 0.1.
    #[serde(default)]
    pub allow_private: Vec<String>,
}

/// One text, or several of which any will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Texts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a list of texts")
            }
            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, all: A) -> Result<Texts, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(all)).map(Texts)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One text, or a list of which one will do.",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}

/// Judges the tokens of one issuer.
///
/// # Contract
/// - No I/O but in what [`Tokens::missing`] gives; bounded whatever strangers send.
/// - No address that a token names is ever asked, and no algorithm taken because a token says so.
pub trait Tokens: Send + Sync + fmt::Debug {
    /// What has to be waited for before `verify` can judge this token.
    fn missing<'a>(&'a self, token: &str) -> Option<Pending<'a>>;
    /// Its claims; signature, issuer, audience and times are right.
    ///
    /// # Errors
    /// Where it is none of this issuer's for us, now.
    fn verify(
        &self,
        token: &str,
        audiences: &[String],
        now: SystemTime,
    ) -> Result<Map<String, Value>, Refusal>;
}

/// Issuers by their settings; who asks twice for one shares its keys, over reloads too.
pub trait Issuers: Send + Sync + fmt::Debug {
    /// The one with these settings.
    ///
    /// # Errors
    /// Where the settings cannot work, with a hint.
    fn issuer(&self, settings: &Jwt) -> Result<Arc<dyn Tokens>, Error>;
}

/// Tokens as one source takes them.
#[derive(Debug)]
pub(super) struct Holders {
    tokens: Arc<dyn Tokens>,
    issuer: String,
    audiences: Vec<String>,
    claims: BTreeMap<String, Texts>,
}

impl Holders {
    pub(super) fn new(settings: &Jwt, issuers: Option<&Arc<dyn Issuers>>) -> Result<Self, Error> {
        let invalid = |message: &str| Error::new(ErrorKind::ConfigInvalid, "auth", message);
        let issuers = issuers.ok_or_else(|| {
            invalid("`auth.jwt` needs keys that are fetched, and this binary fetches none (hint: build it with the feature `http`)")
        })?;
        if !settings.issuer.starts_with("https://") {
            return Err(invalid(
                "`auth.jwt.issuer` is no https:// URL (hint: write what stands in `iss` of its tokens)",
            ));
        }
        let empty = |texts: &Texts| texts.0.is_empty() || texts.0.iter().any(String::is_empty);
        if empty(&settings.audience) {
            return Err(invalid(
                "`auth.jwt.audience` is empty: tokens for anybody would do (hint: write what the issuer puts into `aud` for this gateway)",
            ));
        }
        if let Some((name, _)) = settings.claims.iter().find(|(_, texts)| empty(texts)) {
            let message =
                format!("`auth.jwt.claims.{name}` names no value, so that no token would do");
            return Err(invalid(&message));
        }
        Ok(Self {
            tokens: issuers.issuer(settings)?,
            issuer: settings.issuer.clone(),
            audiences: settings.audience.0.clone(),
            claims: settings.claims.clone(),
        })
    }

    pub(super) fn missing<'a>(&'a self, token: &str) -> Option<Pending<'a>> {
        self.tokens.missing(token)
    }

    /// The principal.
    pub(super) fn verify(&self, token: &str, now: SystemTime) -> Result<String, Refusal> {
        let claims = self.tokens.verify(token, &self.audiences, now)?;
        for (name, wanted) in &self.claims {
            if !has(name, claims.get(name), &wanted.0) {
                let reason = format!("the claim `{name}` is not what is asked for");
                return Err(Refusal::unverified(Cause::WrongTenant, reason));
            }
        }
        let subject = claims.get("sub").and_then(Value::as_str);
        match subject.filter(|subject| !subject.is_empty()) {
            Some(subject) => Ok(format!("jwt:{}#{subject}", self.issuer)),
            None => Err(Refusal::unverified(Cause::Malformed, "`sub` is missing")),
        }
    }
}

fn has(name: &str, claim: Option<&Value>, wanted: &[String]) -> bool {
    let is = |text: &str| wanted.iter().any(|wanted| wanted == text);
    match claim {
        Some(Value::String(words)) if matches!(name, "scope" | "scp") => words.split(' ').any(is),
        Some(Value::String(text)) => is(text),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).any(is),
        Some(Value::Bool(set)) => is(if *set { "true" } else { "false" }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims() {
        for (name, claim, holds) in [
            ("scope", json!("read write"), true),
            ("scope", json!("read writer"), false),
            ("scp", json!("write"), true),
            ("role", json!("write"), true),
            ("role", json!("read write"), false),
            ("groups", json!(["read", "write"]), true),
            ("groups", json!(["read", ["write"]]), false),
            ("groups", json!([]), false),
            ("groups", json!({ "write": true }), false),
            ("verified", json!(true), true),
            ("verified", json!(false), false),
            ("n", json!(1), false),
            ("n", json!(null), false),
        ] {
            let wanted = ["write".to_owned(), "true".to_owned()];
            assert_eq!(has(name, Some(&claim), &wanted), holds, "{name}: {claim}");
            assert!(!has(name, None, &wanted));
        }
    }
}
