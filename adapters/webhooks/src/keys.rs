//! Where keys come from, if not from where their sender publishes them.

use async_trait::async_trait;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tradewind_adapter::{Error, ErrorKind, Fetch, Fetched};
use tradewind_keys::{Issuer, Issuers, KeysAt};

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
fn keys_in(setting: &str, path: &Path) -> Result<Arc<dyn Fetch>, Error> {
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

/// Where keys are fetched, if not where their sender publishes them: a mirror of these, or an emulator.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KeysFrom {
    /// Address of the key set (JWKS), `https`. No default. Since 0.1.
    url: String,
    /// File with the authorities (PEM) that its certificate may be of, instead of those of this machine.
    /// Default: none. Since 0.1.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// Special addresses (loopback, private networks) that may be reached for it, as CIDR. Default: none.
    /// Since 0.1.
    #[serde(default)]
    allow_private: Vec<String>,
}

/// Whose keys count for the tokens of an issuer, and where they come from.
pub(crate) struct Origin<'a> {
    /// What its settings are called, with a dot behind where they are not at the top.
    pub(crate) within: &'static str,
    pub(crate) file: Option<&'a Path>,
    pub(crate) from: Option<&'a KeysFrom>,
    /// Where the issuer publishes them.
    pub(crate) published: &'a str,
}

impl Origin<'_> {
    /// The issuer with this name, one for all that have its keys from the same place.
    pub(crate) fn issuer(
        &self,
        name: &str,
        issuers: &Issuers,
        fetch: &Arc<dyn Fetch>,
        make: impl Fn(KeysAt, Arc<dyn Fetch>) -> Issuer,
    ) -> Result<Arc<Issuer>, Error> {
        let Self { within, .. } = self;
        let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "config", reason);
        let at = |url: &str| KeysAt::Url(url.to_owned());
        match (self.file, self.from) {
            (None, None) => Ok(issuers.named(name, || make(at(self.published), Arc::clone(fetch)))),
            (Some(file), None) => {
                let keys = keys_in(&format!("{within}keys-file"), file)?;
                Ok(Arc::new(make(at(self.published), keys)))
            }
            (None, Some(from)) => {
                if !from.url.starts_with("https://") {
                    return Err(refuse(format!(
                        "`{within}keys-from.url` is no https:// URL"
                    )));
                }
                let fetch = fetch.reaching(from.ca.as_deref(), &from.allow_private);
                let fetch = fetch.map_err(|e| refuse(format!("`{within}keys-from`: {e}")))?;
                Ok(issuers.named(&format!("{name} {from:?}"), || make(at(&from.url), fetch)))
            }
            (Some(_), Some(_)) => Err(refuse(format!(
                "`{within}keys-from` has no use with `{within}keys-file`: keep one"
            ))),
        }
    }
}
