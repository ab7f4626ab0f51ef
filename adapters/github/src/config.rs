//! Settings of the source.

use tradewind_adapter::Secret;

/// Settings of a source of kind `github`.
#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Secrets of the webhook as entered at GitHub, the current one first; a request signed by any
    /// of them is taken, so that a secret can be changed without a gap. 1 to 8, no default. Since 0.1.
    #[schemars(length(min = 1, max = 8))]
    pub secrets: Vec<Secret>,
}
