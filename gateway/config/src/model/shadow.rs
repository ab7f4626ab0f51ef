//! A subscription that only looks on.

use super::scalar::{Period, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZero;

/// Makes a subscription a shadow: its target gets what that of another subscription gets, and what both make of
/// it is compared. Its replies are not published, its failures are no dead letters, nobody waits for it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ShadowKeys {
    /// The subscription whose events it gets, by its stream, filter and `as`. Since 0.1.
    pub(crate) of: String,
    /// What its target does to the world besides answering. Every event reaches both targets, so nothing but
    /// `none` may be a shadow, and it has to be said. Since 0.1.
    #[allow(dead_code, reason = "saying it is all")]
    pub(crate) side_effects: SideEffects,
    /// Fields of replies that are not compared: JSON pointers into their data, in which `*` stands for every member
    /// or item, for instance `/items/*/trace`. Since 0.1.
    #[serde(default)]
    pub(crate) ignore: Vec<String>,
    /// Attributes of replies that are not compared, besides `id`, `source`, `time` and traces. Since 0.1.
    #[serde(default)]
    pub(crate) ignore_attributes: Vec<String>,
    /// Longest time that what one target made of an event waits for the other. Default `1h`. Since 0.1.
    pub(crate) within: Option<Period>,
    /// What is kept of differences, for each shard of the stream. Since 0.1.
    #[serde(default)]
    pub(crate) keep: KeepKeys,
}

/// What a target does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SideEffects {
    /// Nothing that anybody else would notice.
    None,
}

/// What is kept of differences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct KeepKeys {
    /// Most differences with both replies. Default 100. Since 0.1.
    pub(crate) examples: Option<NonZero<u32>>,
    /// Most bytes of answers. Default `16MiB`. Since 0.1.
    pub(crate) bytes: Option<Size>,
    /// How long. Default `7d`. Since 0.1.
    pub(crate) age: Option<Period>,
}
