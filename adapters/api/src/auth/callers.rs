//! How callers are told from strangers.

use super::api_key::{self, Held};
use super::authorizer::Asked;
use super::jwt::Holders;
use super::presented::Presented;
use super::{Auth, Proofs};
use crate::{Build, Cause, Error, ErrorKind, Peer, Pending, Refusal, Verified};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// How the callers of one source or route are told from strangers.
pub struct Callers(Option<Known>);

#[derive(Default)]
struct Known {
    keys: BTreeMap<String, Held>,
    basic: BTreeMap<String, Held>,
    tokens: Option<Holders>,
    certificates: Vec<String>,
    /// Where there is one there is nothing else.
    authorizer: Option<Asked>,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(known) => f
                .debug_struct("Callers")
                .field("keys", &known.keys.keys())
                .field("basic", &known.basic.keys())
                .field("tokens", &known.tokens)
                .field("certificates", &known.certificates)
                .field("authorizer", &known.authorizer)
                .finish(),
            None => f.write_str("anybody"),
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
            Some(Auth::NoneIUnderstand) => Ok(Self(None)),
            Some(Auth::Proofs(proofs)) => Known::new(proofs, build).map(|known| Self(Some(known))),
        }
    }

    /// What has to be waited for before [`Callers::verify`] can judge this request.
    pub fn missing<'a>(&'a self, headers: &HeaderMap) -> Option<Pending<'a>> {
        let known = self.0.as_ref()?;
        if let Some(authorizer) = &known.authorizer {
            return authorizer.missing(headers);
        }
        let tokens = known.tokens.as_ref()?;
        match Presented::of(headers) {
            Ok(Presented::Token(token)) => tokens.missing(token),
            _ => None,
        }
    }

    /// Who sent this? One answer for every failure, and the same work whether a key's id exists.
    ///
    /// # Errors
    /// 401 unless the request bears exactly one credential, and it is of one that may call.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        peer: Option<&Peer>,
        now: SystemTime,
    ) -> Result<Verified, Refusal> {
        let Some(known) = &self.0 else {
            return Ok(Verified::new("anonymous", "none"));
        };
        if let Some(authorizer) = &known.authorizer {
            return authorizer.verify(headers);
        }
        let presented = match (Presented::of(headers), peer) {
            (Err(refusal), Some(peer)) if refusal.cause == Some(Cause::Missing) => {
                return known.holder(peer);
            }
            (presented, _) => presented?,
        };
        match presented {
            Presented::Key(_) if known.keys.is_empty() => {
                Err(malformed("API keys are not taken here"))
            }
            Presented::Key(key) => {
                let id =
                    api_key::id_of(key).ok_or_else(|| malformed("the API key is malformed"))?;
                api_key::verify(&known.keys, id, key, "api key", now)
            }
            Presented::Basic { user, password } => {
                let id = api_key::id_of(&password).filter(|id| *id == user);
                let id = id.ok_or_else(|| malformed("the password is not the user's API key"))?;
                api_key::verify(&known.basic, id, &password, "basic", now)
            }
            Presented::Token(token) => match &known.tokens {
                Some(tokens) => Ok(Verified::new(tokens.verify(token, now)?, "jwt")),
                None => Err(malformed("the credential is no API key")),
            },
        }
    }

    /// Headers of one's own that credentials are shown in, beside those that always are.
    pub fn credentials(&self) -> &[HeaderName] {
        let authorizer = self.0.as_ref().and_then(|known| known.authorizer.as_ref());
        authorizer.map(Asked::credentials).unwrap_or_default()
    }

    /// What to say in `www-authenticate` (RFC 9110, section 11.6.1).
    pub fn challenge(&self) -> Option<HeaderValue> {
        let known = self.0.as_ref()?;
        let bearer = !known.keys.is_empty() || known.tokens.is_some() || known.authorizer.is_some();
        if !bearer && known.basic.is_empty() {
            // Certificates have no scheme.
            return None;
        }
        Some(HeaderValue::from_static(
            match (bearer, known.basic.is_empty()) {
                (true, true) => r#"Bearer realm="tradewind""#,
                (true, false) => {
                    r#"Bearer realm="tradewind", Basic realm="tradewind", charset="UTF-8""#
                }
                (false, _) => r#"Basic realm="tradewind", charset="UTF-8""#,
            },
        ))
    }
}

impl Known {
    /// Who holds this certificate.
    fn holder(&self, peer: &Peer) -> Result<Verified, Refusal> {
        let wanted = |name: &&String| {
            self.certificates
                .iter()
                .any(|known| stands_for(known, name))
        };
        match peer.names.iter().find(wanted) {
            Some(name) => Ok(Verified::new(format!("certificate:{name}"), "certificate")),
            None => Err(Refusal::unverified(
                Cause::WrongTenant,
                "the certificate has none of the names that are asked for",
            )),
        }
    }

    fn new(proofs: &Proofs, build: &Build) -> Result<Self, Error> {
        let held = |key: &str, ids: &Option<Vec<String>>| match ids {
            None => Ok(BTreeMap::new()),
            Some(ids) if ids.is_empty() => Err(invalid(format!(
                "`auth.{key}` names no key (hint: `auth: {{ {key}: [name] }}`)"
            ))),
            Some(ids) => ids
                .iter()
                .map(|id| Ok((id.clone(), api_key::held(id, build)?)))
                .collect(),
        };
        let known = Self {
            keys: held("api-keys", &proofs.api_keys)?,
            basic: held("basic", &proofs.basic)?,
            tokens: match &proofs.jwt {
                Some(jwt) => Some(Holders::new(jwt, build.issuers.as_ref())?),
                None => None,
            },
            certificates: proofs.certificates.clone().unwrap_or_default(),
            authorizer: match &proofs.authorizer {
                Some(settings) => Some(Asked::new(settings, &build.name, build.sinks.as_ref())?),
                None => None,
            },
        };
        let alone = Proofs {
            authorizer: proofs.authorizer.clone(),
            ..Proofs::default()
        };
        if known.authorizer.is_some() && alone != *proofs {
            return Err(invalid(
                "`auth.authorizer` stands beside other proofs, which it would never see (hint: give them a source or route of their own)",
            ));
        }
        if let Some(name) = known.certificates.iter().find(|name| !is_name(name)) {
            return Err(invalid(format!(
                "`auth.certificates`: `{name}` is no name of a certificate (hint: write `uri:`, `dns:` or `email:` before it)"
            )));
        }
        if known.keys.is_empty()
            && known.basic.is_empty()
            && known.tokens.is_none()
            && known.certificates.is_empty()
            && known.authorizer.is_none()
        {
            return Err(invalid(
                "`auth` names no proof (hint: `auth: { api-keys: [name] }`)",
            ));
        }
        Ok(known)
    }
}

/// Whether a name of a certificate is one that is asked for.
fn stands_for(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => name
            .strip_prefix(start)
            .is_some_and(|rest| !rest.is_empty()),
        None => wanted == name,
    }
}

fn is_name(wanted: &str) -> bool {
    let Some((kind, name)) = wanted.split_once(':') else {
        return false;
    };
    let stars = name.matches('*').count();
    let plain = stars == 0 || (kind == "uri" && stars == 1 && name.ends_with("/*"));
    matches!(kind, "uri" | "dns" | "email") && !name.is_empty() && plain
}

fn malformed(reason: &str) -> Refusal {
    Refusal::unverified(Cause::Malformed, reason)
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "auth", message)
}
