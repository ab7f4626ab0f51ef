//! Making a backup.

use crate::error::{Error, blocking};
use crate::{Manifest, Piece, Point, Repository, RunPart, SegmentPart, ShardPart, StreamPart};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tradewind_store::backup::{CutFile, FORMAT, ShardCut, StreamCut, TableCut};
use tradewind_store::{Clock, Streams};

/// Bytes of a file in one blob.
const PIECE: u64 = 8 << 20;
/// Pieces under way at once: they bound the memory that a backup takes.
const AT_ONCE: usize = 4;

/// How a backup is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Version of Tradewind, for the manifest.
    pub version: String,
    /// Copies everything, also what an earlier backup has: heals a repository of which something is
    /// damaged.
    pub full: bool,
    /// Streams whose content goes over to others, as events do whose time has come: cut before those, so that what goes over
    /// meanwhile is in both and not in neither.
    pub first: Vec<String>,
}

/// What was backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Name of the backup.
    pub id: String,
    /// All that was acknowledged before this is in it, milliseconds since the Unix epoch.
    pub point_ms: u64,
    /// When it was complete.
    pub finished_ms: u64,
    /// The recovery point of each shard.
    pub points: Vec<Point>,
    /// Bytes that it consists of.
    pub bytes: u64,
    /// Bytes that were not there yet.
    pub copied_bytes: u64,
}

/// What is in the repository already, and what this run has put there.
struct Run<'a> {
    to: &'a Repository,
    before: Option<Manifest>,
    there: Mutex<HashSet<String>>,
    copied: Mutex<u64>,
}

impl Repository {
    /// Backs up all streams, while they are written.
    ///
    /// # Errors
    /// What the repository or the data directory says; then there is no such backup, and the ones
    /// before it are as they were.
    pub async fn back_up(
        &self,
        streams: &dyn Streams,
        clock: &dyn Clock,
        options: &Options,
    ) -> Result<Report, Error> {
        let before = match options.full {
            true => None,
            false => self.before().await?,
        };
        let there = before.iter().flat_map(Manifest::pieces);
        let run = Run {
            there: Mutex::new(there.map(|piece| piece.sha256.clone()).collect()),
            copied: Mutex::new(0),
            to: self,
            before,
        };
        let point_ms = clock.unix_ms();
        // First all cuts, then all copies: the moments of the streams lie close together.
        let mut cuts = BTreeMap::new();
        let mut names = streams.list().await?;
        names.sort_by_key(|name| !options.first.contains(name));
        for name in names {
            if let Some(cut) = streams.cut(&name).await? {
                cuts.insert(name, cut);
            }
        }
        let mut parts = BTreeMap::new();
        for (name, cut) in cuts {
            let part = run.stream(&name, cut).await?;
            parts.insert(name, part);
        }
        let id = id(point_ms)?;
        if self.list().await?.last().is_some_and(|last| *last >= id) {
            return Err(Error::Invalid(format!(
                "{} has a backup of this time or a later one: the clock was set back, or another \
                 gateway backs up to the same place",
                self.place()
            )));
        }
        let manifest = Manifest {
            id,
            version: options.version.clone(),
            store_format: FORMAT,
            point_ms,
            finished_ms: clock.unix_ms(),
            streams: parts,
        };
        self.put_manifest(&manifest).await?;
        Ok(Report {
            points: manifest.points(),
            bytes: manifest.bytes(),
            copied_bytes: *run.copied.lock().unwrap_or_else(PoisonError::into_inner),
            id: manifest.id,
            point_ms,
            finished_ms: manifest.finished_ms,
        })
    }

    /// What was backed up last, to take from it what has not changed. One that cannot be read costs a
    /// full copy, not the backup.
    async fn before(&self) -> Result<Option<Manifest>, Error> {
        match self.list().await?.last() {
            None => Ok(None),
            Some(id) => match self.manifest(id).await {
                Err(Error::Damaged { .. } | Error::Invalid(_)) => Ok(None),
                found => found.map(Some),
            },
        }
    }
}

