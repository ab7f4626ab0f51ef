//! Settings of the source.

use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::{Auth, Mapping};

/// Settings of a source of kind `http`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Who may send: proofs of which any one will do, or in words that nobody is asked. Must be said.
    /// Since 0.1.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// How percent signs in `ce-` headers are read. Default: strict. Since 0.1.
    #[serde(default)]
    pub percent: Percent,
    /// Most events in one batch, if it is to be less than `limits.batch`. Since 0.1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100000))]
    pub batch_max: Option<usize>,
    /// Origins that may deliver here after the handshake of CloudEvents webhooks (`OPTIONS` with
    /// `WebHook-Request-Origin`), as DNS names. Default: none. Since 0.1.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Reads bodies that are no CloudEvents in this format: a name of docs/reference/formats.md such as
    /// `aws-event-bridge` or `stripe`, or `auto` for the first that a body gives itself away as.
    /// Default: none. Since 0.1.
    #[serde(default)]
    pub format: Option<String>,
    /// Reads JSON bodies that are no CloudEvents by templates of your own. Default: none. Since 0.1.
    #[serde(default)]
    pub mapping: Option<Mapping>,
    /// Makes an event of a body that is none. Its id is the `Idempotency-Key` header; without one,
    /// equal bodies within the deduplication window count as one event. Default: such a request is
    /// refused. Since 0.1.
    #[serde(default)]
    pub raw: Option<Raw>,
}

/// How percent signs in `ce-` headers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Percent {
    /// By the specification: each begins an escape.
    #[default]
    Strict,
    /// One that begins no escape stays as it is (`100%`), for senders that do not encode.
    Lenient,
}

/// The attributes of an event that is made of a plain body.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Raw {
    /// `type` of the events.
    #[serde(rename = "type")]
    pub ty: String,
    /// `source` of the events.
    pub source: String,
}
