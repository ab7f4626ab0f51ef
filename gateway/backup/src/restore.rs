//! Making a data directory of a backup.

use crate::error::{Error, blocking};
use crate::{Manifest, Piece, Point, Repository, ShardPart};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use std::path::Path;
use tradewind_store::backup::{Restore, Restored as File, TableBuilder};

/// Blobs fetched ahead.
const AT_ONCE: usize = 4;
/// Longest file that is made.
const FILE_MAX: u64 = 1 << 40;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Restored {
    /// Name of the backup.
    pub id: String,
    /// Version of Tradewind that made it.
    pub version: String,
    /// All that was acknowledged before this is back, milliseconds since the Unix epoch.
    pub point_ms: u64,
    /// The recovery point of each shard.
    pub points: Vec<Point>,
    /// Bytes written.
    pub bytes: u64,
    /// Rows of the state tables: retries, dead letters, cursors.
    pub rows: u64,
}

impl Repository {
    /// Makes the data directory `dir` of a backup; every blob is verified on the way.
    ///
    /// # Errors
    /// `Invalid` for a directory that is not empty, `Damaged` for a backup that is; a directory that
    /// was begun stays marked, and is not opened by a gateway.
    pub async fn restore(&self, id: &str, dir: &Path) -> Result<Restored, Error> {
        let manifest = self.manifest(id).await?;
        let dir = dir.to_owned();
        let restore = blocking(move || Ok(Restore::begin(&dir)?)).await?;
        let mut done = Restored {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            point_ms: manifest.point_ms,
            points: manifest.points(),
            bytes: 0,
            rows: 0,
        };
        self.all(&manifest, &restore, &mut done).await?;
        blocking(move || Ok(restore.finish()?)).await?;
        Ok(done)
    }

    async fn all(
        &self,
        manifest: &Manifest,
        restore: &Restore,
        done: &mut Restored,
    ) -> Result<(), Error> {
        for (name, part) in &manifest.streams {
            let settings = self.blob(&part.settings).await?;
            done.bytes += part.settings.len;
            restore.stream(name, &settings)?;
            for shard in &part.shards {
                self.shard(name, shard, restore, done).await?;
            }
        }
        Ok(())
    }

    async fn shard(
        &self,
        name: &str,
        part: &ShardPart,
        restore: &Restore,
        done: &mut Restored,
    ) -> Result<(), Error> {
        for segment in &part.segments {
            if segment.file_len > FILE_MAX {
                return Err(Error::Damaged {
                    what: format!("the segment at {} of stream {name}", segment.base),
                    why: format!("it claims {} bytes", segment.file_len),
                });
            }
            let file = restore.segment(name, part.shard, segment.base, segment.file_len)?;
            self.file(file, &segment.pieces, done).await?;
        }
        for run in &part.runs {
            let file = restore.run(name, part.shard, run.number)?;
            self.file(file, &run.pieces, done).await?;
        }
        let mut table = restore.table(name, part.shard)?;
        let mut chunks = self.ahead(&part.table);
        while let Some((chunk, len)) = chunks.try_next().await? {
            let put = move || -> Result<(TableBuilder, u64), Error> {
                let rows = table.rows(&chunk)?;
                Ok((table, rows))
            };
            let (back, rows) = blocking(put).await?;
            table = back;
            done.rows += rows;
            done.bytes += len;
        }
        let checkpoint = part.checkpoint.clone();
        blocking(move || Ok(table.finish(&checkpoint)?)).await
    }

    async fn file(
        &self,
        mut file: File,
        pieces: &[Piece],
        done: &mut Restored,
    ) -> Result<(), Error> {
        let mut contents = self.ahead(pieces);
        while let Some((content, len)) = contents.try_next().await? {
            file = blocking(move || {
                file.write(&content)?;
                Ok(file)
            })
            .await?;
            done.bytes += len;
        }
        blocking(move || Ok(file.finish()?)).await
    }

    /// The contents of pieces, in order, some of them fetched ahead.
    fn ahead<'a>(
        &'a self,
        pieces: &'a [Piece],
    ) -> impl futures_util::Stream<Item = Result<(bytes::Bytes, u64), Error>> + Unpin + 'a {
        let fetch = move |piece: &'a Piece| async move { Ok((self.blob(piece).await?, piece.len)) };
        Box::pin(stream::iter(pieces).map(fetch).buffered(AT_ONCE))
    }
}
