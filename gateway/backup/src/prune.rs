//! Removing old backups.

use crate::{Error, Repository};
use serde::Serialize;
use std::collections::HashSet;
use std::num::NonZero;

/// Blobs that no backup names are left alone for this long: they may be of one that is being made.
const GRACE_MS: u64 = 24 * 3_600_000;

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pruned {
    /// Backups removed, oldest first.
    pub backups: Vec<String>,
    /// Blobs that no backup named any more.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Repository {
    /// Removes all backups but the newest `keep`, and then the blobs that none of those names, unless
    /// they are younger than a day.
    ///
    /// # Errors
    /// What the repository says. A manifest that cannot be read ends it before any blob is removed:
    /// nobody can tell which ones it needs.
    pub async fn prune(&self, keep: NonZero<u32>, now_ms: u64) -> Result<Pruned, Error> {
        let ids = self.list().await?;
        let excess = ids.len().saturating_sub(keep.get() as usize);
        let (old, kept) = ids.split_at(excess);
        let mut pruned = Pruned::default();
        if old.is_empty() {
            return Ok(pruned);
        }
        let mut needed = HashSet::new();
        for id in kept {
            let manifest = self.manifest(id).await?;
            needed.extend(manifest.pieces().map(|piece| piece.sha256.clone()));
        }
        // Manifests first: a backup is gone before the first of its blobs is.
        for id in old {
            self.remove_manifest(id).await?;
            pruned.backups.push(id.clone());
        }
        for blob in self.blobs().await? {
            let written_ms = u64::try_from(blob.last_modified.timestamp_millis()).unwrap_or(0);
            let young = written_ms.saturating_add(GRACE_MS) > now_ms;
            let name = blob.location.filename().unwrap_or_default();
            if young || needed.contains(name) {
                continue;
            }
            self.remove(&blob.location).await?;
            pruned.blobs += 1;
            pruned.bytes += blob.size;
        }
        Ok(pruned)
    }
}
