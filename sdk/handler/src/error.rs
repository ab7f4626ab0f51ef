//! Why a handler did not take an event.

use crate::describe::Replies;
use crate::{Context, IntoOutcome, Outcome};
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;
use tradewind_event::Event;

/// Why a handler did not take an event, and what is to become of it.
///
/// `?` on any [`std::error::Error`] makes a retryable one. Like other catch-all errors it therefore
/// does not implement that trait itself.
///
/// What the caller is told is the reason, given by [`Error::reject`] or [`Error::because`]; a gateway
/// keeps it with the attempt. The cause, with its sources, goes to the log only: error texts of libraries
/// tend to name hosts and credentials.
pub struct Error {
    verdict: Verdict,
    reason: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    Retry { after: Option<Duration> },
    Reject,
}

const UNSAID: &str = "the handler failed";

impl Error {
    /// It may work later. With a pause, the sender is asked to wait that long (whole seconds, rounded
    /// up); with `None` it waits as its retry policy says.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tradewind::Error;
    /// Error::retry(Duration::from_secs(30)).because("the warehouse is closed");
    /// Error::retry(None);
    /// ```
    pub fn retry(after: impl Into<Option<Duration>>) -> Self {
        Self {
            verdict: Verdict::Retry {
                after: after.into(),
            },
            reason: UNSAID.into(),
            cause: None,
        }
    }
    /// It will never work: a dead letter at once.
    pub fn reject(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Reject,
            reason: reason.into(),
            cause: None,
        }
    }
    /// Says why. This goes to the caller: no secrets.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
    /// Attaches what went wrong, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
    /// Whether another attempt is asked for.
    pub fn is_retryable(&self) -> bool {
        matches!(self.verdict, Verdict::Retry { .. })
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(cause: E) -> Self {
        Error::retry(None).caused_by(cause)
    }
}

impl IntoOutcome for Error {
    const REPLIES: Replies = Replies::Never;

    fn into_outcome(self, _: &Event, _: &Context) -> Outcome {
        let cause = self.cause.as_deref().map(chain);
        match self.verdict {
            Verdict::Retry { after } => Outcome::Retry {
                after,
                reason: self.reason,
                cause,
            },
            Verdict::Reject => Outcome::Reject {
                reason: self.reason,
                cause,
            },
        }
    }
}

/// An error and its sources in one line.
pub(crate) fn chain(error: &(dyn StdError + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        // Many libraries print the source within their own text.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.cause {
            Some(cause) => write!(f, ": {}", chain(&**cause)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("verdict", &self.verdict)
            .field("reason", &self.reason)
            .field("cause", &self.cause)
            .finish()
    }
}

/// Says on the spot what a failure means.
pub trait ResultExt<T> {
    /// A failure is retried, after this pause.
    fn retry_after(self, pause: Duration) -> Result<T, Error>;
    /// A failure is final, for this reason.
    fn or_reject(self, reason: impl Into<String>) -> Result<T, Error>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> ResultExt<T> for Result<T, E> {
    fn retry_after(self, pause: Duration) -> Result<T, Error> {
        self.map_err(|cause| Error::retry(pause).caused_by(cause))
    }
    fn or_reject(self, reason: impl Into<String>) -> Result<T, Error> {
        self.map_err(|cause| Error::reject(reason).caused_by(cause))
    }
}
