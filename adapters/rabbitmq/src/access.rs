//! How a broker is reached, for source and sink alike.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::{Error, Secret};
use tradewind_brokers::{Address, Tls, guard_password, invalid};

/// A broker and how to get in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// The broker, `host:port`. Since 0.1.
    pub server: Address,
    /// Virtual host. Default `/`. Since 0.1.
    #[serde(default = "slash")]
    pub virtual_host: String,
    /// TLS to the broker. Default: none. Since 0.1.
    pub tls: Option<Tls>,
    /// User name. Default `guest`, whom a broker lets in from its own machine only. Since 0.1.
    pub username: Option<String>,
    /// Password; with `username`. Since 0.1.
    pub password: Option<Secret>,
}

fn slash() -> String {
    "/".into()
}

impl Access {
    /// # Errors
    /// Settings that cannot be right.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.username.is_some() != self.password.is_some() {
            return Err(invalid("`username` and `password` belong together"));
        }
        if let Some(tls) = &self.tls {
            tls.client()?;
        }
        guard_password(std::iter::once(&self.server), self.tls.is_some())
    }
}
