//! Reading all of a backup, to see whether it could be restored.

use crate::error::{Error, blocking};
use crate::{Piece, Repository};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use std::collections::HashSet;
use tradewind_store::backup::check_rows;

const AT_ONCE: usize = 4;
/// Faults that are told.
const TOLD: usize = 100;

/// What verifying a backup found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    /// Name of the backup.
    pub id: String,
    /// Blobs that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, at most a hundred; empty for a backup that can be restored.
    pub faults: Vec<String>,
}

impl Repository {
    /// Reads every blob of a backup and compares it with its checksum, and every row of its state tables
    /// with its own.
    ///
    /// # Errors
    /// What the repository says, and a manifest that cannot be read. Blobs that are damaged or missing
    /// are no error but [`Verified::faults`].
    pub async fn verify(&self, id: &str) -> Result<Verified, Error> {
        let manifest = self.manifest(id).await?;
        let mut faults = Vec::new();
        let mut tables = HashSet::new();
        for (name, part) in &manifest.streams {
            for shard in &part.shards {
                tables.extend(shard.table.iter().map(|piece| &piece.sha256));
                for pair in shard.segments.windows(2) {
                    if let [one, next] = pair
                        && one.base >= next.base
                    {
                        faults.push(format!("segments of {name} are out of order"));
                    }
                }
                if shard.segments.is_empty() || shard.end < shard.start {
                    faults.push(format!("shard {} of {name} has no log", shard.shard));
                }
            }
        }
        let distinct: HashSet<&Piece> = manifest.pieces().collect();
        let mut checks = stream::iter(distinct)
            .map(|piece| {
                let rows = tables.contains(&piece.sha256);
                async move { (piece.len, self.check(piece, rows).await) }
            })
            .buffer_unordered(AT_ONCE);
        let (mut blobs, mut bytes) = (0, 0);
        while let Some((len, checked)) = checks.next().await {
            match checked {
                Ok(()) => {
                    blobs += 1;
                    bytes += len;
                }
                Err(fault @ (Error::Damaged { .. } | Error::Store(_))) => {
                    if faults.len() < TOLD {
                        faults.push(fault.to_string());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Verified {
            id: manifest.id.clone(),
            blobs,
            bytes,
            faults,
        })
    }

    async fn check(&self, piece: &Piece, rows: bool) -> Result<(), Error> {
        let content = self.blob(piece).await?;
        if rows {
            blocking(move || Ok(check_rows(&content)?)).await?;
        }
        Ok(())
    }
}
