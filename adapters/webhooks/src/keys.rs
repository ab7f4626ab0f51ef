//! Where keys come from, if not from where their sender publishes them.

use async_trait::async_trait;
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use tradewind_adapter::{Error, ErrorKind, Fetch, Fetched};

/// Largest file of keys that is read, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// One document, at every address.
#[derive(Debug, Clone)]
pub(crate) struct Fixed(pub(crate) Bytes);

impl Fixed {
    /// Reads the file of a setting, when the configuration is loaded.
    pub(crate) fn read(setting: &str, path: &Path) -> Result<Self, Error> {
        let refuse = |what: String| {
            let reason = format!("`{setting}`: {} {what}", path.display());
            Error::new(ErrorKind::ConfigInvalid, "config", reason)
        };
        let length = std::fs::metadata(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        if !length.is_file() || length.len() > FILE_MAX {
            return Err(refuse("is no file of at most 1 MiB".into()));
        }
        let read = std::fs::read(path).map_err(|e| refuse(format!("cannot be read: {e}")));
        Ok(Self(read?.into()))
    }
}

#[async_trait]
impl Fetch for Fixed {
    async fn get(&self, _: &str, _: usize) -> Result<Fetched, Error> {
        Ok(Fetched {
            body: self.0.clone(),
            fresh: None,
        })
    }
}

/// Documents that are signed in themselves.
#[derive(Debug)]
pub(crate) struct Signed(pub(crate) Arc<dyn Fetch>);

#[async_trait]
impl Fetch for Signed {
    async fn get(&self, url: &str, max: usize) -> Result<Fetched, Error> {
        self.0.get_signed(url, max).await
    }
}

/// The keys of an issuer in the file of a setting.
pub(crate) fn keys_in(setting: &str, path: &Path) -> Result<Arc<dyn Fetch>, Error> {
    let file = Fixed::read(setting, path)?;
    let read: Result<serde_json::Value, _> = serde_json::from_slice(&file.0);
    match read {
        Ok(set) if set["keys"].is_array() => Ok(Arc::new(file)),
        _ => {
            let reason = format!("`{setting}`: {} is no key set (JWKS)", path.display());
            Err(Error::new(ErrorKind::ConfigInvalid, "config", reason))
        }
    }
}
