//! A sink that is several.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind of a sink that is a group.
pub(crate) const GROUP: &str = "group";

/// Several sinks in place of one. Keys (of the stream's `order-by`, or else each event for itself) are split among
/// them, and no two of them have a key at the same time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct GroupKeys {
    /// Who decides what the members take. Default `weighted`. Since 0.1.
    #[serde(default)]
    pub(crate) mode: Mode,
    /// The members, two at least. Since 0.1.
    pub(crate) members: Vec<MemberKeys>,
}

/// A member of a group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct MemberKeys {
    /// Its name within the group. Since 0.1.
    pub(crate) name: String,
    /// What it takes of the keys, in proportion to the weights of the others; 0 for nothing yet. Not with `fail-over`,
    /// where the first takes all. Default 1. Since 0.1.
    pub(crate) weight: Option<u32>,
    /// Where its events go: `kind` and the settings of that kind. Since 0.1.
    pub(crate) sink: Value,
}

/// Who decides what the members of a group take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The weights, and operators by `tradewind cutover`.
    #[default]
    Weighted,
    /// As `weighted`; what a member other than the first takes goes to the first once that member is certainly in
    /// trouble.
    Canary,
    /// The first takes all; once it is certainly in trouble, the next one does, until an operator says otherwise.
    FailOver,
}
