//! Sinks that answer: what a request/reply route calls.

use crate::Reason;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use tradewind_event::Event;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body under way: read piece by piece, never held as a whole.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A function that answers.
///
/// # Contract
/// - Returns as soon as the head of the answer is there; the body follows as it comes.
/// - The answer is the function's own: status, headers and body, whatever the status.
/// - Never retries, never follows redirects, never sleeps. The caller keeps the time: dropping the
///   future, or the body of the answer, ends the exchange.
/// - The reason of a failure is for the log of the gateway, and holds no secret.
#[async_trait]
pub trait Invoke: Send + Sync {
    /// Hands over one event.
    async fn ask(&self, event: Event) -> Result<Response<Body>, Reason>;

    /// Whether [`Invoke::pass`] works as this sink is configured.
    ///
    /// # Errors
    /// Why not, in words that follow a colon.
    fn passes(&self) -> Result<(), String> {
        Err("it takes events only".into())
    }

    /// Passes a request on: method, path and query, headers and body. Headers that concern one
    /// connection only, and credentials of the sender, are gone already; those configured for the
    /// sink replace what the sender wrote.
    async fn pass(&self, request: Request<Body>) -> Result<Response<Body>, Reason> {
        drop(request);
        Err(Reason::new("unsupported", "this sink takes events only"))
    }
}
