//! Sizes that a user need not know.

use crate::Settings;

/// Sizes of the embedded engine. The defaults suit production; tests make them tiny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Size at which a segment is sealed (default 64 MiB, or an eighth of what the stream's
    /// `retention_bytes` allows its shard, if that is less).
    pub segment_bytes: u64,
    /// Zeros by which the active segment is extended at once, once it has as many (default 4 MiB).
    pub chunk_bytes: u64,
    /// Bytes of state changes in memory that start a checkpoint (default 8 MiB).
    pub overlay_bytes: usize,
    /// Bytes of log after the last checkpoint that start one (default 128 MiB): what a restart reads.
    pub replay_bytes: u64,
    /// Identities in memory, over all shards of a stream, that are flushed to a run (default
    /// 114,688: what fits into a hash map of 8 MiB).
    pub identities: usize,
    /// Cache of the state table, over all shards of a stream (default 16 MiB).
    pub cache_bytes: usize,
    /// Room set aside in the data directory for what was accepted (default 64 MiB).
    pub reserve_bytes: u64,
    /// Appends that may wait to be written, per shard (default 4096).
    pub queue: usize,
    /// Bytes of appends that may wait to be written, per shard (default 64 MiB).
    pub queue_bytes: usize,
}

impl Params {
    /// Segments that a cap on the log's bytes can be kept with: whole ones are recycled.
    #[must_use]
    pub(crate) fn within(mut self, settings: &Settings) -> Self {
        const LEAST: u64 = 256 << 10;
        if let Some(limit) = settings.retention_bytes {
            let share = limit / u64::from(settings.shards.max(1)) / 8;
            self.segment_bytes = self.segment_bytes.min(share.max(LEAST));
        }
        self
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            chunk_bytes: 4 << 20,
            overlay_bytes: 8 << 20,
            replay_bytes: 128 << 20,
            identities: 7 << 14,
            cache_bytes: 16 << 20,
            reserve_bytes: 64 << 20,
            queue: 4096,
            queue_bytes: 64 << 20,
        }
    }
}
