//! A token in the head of a request.

use http::header::AUTHORIZATION;
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_adapter::{Cause, Parts, Pending, Refusal};
use tradewind_keys::Issuer;

/// What a token must say, beside its issuer.
#[derive(Debug)]
pub(crate) struct Bearer {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) audiences: Vec<String>,
    /// Claims of which the first that is there names the sender.
    pub(crate) names: &'static [&'static str],
    /// What they may be.
    pub(crate) senders: Vec<String>,
    /// A claim that must be true.
    pub(crate) demand: Option<&'static str>,
}

impl Bearer {
    pub(crate) fn missing<'a>(&'a self, parts: &Parts) -> Option<Pending<'a>> {
        self.issuer.missing(token(parts).ok()?)
    }

    /// Who the sender is.
    pub(crate) fn verify(&self, parts: &Parts, now: SystemTime) -> Result<String, Refusal> {
        let claims = self.issuer.verify(token(parts)?, &self.audiences, now)?;
        let wrong = |reason: String| Refusal::unverified(Cause::WrongTenant, reason);
        let found = self.names.iter().find_map(|name| claims.text(name));
        let Some(sender) = found.filter(|found| self.senders.iter().any(|s| s == found)) else {
            let (name, found) = (self.names.join("` or `"), found.unwrap_or_default());
            return Err(wrong(format!("`{name}` of the token is `{found}`")));
        };
        if let Some(claim) = self.demand.filter(|claim| !claims.is_true(claim)) {
            return Err(wrong(format!("`{claim}` of the token is not true")));
        }
        Ok(sender.to_owned())
    }
}

/// The one token of a request: `authorization: Bearer <token>`.
fn token(parts: &Parts) -> Result<&str, Refusal> {
    let malformed = || {
        let reason = "the header `authorization` is repeated, or holds no bearer token";
        Refusal::unverified(Cause::Malformed, reason)
    };
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| {
        Refusal::unverified(Cause::Missing, "the header `authorization` is missing")
    })?;
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let (scheme, token) = text
        .and_then(|text| text.split_once(' '))
        .ok_or_else(malformed)?;
    match scheme.eq_ignore_ascii_case("bearer") {
        true => Ok(token),
        false => Err(malformed()),
    }
}
