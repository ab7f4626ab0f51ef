//! Where events are pushed to: pure functions over a request.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
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
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// Stable code for metrics and logs, kebab case.
    pub code: &'static str,
    /// For the log only: the sender is told the code's generic text, never an oracle.
    pub reason: String,
    /// For the sender, where it helps and gives nothing away (decoding errors; never after a failed
    /// verification).
    pub detail: Option<String>,
}

/// An answer that ends the request without an event (handshakes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// A source that is called.
///
/// # Contract
/// - Pure: no I/O, no clock but `now`, no state but the configuration.
/// - `verify` sees the raw body before anything has parsed it, and runs before `decode`. Where
///   [`Webhook::verifies_head`] is true it runs once, with an empty body, before the body is read.
/// - Secrets are compared in constant time; all that are configured are tried.
/// - `decode` keeps `data` byte-exact and gives ids that deduplicate.
pub trait Webhook: Send + Sync + std::fmt::Debug {
    /// Whether the head alone proves the sender (API keys), so that nobody else's body is read.
    fn verifies_head(&self) -> bool {
        false
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
