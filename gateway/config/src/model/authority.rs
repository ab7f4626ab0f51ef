//! Who may do what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Policies in Cedar.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PolicyText {
    /// Who answers for them. Since 0.1.
    pub(crate) owner: Option<String>,
    /// What they are for. Since 0.1.
    pub(crate) why: Option<String>,
    /// The file that they are in, relative to the folder of this one; at most 256 KiB. Since 0.1.
    pub(crate) file: Option<PathBuf>,
    /// The policies themselves, in place of `file`. Since 0.1.
    pub(crate) cedar: Option<String>,
}

/// Who may do what, without a language: stands for one policy.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RoleKeys {
    /// Who answers for it. Since 0.1.
    pub(crate) owner: Option<String>,
    /// What it is for. Since 0.1.
    pub(crate) why: Option<String>,
    /// Who has it, as principals are written in the log: `api-key:ID`, `jwt:ISSUER#SUBJECT`, `certificate:uri:...`,
    /// `sender:KIND`, `source:NAME`, `subscription:NAME`, `identity:NAME`, `anonymous`; `*` at the end stands for
    /// whatever follows. Since 0.1.
    pub(crate) members: Vec<String>,
    /// What they may do. Since 0.1.
    pub(crate) may: Vec<May>,
    /// On these streams and their subscriptions. Default: all. Since 0.1.
    pub(crate) streams: Option<Vec<String>>,
    /// On the streams, subscriptions and routes of these spaces. Default: all. Since 0.1.
    pub(crate) spaces: Option<Vec<String>>,
    /// On these subscriptions. Default: all. Since 0.1.
    pub(crate) subscriptions: Option<Vec<String>>,
    /// On these routes. Default: all. Since 0.1.
    pub(crate) routes: Option<Vec<String>>,
    /// With events of these types; `*` at the end stands for whatever follows. Default: all. Since 0.1.
    pub(crate) types: Option<Vec<String>>,
    /// With events of these sources, as for `types`. Default: all. Since 0.1.
    pub(crate) sources: Option<Vec<String>>,
    /// With events of these subjects, as for `types`. Default: all, and those without. Since 0.1.
    pub(crate) subjects: Option<Vec<String>>,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum May {
    /// Append events to a stream.
    Publish,
    /// See that events come and go: `tail`, and subscriptions with `as`.
    Subscribe,
    /// Read what is in events and dead letters.
    ReadPayload,
    /// Replay events.
    Replay,
    /// Redrive and purge dead letters.
    Redrive,
    /// Pause, resume, discard, reload, back up.
    Configure,
    /// Call a route.
    Invoke,
}
