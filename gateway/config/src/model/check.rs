//! What `tradewind check` lets pass.

use schemars::JsonSchema;
use serde::Deserialize;

/// What `tradewind check` lets pass.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Check {
    /// Findings that are meant. Since 0.1.
    pub(crate) allow: Vec<Allow>,
}

/// A finding that is meant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Allow {
    /// Its code, as `docs/errors` has it: a warning or a note. Since 0.1.
    pub(crate) code: String,
    /// The place, and all below it: `sources.events`. Default: the whole file. Since 0.1.
    pub(crate) at: Option<String>,
    /// Why it is meant. Since 0.1.
    pub(crate) why: Option<String>,
}
