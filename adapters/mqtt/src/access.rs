//! How a broker is reached, for source and sink alike.

use rustls::ClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tradewind_adapter::{Error, Secret};
use tradewind_brokers::{Address, Tls, guard_password, invalid};

/// A broker and how to get in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// The broker, `host:port`. Since 0.1.
    pub server: Address,
    /// Version of the protocol: `5` or `3.1.1`. Default `5`. Since 0.1.
    #[serde(default)]
    pub version: Version,
    /// TLS to the broker. Default: none. Since 0.1.
    pub tls: Option<Tls>,
    /// User name. Default: none. Since 0.1.
    pub username: Option<String>,
    /// Password; with `username`. Since 0.1.
    pub password: Option<Secret>,
}

/// Version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum Version {
    /// MQTT 5, which carries attributes beside the body.
    #[default]
    #[serde(rename = "5")]
    V5,
    /// MQTT 3.1.1: structured mode only.
    #[serde(rename = "3.1.1")]
    V3,
}

impl Access {
    /// # Errors
    /// Settings that cannot be right.
    pub(crate) fn tls(&self) -> Result<Option<Arc<ClientConfig>>, Error> {
        if self.password.is_some() && self.username.is_none() {
            return Err(invalid("`password` needs a `username`"));
        }
        if self.password.is_some() {
            guard_password(std::iter::once(&self.server), self.tls.is_some())?;
        }
        let tls = self.tls.as_ref().map(Tls::client).transpose()?;
        Ok(tls.map(Arc::new))
    }
}
