//! Backups.

use super::scalar::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZero;
use std::time::Duration;

/// Backups, made while the gateway serves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Backup {
    /// Where backups go: a folder, or `s3://bucket/prefix`; region, endpoint and credentials of S3 are
    /// those of the environment, such as `AWS_REGION`, `AWS_ENDPOINT_URL_S3` and `AWS_ACCESS_KEY_ID`.
    /// Since 0.1.
    pub to: String,
    /// Time between two backups; the first is made at the start. Default `1h`. Since 0.1.
    #[serde(default = "hourly")]
    pub every: Period,
    /// Also backs up whenever a segment of a log is full, so that what is not backed up yet is at most
    /// about a segment (64 MiB) of each. Default false. Since 0.1.
    #[serde(default)]
    pub ship_segments: bool,
    /// Backups that are kept; older ones are removed after each. Default 48. Since 0.1.
    #[serde(default = "two_days")]
    pub keep: NonZero<u32>,
}

fn hourly() -> Period {
    Period(Duration::from_secs(3600))
}

fn two_days() -> NonZero<u32> {
    const { NonZero::new(48).unwrap() }
}
