//! Settings of the sink.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use tradewind_adapter::{Render, Replies, Secret};
use tradewind_identity::Auth;

/// Settings of a sink of kind `http`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where events are posted: an `https` URL without user, password and fragment. Since 0.1.
    pub url: String,
    /// How an event becomes a request. Default: binary. Since 0.1.
    #[serde(default)]
    pub mode: Mode,
    /// Sends events in a provider's own envelope instead, for a function that expects one: a name of
    /// docs/reference/formats.md such as `azure-event-grid`, or that and a `resource`. One event a
    /// request; an event that the envelope cannot hold is a dead letter (`render-failed`). Default: no.
    /// Since 0.1.
    #[serde(default)]
    pub render: Option<Render>,
    /// Most events in one request, with `mode: batch`. Default: 32. Since 0.1.
    #[serde(default = "default_batch_max")]
    #[schemars(range(min = 1, max = 1000))]
    pub batch_max: usize,
    /// Headers added to each request. Those that HTTP, CloudEvents or the gateway own are refused;
    /// credentials belong in `auth`. Since 0.1.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Private, loopback or otherwise special addresses that may be reached, as CIDR. Metadata and
    /// link-local addresses stay out of reach. Default: none. Since 0.1.
    #[serde(default)]
    pub allow_private: Vec<Cidr>,
    /// Ports below 1024 that may be reached besides 80 and 443. Default: none. Since 0.1.
    #[serde(default)]
    pub allow_ports: Vec<u16>,
    /// Permits `http://` to public addresses. Addresses in `allow-private` need no permission.
    /// Default: false. Since 0.1.
    #[serde(default)]
    pub allow_http: bool,
    /// Speaks HTTP/2 without negotiating it. Default: false; over TLS it is negotiated. Since 0.1.
    #[serde(default)]
    pub http2_prior_knowledge: bool,
    /// Standard Webhooks secrets (`whsec_...`); deliveries are signed with all of them, the first
    /// is the current one. Signatures cover the body only, so in binary mode the attributes are
    /// not signed. Default: none. Since 0.1.
    #[serde(default)]
    pub signing: Vec<Secret>,
    /// How the gateway proves who it is. Default: nothing is shown. Since 0.1.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// TLS. Since 0.1.
    #[serde(default)]
    pub tls: Tls,
    /// Most bytes of a response that are read, in bytes. Default: 65536. Since 0.1.
    #[serde(default = "default_response_max")]
    #[schemars(range(min = 1024, max = 16777216))]
    pub response_max: usize,
    /// What becomes of a response that is a CloudEvent. Default: accept. Since 0.1.
    #[serde(default)]
    pub replies: Replies,
    /// Asks the target for its consent before it is sent to, and keeps to the rate that it allows (HTTP 1.1
    /// Web Hooks for Event Delivery, section 4). Default: it is not asked. Since 0.1.
    #[serde(default)]
    pub handshake: Option<Handshake>,
}

impl Config {
    /// What is sent there, with nothing else said.
    pub fn to(url: String) -> Self {
        Self {
            url,
            mode: Mode::default(),
            render: None,
            batch_max: default_batch_max(),
            headers: BTreeMap::new(),
            allow_private: Vec::new(),
            allow_ports: Vec::new(),
            allow_http: false,
            http2_prior_knowledge: false,
            signing: Vec::new(),
            auth: None,
            tls: Tls::default(),
            response_max: default_response_max(),
            replies: Replies::default(),
            handshake: None,
        }
    }
}

/// How a target is asked for its consent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Handshake {
    /// The DNS name of this gateway, sent as `WebHook-Request-Origin` with the question and with each
    /// delivery. No default. Since 0.1.
    #[schemars(length(min = 1, max = 253))]
    pub origin: String,
    /// Deliveries per minute to ask for, as `WebHook-Request-Rate`. Default: none is asked for. Since 0.1.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub rate: Option<u32>,
}

fn default_batch_max() -> usize {
    32
}

fn default_response_max() -> usize {
    64 << 10
}

/// How an event becomes a request (CloudEvents HTTP binding 1.0, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Attributes as `ce-` headers, data as the body.
    #[default]
    Binary,
    /// The whole event as JSON.
    Structured,
    /// Several events as a JSON array.
    Batch,
}

/// TLS settings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// PEM file with the certificate authorities to trust instead of the system's. Since 0.1.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The gateway's own certificate for targets that ask for one (mTLS), PEM, with those between it and its
    /// authority: `${file:PATH}`. The file is watched. Default: none. Since 0.1.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Its private key, PEM: `${file:PATH}`. Since 0.1.
    #[serde(default)]
    pub key: Option<Secret>,
}

/// A block of addresses: `10.0.0.0/8`, `fd12::/16`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr(pub(crate) IpNet);

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let net = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(|net: IpNet| Self(net.trunc()))
            .map_err(|_| format!("`{text}` is no address block (hint: write 10.0.0.0/8)"))
    }
}

impl JsonSchema for Cidr {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cidr".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A block of addresses: 10.0.0.0/8, fd12::/16, or one address"
        })
    }
}
