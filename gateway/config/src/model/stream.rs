//! Streams.

use super::scalar::{Period, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZero;

/// What keeps streams unless they say otherwise: the data directory.
pub(crate) const EMBEDDED: &str = "embedded";

/// The keys of [`Stream`]; with another engine, all others are that one's.
pub(crate) const KEYS: [&str; 11] = [
    "dedupe-max",
    "dedupe-window",
    "engine",
    "order-by",
    "owner",
    "retention",
    "retention-bytes",
    "shards",
    "shared-with",
    "space",
    "why",
];

/// A named durable log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Stream {
    /// What keeps it: `embedded`, the data directory, or `kafka`, a cluster of Apache Kafka, with the keys of
    /// [the guide](../guides/streams-on-kafka.md). It cannot change while the stream holds events. Default
    /// `embedded`. Since 0.1.
    pub(crate) engine: Option<String>,
    /// The space that it belongs to. Default `default`. Since 0.1.
    pub(crate) space: Option<String>,
    /// Other spaces, whose subscriptions may read it too. Default: none. Since 0.1.
    pub(crate) shared_with: Vec<String>,
    /// Who answers for it. Since 0.1.
    pub(crate) owner: Option<String>,
    /// What it is for. Since 0.1.
    pub(crate) why: Option<String>,
    /// Attribute whose value is the ordering key, for instance `subject`: deliveries of one key
    /// happen one after the other, in order. It cannot change while the stream holds events.
    /// Default: no order. Since 0.1.
    pub(crate) order_by: Option<String>,
    /// How long events stay. Default `7d`. Since 0.1.
    pub(crate) retention: Option<Period>,
    /// Most bytes of log on disk, over all shards. Default: no limit. Since 0.1.
    pub(crate) retention_bytes: Option<Size>,
    /// Number of shards, up to 256, fixed when the stream is created. Default 1. Since 0.1.
    #[schemars(range(min = 1, max = 256))]
    pub(crate) shards: Option<NonZero<u16>>,
    /// How long a repetition of (`source`, `id`) is recognised; sources that sign no timestamp
    /// ask for longer by themselves. Default `10m`. Since 0.1.
    pub(crate) dedupe_window: Option<Period>,
    /// Most identities remembered, up to 10 million. Default 10000000. Since 0.1.
    pub(crate) dedupe_max: Option<u64>,
}
