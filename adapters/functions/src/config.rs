//! The settings that every platform has.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tradewind_adapter::{Render, Replies, Secret};
use tradewind_http::{Cidr, Mode, SinkConfig, Tls};
use tradewind_identity::Auth;

/// Settings of a function behind HTTP.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The URL of the function. Since 0.1.
    pub url: String,
    /// Who the gateway is. Default: as said above; `none` for a function that anybody may call. Since 0.1.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// How an event becomes a request. Default: binary. Since 0.1.
    #[serde(default)]
    pub mode: Mode,
    /// Sends events in a provider's own envelope instead, as at a sink of kind `http`. Default: no. Since 0.1.
    #[serde(default)]
    pub render: Option<Render>,
    /// Most events in one request, with `mode: batch`. Default: 32. Since 0.1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub batch_max: Option<usize>,
    /// Headers added to each request. Default: none. Since 0.1.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Standard Webhooks secrets (`whsec_...`) that deliveries are signed with. Default: none. Since 0.1.
    #[serde(default)]
    pub signing: Vec<Secret>,
    /// TLS. Since 0.1.
    #[serde(default)]
    pub tls: Tls,
    /// Most bytes of a response that are read, in bytes. Default: 65536. Since 0.1.
    #[serde(default)]
    #[schemars(range(min = 1024, max = 16777216))]
    pub response_max: Option<usize>,
    /// What becomes of a response that is a CloudEvent. Default: accept. Since 0.1.
    #[serde(default)]
    pub replies: Replies,
    /// Private, loopback or otherwise special addresses that may be reached, as CIDR: for platforms in a network
    /// of one's own. Default: none. Since 0.1.
    #[serde(default)]
    pub allow_private: Vec<Cidr>,
    /// Ports below 1024 that may be reached besides 80 and 443. Default: none. Since 0.1.
    #[serde(default)]
    pub allow_ports: Vec<u16>,
    /// Permits `http://` to public addresses. Default: false. Since 0.1.
    #[serde(default)]
    pub allow_http: bool,
    /// Speaks HTTP/2 without negotiating it. Default: false; over TLS it is negotiated. Since 0.1.
    #[serde(default)]
    pub http2_prior_knowledge: bool,
}

impl From<Config> for SinkConfig {
    fn from(config: Config) -> Self {
        let defaults = Self::to(config.url);
        Self {
            mode: config.mode,
            render: config.render,
            batch_max: config.batch_max.unwrap_or(defaults.batch_max),
            headers: config.headers,
            allow_private: config.allow_private,
            allow_ports: config.allow_ports,
            allow_http: config.allow_http,
            http2_prior_knowledge: config.http2_prior_knowledge,
            signing: config.signing,
            auth: config.auth,
            tls: config.tls,
            response_max: config.response_max.unwrap_or(defaults.response_max),
            replies: config.replies,
            ..defaults
        }
    }
}
