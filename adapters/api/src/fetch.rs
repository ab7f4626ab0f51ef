//! Documents that a proof hangs on: certificates, sets of keys.

use crate::{Error, ErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its bytes.
    pub body: Bytes,
    /// For how long its publisher says that it stays as it is (`Cache-Control: max-age`).
    pub fresh: Option<Duration>,
}

/// Gets documents for adapters.
///
/// # Contract
/// - `https` only but where a method says otherwise, no redirect is followed, and no address is reached that deliveries may not reach.
/// - Bounded: `max` bytes, and a time of its own. Everything but 200 is an error: `NotFound` where nothing is there,
///   `Unexpected` where this very document is refused or too large, `Unavailable` where another one would not come either.
#[async_trait]
pub trait Fetch: Send + Sync + std::fmt::Debug {
    /// Gets one.
    async fn get(&self, url: &str, max: usize) -> Result<Fetched, Error>;

    /// Gets one that is signed in itself, such as the certificate of an authority: plain `http` will do for
    /// it, which is how authorities publish them.
    async fn get_signed(&self, url: &str, max: usize) -> Result<Fetched, Error> {
        self.get(url, max).await
    }

    /// Another one, which trusts these authorities where some are named, and reaches these special addresses (CIDR)
    /// besides.
    ///
    /// # Errors
    /// Where it cannot be had.
    fn reaching(&self, ca: Option<&Path>, allow: &[String]) -> Result<Arc<dyn Fetch>, Error> {
        let _ = (ca, allow);
        Err(Error::new(
            ErrorKind::ConfigInvalid,
            "fetch",
            "nothing here fetches from other places",
        ))
    }
}