impl Run<'_> {
    async fn stream(&self, name: &str, cut: StreamCut) -> Result<StreamPart, Error> {
        let settings = self.keep(cut.settings).await?;
        let before = self.before.as_ref().and_then(|b| b.streams.get(name));
        let mut shards = Vec::with_capacity(cut.shards.len());
        for (index, shard) in cut.shards.into_iter().enumerate() {
            let before = before.and_then(|stream| stream.shards.get(index));
            shards.push(self.shard(shard, before).await?);
        }
        Ok(StreamPart { settings, shards })
    }

    async fn shard(&self, cut: ShardCut, before: Option<&ShardPart>) -> Result<ShardPart, Error> {
        let mut segments = Vec::with_capacity(cut.segments.len());
        for segment in &cut.segments {
            let same = |part: &&SegmentPart| {
                part.sealed.is_some()
                    && (part.base, part.file_len, part.sealed)
                        == (segment.base, segment.file_len, segment.sealed)
            };
            let known = before.and_then(|before| before.segments.iter().find(same));
            segments.push(SegmentPart {
                base: segment.base,
                file_len: segment.file_len,
                sealed: segment.sealed,
                pieces: match known {
                    Some(part) => part.pieces.clone(),
                    None => self.file(&segment.file).await?,
                },
            });
        }
        let mut runs = Vec::with_capacity(cut.runs.len());
        for run in &cut.runs {
            let same = |part: &&RunPart| part.number == run.number && part.mark == run.mark;
            let known = before.and_then(|before| before.runs.iter().find(same));
            runs.push(RunPart {
                number: run.number,
                mark: run.mark.clone(),
                pieces: match known {
                    Some(part) => part.pieces.clone(),
                    None => self.file(&run.file).await?,
                },
            });
        }
        let checkpoint = cut.table.checkpoint()?;
        Ok(ShardPart {
            shard: cut.shard,
            start: cut.start,
            end: cut.end,
            events: cut.events,
            table: self.table(cut.table).await?,
            checkpoint,
            segments,
            runs,
        })
    }

    async fn file(&self, file: &CutFile) -> Result<Vec<Piece>, Error> {
        let starts = (0..file.len).step_by(PIECE as usize);
        stream::iter(starts)
            .map(|at| {
                let file = file.clone();
                async move {
                    let content = blocking(move || {
                        file.read(at, PIECE as usize)
                            .map_err(|source| Error::Machine {
                                what: "read the data directory".into(),
                                source,
                            })
                    });
                    self.keep(content.await?).await
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn table(&self, table: TableCut) -> Result<Vec<Piece>, Error> {
        let table = Arc::new(table);
        let mut pieces = Vec::new();
        let mut after: Option<Bytes> = None;
        loop {
            let (table, from) = (Arc::clone(&table), after.clone());
            let rows = blocking(move || Ok(table.rows(from.as_deref())?)).await?;
            let Some((chunk, last)) = rows else {
                return Ok(pieces);
            };
            pieces.push(self.keep(chunk).await?);
            after = Some(last);
        }
    }

    /// Sees to it that a blob is there.
    async fn keep(&self, content: Bytes) -> Result<Piece, Error> {
        let (piece, content) = blocking(move || Ok((Piece::of(&content), content))).await?;
        let there = |run: &Self| {
            run.there
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&piece.sha256)
        };
        if there(self) {
            return Ok(piece);
        }
        self.to.put_blob(&piece, content).await?;
        let new = self
            .there
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(piece.sha256.clone());
        if new {
            *self.copied.lock().unwrap_or_else(PoisonError::into_inner) += piece.len;
        }
        Ok(piece)
    }
}

/// `20260501T120000.000Z`: sorts by time.
fn id(unix_ms: u64) -> Result<String, Error> {
    let no_time = || Error::Invalid(format!("{unix_ms} ms is no time"));
    let ms = i64::try_from(unix_ms).map_err(|_| no_time())?;
    let time = jiff::Timestamp::from_millisecond(ms).map_err(|_| no_time())?;
    Ok(time.strftime("%Y%m%dT%H%M%S.%3fZ").to_string())
}
