//! How a peer is reached, for source and sink alike.

use rustls::ClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tradewind_adapter::{Error, Secret};
use tradewind_brokers::{Address, Tls, guard_password, invalid};

/// A peer and how to get in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// The peer, `host:port`. Since 0.1.
    pub server: Address,
    /// TLS to the peer. Default: none. Since 0.1.
    pub tls: Option<Tls>,
    /// User name (SASL PLAIN). Default: SASL ANONYMOUS. Since 0.1.
    pub username: Option<String>,
    /// Password; with `username`. Since 0.1.
    pub password: Option<Secret>,
}

impl Access {
    /// # Errors
    /// Settings that cannot be right.
    pub(crate) fn tls(&self) -> Result<Option<Arc<ClientConfig>>, Error> {
        if self.username.is_some() != self.password.is_some() {
            return Err(invalid("`username` and `password` belong together"));
        }
        if self.password.is_some() {
            guard_password(std::iter::once(&self.server), self.tls.is_some())?;
        }
        let tls = self.tls.as_ref().map(Tls::client).transpose()?;
        Ok(tls.map(Arc::new))
    }
}
