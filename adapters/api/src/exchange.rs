//! The way to servers of tokens. Lent by what speaks HTTP, so that nobody else needs a client for it.

use crate::Error;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use std::path::Path;
use std::sync::Arc;

/// One question to a server of tokens.
///
/// # Contract
/// - `https` wherever the configuration says; plain `http` only to this machine and to link-local addresses,
///   where metadata servers are. No redirect is followed, no proxy used.
/// - Bounded: a size of answers, and a time of its own.
/// - The error is for people, and repeats neither question nor answer.
#[async_trait]
pub trait Exchange: Send + Sync + std::fmt::Debug {
    /// Asks; any status is an answer.
    async fn ask(&self, question: Request<Bytes>) -> Result<Response<Bytes>, String>;
}

/// Makes ways to servers of tokens.
pub trait Reach: Send + Sync + std::fmt::Debug {
    /// One that trusts these certificate authorities; the system's where none are named.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn exchange(&self, ca: Option<&Path>) -> Result<Arc<dyn Exchange>, Error>;
}
