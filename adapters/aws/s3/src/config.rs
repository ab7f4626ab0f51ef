//! Settings of the sink.

use crate::partition::Part;
use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_aws::{Access, BucketName};

/// Settings of a sink of kind `aws-s3`. How many events an object holds is the subscription's `batch`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// The bucket. Since 0.1.
    pub bucket: BucketName,
    /// What the names of objects begin with, for instance `events/`. Default: none. Since 0.1.
    #[serde(default)]
    pub prefix: String,
    /// What tells objects apart, in this order, as `type=order.placed/date=2026-01-31/hour=09`. Default: type, date, hour.
    /// Since 0.1.
    #[serde(default = "parts")]
    pub partition_by: Vec<Part>,
    /// How objects are compressed. Default: gzip. Since 0.1.
    #[serde(default)]
    pub compression: Compression,
    /// Credentials, region, endpoint. Since 0.1.
    #[serde(default)]
    pub aws: Access,
}

fn parts() -> Vec<Part> {
    vec![Part::Type, Part::Date, Part::Hour]
}

/// How objects are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// `.jsonl.gz`
    #[default]
    Gzip,
    /// `.jsonl`
    None,
}
