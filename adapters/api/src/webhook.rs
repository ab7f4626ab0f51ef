//! Where events are pushed to: pure functions over a request.

use crate::{Action, KeySecret};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_event::Event;

/// The head of a request, as it arrived.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Method.
    pub method: Method,
    /// Path and query as received.
    pub uri: Uri,
    /// Headers as received.
    pub headers: HeaderMap,
    /// Who showed a certificate that the listener's authorities vouch for.
    pub peer: Option<Arc<Peer>>,
}

/// The holder of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its names: `uri:spiffe://acme/shop`, `dns:shop.example`, `email:shop@acme.example`.
    pub names: Vec<String>,
}

/// A sender that proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who it is, for instance `github:acme/app` or `api-key:shop`; `anonymous` only where the
    /// configuration says so in words.
    pub principal: String,
    /// How that was shown, for instance `signature`, `api key`.
    pub method: &'static str,
    /// How long a repetition must be recognised at least; 72 h where no timestamp is signed.
    pub dedupe_window: Option<std::time::Duration>,
    /// Which of several configured secrets it was, counted from 0.
    pub secret: Option<usize>,
    /// Which secret of which API key it was.
    pub key: Option<Arc<KeySecret>>,
    /// What the credential is good for; `None` for whatever its place is for.
    pub scopes: Option<Arc<[Action]>>,
}

impl Verified {
    /// One that was verified in this way.
    pub fn new(principal: impl Into<String>, method: &'static str) -> Self {
        Self {
            principal: principal.into(),
            method,
            dedupe_window: None,
            secret: None,
            key: None,
            scopes: None,
        }
    }

    /// Whether what was shown is good for this.
    ///
    /// # Errors
    /// 403 where it is not.
    pub fn may(&self, action: Action) -> Result<(), Refusal> {
        match &self.scopes {
            Some(scopes) if !scopes.contains(&action) => Err(Refusal::forbidden(format!(
                "{} has no scope `{}`",
                self.principal,
                action.name()
            ))),
            _ => Ok(()),
        }
    }
}

/// What was wrong with a proof: a label of few values, for counters. The sender is never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is none.
    Missing,
    /// It cannot be one: repeated, of another form, length or encoding, or by a means that is not allowed.
    Malformed,
    /// Its time is too far off.
    Stale,
    /// It is for something else, or by somebody else.
    Mismatch,
    /// It is by a key that is not the sender's.
    UnknownKey,
    /// It is good, and its holder may not do this.
    NotAllowed,
    /// It is good, and somebody else's: another topic, audience, account or issuer.
    WrongTenant,
    /// What it takes to check it could not be got; the same request may pass later.
    Unavailable,
}

impl Cause {
    /// The label, kebab case.
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Stale => "stale",
            Self::Mismatch => "mismatch",
            Self::UnknownKey => "unknown-key",
            Self::NotAllowed => "not-allowed",
            Self::WrongTenant => "wrong-tenant",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// Stable code for metrics and logs, kebab case.
    pub code: &'static str,
    /// What was wrong with the proof; `None` where that is not why.
    pub cause: Option<Cause>,
    /// For the log only: the sender is told the code's generic text, never an oracle.
    pub reason: String,
    /// For the sender, where it helps and gives nothing away (decoding errors; never after a failed
    /// verification).
    pub detail: Option<String>,
}

impl Refusal {
    /// A proof that is none: one answer for every cause, so that the sender learns nothing from it.
    pub fn unverified(cause: Cause, reason: impl Into<String>) -> Self {
        let (status, code) = match cause {
            // Senders give up at a 401, and this is no fault of theirs.
            Cause::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            _ => (StatusCode::UNAUTHORIZED, "unauthenticated"),
        };
        Self {
            status,
            code,
            cause: Some(cause),
            reason: reason.into(),
            detail: None,
        }
    }
}

impl Refusal {
    /// Who sends this is known, and may not do it. Why is for the log only.
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "forbidden",
            cause: Some(Cause::NotAllowed),
            reason: reason.into(),
            detail: None,
        }
    }
}

/// Work that has to be waited for.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;

/// An answer that ends the request without an event (handshakes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// An address to get once, in the background, where the sender wants to see that: the adapter has
    /// checked whose it is.
    pub visit: Option<String>,
    /// What the operator should know, for the log.
    pub note: Option<String>,
}

impl Answer {
    /// A status and nothing else.
    pub fn of(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            visit: None,
            note: None,
        }
    }
}

/// A source that is called.
///
/// # Contract
/// - Pure but for [`Webhook::missing`]: no I/O, no clock but `now`, no state but the configuration and
///   public keys that were fetched.
/// - `verify` sees the raw body before anything has parsed it, and runs before `decode`. Where
///   [`Webhook::verifies_head`] is true it runs once, with an empty body, before the body is read.
/// - Secrets are compared in constant time; all that are configured are tried.
/// - `decode` keeps `data` byte-exact and gives ids that deduplicate.
pub trait Webhook: Send + Sync + std::fmt::Debug {
    /// Whether the head alone proves the sender (API keys, tokens), so that nobody else's body is read.
    fn verifies_head(&self) -> bool {
        false
    }
    /// What has to be fetched before `verify` can judge this request (a certificate, the keys of an
    /// issuer), with what `verify` will be given; `None` where all is there. Bounded in time, and in
    /// number whatever strangers send.
    fn missing<'a>(
        &'a self,
        parts: &'a Parts,
        body: &'a [u8],
        now: SystemTime,
    ) -> Option<Pending<'a>> {
        let (_, _, _) = (parts, body, now);
        None
    }
    /// What a refused sender is told of how to show who it is, for `www-authenticate`.
    fn scheme(&self) -> Option<HeaderValue> {
        None
    }
    /// Who sends this?
    fn verify(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Refusal>;
    /// The events in it; empty where the message is none (a ping).
    fn decode(
        &self,
        parts: &Parts,
        body: Bytes,
        verified: &Verified,
    ) -> Result<Vec<Event>, Refusal>;
    /// The answer to a handshake, where this is one. Called after `verify` for bodies, and for
    /// `OPTIONS` and `GET` without it.
    fn challenge(&self, parts: &Parts, body: &[u8]) -> Option<Answer> {
        let (_, _) = (parts, body);
        None
    }
}
