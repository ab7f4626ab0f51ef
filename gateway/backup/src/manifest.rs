//! What a backup consists of.

use crate::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Version of manifests and of the layout of a repository. Later versions keep the first line.
pub const FORMAT: u64 = 1;
const WORD: &str = "tradewind-backup";

/// What a backup consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Name of the backup: when it was begun.
    pub id: String,
    /// Version of Tradewind that made it.
    pub version: String,
    /// Format of the data directory that it was made of.
    pub store_format: u64,
    /// When it was begun, milliseconds since the Unix epoch: all that was acknowledged before this is
    /// in it.
    pub point_ms: u64,
    /// When it was complete.
    pub finished_ms: u64,
    /// Streams by name, `space/stream`.
    pub streams: BTreeMap<String, StreamPart>,
}

/// A stream of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StreamPart {
    /// Its settings file.
    pub settings: Piece,
    /// Its shards, in order.
    pub shards: Vec<ShardPart>,
}

/// A shard of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShardPart {
    /// The shard.
    pub shard: u16,
    /// Where its log begins.
    pub start: u64,
    /// The recovery point: all that was durable below this offset is in the backup.
    pub end: u64,
    /// Events in the log below `end`, those that retention removed included.
    pub events: u64,
    /// What the state table is as of.
    pub checkpoint: String,
    /// Rows of the state table.
    pub table: Vec<Piece>,
    /// Segments of the log, oldest first.
    pub segments: Vec<SegmentPart>,
    /// Dedupe runs.
    pub runs: Vec<RunPart>,
}

/// A segment of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SegmentPart {
    /// Offset of its first byte of log.
    pub base: u64,
    /// Length of its file.
    pub file_len: u64,
    /// Checksum of its log, if it was sealed.
    pub sealed: Option<u32>,
    /// Its content, without zeros at its end.
    pub pieces: Vec<Piece>,
}

/// A dedupe run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunPart {
    /// Its number.
    pub number: u64,
    /// What tells it from another of the same number.
    pub mark: String,
    /// Its content.
    pub pieces: Vec<Piece>,
}

/// A piece of a file: a blob.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Piece {
    /// SHA-256 of its content, 64 hexadecimal digits: its name.
    pub sha256: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Up to where a shard is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The stream, `space/stream`.
    pub stream: String,
    /// `shard/offset`: everything below.
    pub position: String,
    /// Events below it, those that retention removed included.
    pub events: u64,
}

impl Piece {
    pub(crate) fn of(content: &[u8]) -> Self {
        Self {
            sha256: hex(content),
            len: content.len() as u64,
        }
    }

    pub(crate) fn is_well_formed(&self) -> bool {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        self.sha256.len() == 64 && self.sha256.bytes().all(digit)
    }
}

fn hex(content: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(content)
        .iter()
        .fold(String::new(), |mut out, byte| {
            // Writing to a string cannot fail.
            write!(out, "{byte:02x}").unwrap_or_default();
            out
        })
}

impl Manifest {
    /// Every piece that it names, as often as it does.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.streams.values().flat_map(|stream| {
            std::iter::once(&stream.settings)
                .chain(stream.shards.iter().flat_map(ShardPart::pieces))
        })
    }

    /// The recovery point, by stream and shard.
    pub fn points(&self) -> Vec<Point> {
        let of_stream = |(name, stream): (&String, &StreamPart)| {
            let point = |shard: &ShardPart| Point {
                stream: name.clone(),
                position: format!("{}/{}", shard.shard, shard.end),
                events: shard.events,
            };
            stream.shards.iter().map(point).collect::<Vec<_>>()
        };
        self.streams.iter().flat_map(of_stream).collect()
    }

    /// Bytes of all its pieces.
    pub fn bytes(&self) -> u64 {
        self.pieces().map(|piece| piece.len).sum()
    }

    /// What is stored: a line with format and checksum, then JSON.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        let json = serde_json::to_vec(self)
            .map_err(|e| Error::Invalid(format!("cannot write a manifest: {e}")))?;
        let mut content = format!("{WORD} {FORMAT} {}\n", hex(&json)).into_bytes();
        content.extend(json);
        Ok(content)
    }

    /// Reads what [`Manifest::encode`] wrote.
    pub(crate) fn decode(id: &str, content: &[u8]) -> Result<Self, Error> {
        let damaged = |why: &str| Error::Damaged {
            what: format!("the manifest of backup {id}"),
            why: why.into(),
        };
        let end = content.iter().take(256).position(|byte| *byte == b'\n');
        let (line, json) = content.split_at(end.ok_or_else(|| damaged("it has no first line"))?);
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let format = match (words.next(), words.next().map(str::parse::<u64>)) {
            (Some(WORD), Some(Ok(format))) => format,
            _ => return Err(damaged("its first line is not that of a backup")),
        };
        if format > FORMAT {
            return Err(Error::Invalid(format!(
                "backup {id} has format {format}, this version knows up to {FORMAT}: use a later \
                 version"
            )));
        }
        let json = json.get(1..).unwrap_or_default();
        if words.next() != Some(hex(json).as_str()) {
            return Err(damaged("its checksum differs"));
        }
        let manifest: Self =
            serde_json::from_slice(json).map_err(|error| damaged(&error.to_string()))?;
        if manifest.store_format > tradewind_store::backup::FORMAT {
            return Err(Error::Invalid(format!(
                "backup {id} is of a data directory of format {}, this version knows up to {}: use a \
                 later version",
                manifest.store_format,
                tradewind_store::backup::FORMAT
            )));
        }
        let sound = manifest.pieces().all(Piece::is_well_formed);
        match sound {
            true => Ok(manifest),
            false => Err(damaged("it names a blob that cannot be")),
        }
    }
}

impl ShardPart {
    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let segments = self.segments.iter().flat_map(|segment| &segment.pieces);
        let runs = self.runs.iter().flat_map(|run| &run.pieces);
        self.table.iter().chain(segments).chain(runs)
    }
}
