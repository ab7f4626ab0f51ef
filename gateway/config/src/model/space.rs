//! Spaces: tenants of one gateway.

use super::scalar::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZero;

/// A tenant: streams, sources, routes, subscriptions and API keys name it by `space`. What belongs to one refers to
/// nothing of another, unless a stream is shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Space {
    /// Who answers for it. Since 0.1.
    pub(crate) owner: Option<String>,
    /// What it is for. Since 0.1.
    pub(crate) why: Option<String>,
    /// Callers of the admin API who are bound to it, besides its API keys, as `members` of roles are written:
    /// `jwt:ISSUER#SUBJECT`, `certificate:uri:...`; `*` at the end stands for whatever follows. Default: none.
    /// Since 0.1.
    pub(crate) members: Vec<String>,
    /// How much of the gateway it may take. Since 0.1.
    pub(crate) quotas: Quotas,
}

/// How much of the gateway a space may take. Counted in memory by this process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Quotas {
    /// Most events per second that its streams take, with a burst of one second's worth; more are answered 429 with
    /// `retry-after`, and sources that ask are slowed down. Default: no limit. Since 0.1.
    pub(crate) events_per_second: Option<NonZero<u64>>,
    /// Most bytes of events per second, likewise. Default: no limit. Since 0.1.
    pub(crate) bytes_per_second: Option<Size>,
    /// Most bytes in its streams that its subscriptions have still to settle; with more, publishers are answered 429.
    /// Default: no limit. Since 0.1.
    pub(crate) queued_bytes: Option<Size>,
    /// Most subscriptions. Default: no limit. Since 0.1.
    pub(crate) subscriptions: Option<u64>,
    /// Most attempts under way at once, over all its subscriptions, which take turns. Default: no limit. Since 0.1.
    pub(crate) deliveries: Option<NonZero<u32>>,
}
