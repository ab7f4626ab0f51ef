//! Who the gateway is, to a target.

use crate::aws::Sigv4;
use crate::{Error, Outcome, Reason};
use async_trait::async_trait;
use http::request::Parts;
use std::sync::Arc;
use std::time::Duration;

/// Proves to a target who calls.
///
/// # Contract
/// - The proof is added last: head and body are as they are sent.
/// - What it needs for that is kept and renewed ahead of its end. Dropping the future loses nothing of it.
/// - A proof that cannot be made says which setting or permission is missing, and shows no secret.
#[async_trait]
pub trait Identity: Send + Sync + std::fmt::Debug {
    /// Adds the proof to a request.
    async fn prove(&self, request: &mut Parts, body: &[u8]) -> Result<Credential, Unproved>;

    /// The target did not take this one (401): what it was made of is not used again, unless that was said
    /// just before.
    fn refused(&self, credential: &Credential) {
        let _ = credential;
    }

    /// Whether the body is a part of the proof, so that it cannot be passed on as it comes.
    fn covers_body(&self) -> bool {
        false
    }
}

/// What was shown in one request. Targets like to repeat what they were sent; it is kept out of records.
#[derive(Clone, Default)]
pub struct Credential(Vec<Arc<str>>);

impl Credential {
    /// One that consists of these secrets.
    pub fn new(secrets: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self(secrets.into_iter().collect())
    }

    /// The secrets; keep them out of logs and errors.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|secret| &**secret)
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[credential]")
    }
}

/// Why a proof could not be made. That never says anything about the event, so it is tried again for as long
/// as the subscription's policy has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unproved {
    /// Why: `identity-unavailable`, or `identity-refused` where somebody has to change something.
    pub reason: Reason,
    /// Until it is worth another try.
    pub after: Option<Duration>,
}

impl Unproved {
    /// What gives proofs was not reached, or failed.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            reason: Reason::new("identity-unavailable", detail),
            after: None,
        }
    }

    /// What gives proofs gives us none.
    pub fn refused(detail: impl Into<String>) -> Self {
        Self {
            reason: Reason::new("identity-refused", detail),
            after: None,
        }
    }
}

impl From<Unproved> for Outcome {
    fn from(unproved: Unproved) -> Self {
        Self::Retry {
            after: unproved.after,
            patience: None,
            throttled: false,
            reason: unproved.reason,
        }
    }
}

/// Signs as AWS asks for it. Lent by what has AWS's credentials, so that nobody else needs the SDK.
pub trait Signers: Send + Sync + std::fmt::Debug {
    /// A signer for requests to this host.
    ///
    /// # Errors
    /// Where the settings cannot work, with a hint.
    fn signer(&self, settings: &Sigv4, host: &str) -> Result<Arc<dyn Identity>, Error>;
}
