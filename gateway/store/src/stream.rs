//! What the engine asks of a store.

use crate::Finding;
use async_trait::async_trait;
use bytes::Bytes;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// Index of a shard within a stream.
pub type Shard = u16;

/// Where a record lies: opaque outside the store, ordered within a shard.
///
/// Printed as `shard/offset`. Offsets grow, have gaps, and are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The shard.
    pub shard: Shard,
    /// The place in the shard's log.
    pub offset: u64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.shard, self.offset)
    }
}

/// As it is printed; every event that is taken is answered with one.
impl From<Position> for String {
    fn from(position: Position) -> Self {
        let (mut shard, mut offset) = (itoa::Buffer::new(), itoa::Buffer::new());
        [
            shard.format(position.shard),
            "/",
            offset.format(position.offset),
        ]
        .concat()
    }
}

impl std::str::FromStr for Position {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self, Error> {
        s.split_once('/')
            .and_then(|(shard, offset)| {
                Some(Position {
                    shard: shard.parse().ok()?,
                    offset: offset.parse().ok()?,
                })
            })
            .ok_or_else(|| Error::Invalid(format!("`{s}` is not a position: write shard/offset")))
    }
}

/// One thing to append.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What picks the shard: a hash of the ordering key, else of (`source`, `id`).
    pub shard_key: u64,
    /// Identity for deduplication; `None` for entries that are never duplicates (control).
    pub identity: Option<Identity>,
    /// Event or control.
    pub kind: Kind,
    /// Kept as given, byte for byte.
    pub payload: Bytes,
    /// What the payload is the written form of, if it is to come back with [`Item`] while it is in memory.
    pub decoded: Option<Decoded>,
}

/// Something that the caller has put into a payload. The store hands it back and knows nothing of it.
pub type Decoded = Arc<dyn Any + Send + std::marker::Sync>;

/// What makes two entries the same event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Hash of (`source`, `id`), keyed by the store's [`Stream::hash_key`].
    pub id: u128,
    /// Digest of everything else that the sender decides; differing digests under one id conflict.
    pub content: u128,
    /// How long a repetition is recognised, in milliseconds.
    pub window_ms: u64,
}

/// What a log item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An event: counted, routed, delivered.
    Event,
    /// A record of the engine that must hold a place in the log, such as a change of subscriptions.
    Control,
}

/// What became of one entry. Every variant but `Undecided` is durable when it is returned
/// (in the stream's durability mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Written at this position.
    New(Position),
    /// Already there, with the same content.
    Duplicate(Position),
    /// The same identity with other content; nothing was written.
    Conflict(Position),
    /// Not written, because another entry of the same call and shard is a `Conflict`.
    Withheld,
    /// Written, but the store decides later whether it is a duplicate (Kafka).
    Undecided,
}

/// One item read from the log.
#[derive(Debug, Clone)]
pub struct Item {
    /// Where it lies.
    pub position: Position,
    /// Event or control.
    pub kind: Kind,
    /// As it was appended with.
    pub identity: Option<Identity>,
    /// When it was appended, milliseconds since the Unix epoch by the store's clock.
    pub appended_ms: u64,
    /// The payload as given.
    pub payload: Bytes,
    /// [`Entry::decoded`], where the item was appended a moment ago. It says nothing that the payload does not.
    pub decoded: Option<Decoded>,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        let whole = |item: &Self| (item.position, item.kind, item.identity, item.appended_ms);
        whole(self) == whole(other) && self.payload == other.payload
    }
}

impl Eq for Item {}

/// A stretch of log.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Items in order.
    pub items: Vec<Item>,
    /// Where to read on. Equal to the `from` of the call only at the tip.
    pub next: u64,
    /// Stretches that could not be read because the disk is damaged: `[from, to)`.
    pub damaged: Vec<std::ops::Range<u64>>,
}

/// One change of the shard's state table, which the engine owns and the store never interprets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Sets a key.
    Put(Bytes, Bytes),
    /// Removes a key; absent keys are no error.
    Delete(Bytes),
    /// Removes `[from, to)`.
    DeleteRange(Bytes, Bytes),
}

/// When [`Stream::record`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// As soon as the change is readable; it is durable with the next group commit that somebody waits
    /// for, or after a second of rest. A power loss may take it back, and the engine then delivers
    /// again.
    Lazy,
    /// When it is durable.
    Durable,
}

/// What a shard looks like after recovery.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Fencing token for [`Stream::record`]; higher than any earlier one.
    pub epoch: u64,
    /// First offset that can be read.
    pub start: u64,
    /// Offset that the next append will get.
    pub end: u64,
    /// Damage that was found, for the operator.
    pub findings: Vec<Finding>,
}

/// A named durable log in shards, with a state table beside each.
///
/// # Contract
/// - Whoever uses a shard owns it first, by `recover`. A stream that several processes share answers
///   what only an owner can know with [`Error::Elsewhere`], and appends to the shards of others as
///   [`Appended::Undecided`]; one that belongs to one process may do without.
/// - `append` returns after the entries are durable in the stream's durability mode; entries of one
///   call are all-or-nothing per shard: those that fall into one
///   shard are written in one commit, or none of them is (a [`Appended::Conflict`] withholds the rest).
/// - A call that names one identity twice with differing contents is refused with
///   [`Error::Contradiction`]; with the same content, the second is a duplicate of the first.
/// - Within a shard, items are read in the order in which they were appended.
/// - `record` applies its operations atomically and in order, after everything recorded before.
/// - State never overtakes the log: after a crash, a state change is present only if all that was
///   appended and recorded before it is.
/// - Offsets are never given to other content than what was once acknowledged or read there.
/// - Damage on disk is reported, in [`Stream::findings`] and [`Batch::damaged`], and skipped; it is
///   never silent and never costs what is not damaged. What was derived from the log is made again.
/// - After `Error::Failed` from a write the shard takes no writes until it is reopened; it can still
///   be read.
/// - Calls may run on any thread of a tokio runtime; those that read the disk use its blocking threads.
#[async_trait]
pub trait Stream: Send + std::marker::Sync + std::fmt::Debug {
    /// Number of shards, fixed when the stream is created.
    fn shards(&self) -> Shard;
    /// Secret key for [`Identity`] hashes.
    fn hash_key(&self) -> [u8; 16];
    /// Appends; one result per entry, in order. At most 128 MiB of payload per call and shard.
    ///
    /// # Errors
    /// `Full` and `Busy` when the caller is to come back. An error of a call over several shards may
    /// leave the entries of some of them written; the same call again finds them as duplicates.
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error>;
    /// Appends what another stream holds as it is there, times and identities included, in one shard and in order: for
    /// whoever moves a stream. Nothing is taken for a repetition. Durable when it returns the offsets; an error may
    /// leave some of it written.
    ///
    /// # Errors
    /// `Invalid` where this store takes in nothing of others, or not an item of this size.
    async fn adopt(&self, _shard: Shard, _items: Vec<Item>) -> Result<Vec<u64>, Error> {
        Err(Error::Invalid(
            "nothing can be moved into this stream".into(),
        ))
    }
    /// Reads from `from` (inclusive) up to about `max_bytes`, at least one item unless at the tip.
    /// A `from` before the start of the log reads from the start; one that is no position (it lies
    /// within an item) reads from the next item.
    async fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error>;
    /// Offset at which the first item appended at or after `unix_ms` lies.
    async fn seek(&self, shard: Shard, unix_ms: u64) -> Result<u64, Error>;
    /// Where the log begins and ends now. The end moves when entries become readable, not with state.
    fn bounds(&self, shard: Shard) -> std::ops::Range<u64>;
    /// Resolves when the shard's end has moved past `seen`; never once the stream is closed.
    async fn grown(&self, shard: Shard, seen: u64);
    /// Position of the event appended last under this identity hash: known while the event is in the
    /// log, whether or not its window has ended.
    async fn find(&self, id: u128) -> Result<Option<Position>, Error>;
    /// Makes this caller the owner of the shard's state and reports what recovery found. Earlier
    /// owners are refused from now on, also after a restart.
    async fn recover(&self, shard: Shard) -> Result<Recovered, Error>;
    /// The shards that this caller is to own now, where several processes share the stream: they come
    /// and go with the processes. `None` where the stream belongs to this one, with all its shards.
    fn assigned(&self) -> Option<watch::Receiver<BTreeSet<Shard>>> {
        None
    }
    /// What those call themselves who own the shards of a stream that several processes share, as far as anybody
    /// knows: for telling people where to ask.
    async fn owners(&self) -> Result<BTreeMap<Shard, String>, Error> {
        Ok(BTreeMap::new())
    }
    /// Gives up a shard that is not to be owned any more, once everything recorded is durable.
    async fn release(&self, _shard: Shard) -> Result<(), Error> {
        Ok(())
    }
    /// Changes the state table. Refused with `Error::Fenced` when `epoch` is stale. Never refused for
    /// a long queue, and for want of room only when the reserve is used up. Without operations,
    /// `Sync::Durable` waits until everything recorded before is durable.
    async fn record(&self, shard: Shard, epoch: u64, ops: Vec<Op>, sync: Sync)
    -> Result<(), Error>;
    /// Reads one key of the state table.
    async fn get(&self, shard: Shard, key: &[u8]) -> Result<Option<Bytes>, Error>;
    /// Reads keys in `[from, to)` in order, at most `limit`.
    async fn scan(
        &self,
        shard: Shard,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error>;
    /// Offset below which retention would remove the log now: age and size limits, whole segments.
    /// The engine copies out what it still needs, then calls [`Stream::trim`].
    async fn expired(&self, shard: Shard) -> Result<u64, Error>;
    /// Gives up everything below `before` (rounded down to whole segments), once all state recorded so
    /// far is safe without it. Identities stay known until their window ends.
    async fn trim(&self, shard: Shard, before: u64) -> Result<(), Error>;
    /// Figures for metrics.
    fn stats(&self) -> Stats;
    /// What is known to be wrong on disk: found when the stream was opened, or met since.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
    /// Whether events are taken.
    ///
    /// # Errors
    /// `Full` while there is no room, `Away` while whoever keeps it does not answer, `Failed` with the reason once the
    /// disk has failed a write.
    fn health(&self) -> Result<(), Error> {
        Ok(())
    }
    /// Flushes and stops; later calls fail with `Error::Closed`.
    async fn close(&self) -> Result<(), Error>;
}

/// Figures for metrics, since the stream was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events appended.
    pub appended: u64,
    /// Events recognised as duplicates.
    pub duplicates: u64,
    /// Same identity, other content.
    pub conflicts: u64,
    /// Group commits.
    pub commits: u64,
    /// Calls of fdatasync (or its equivalent) on the log.
    pub syncs: u64,
    /// Bytes of log on disk.
    pub log_bytes: u64,
    /// Segments sealed: nothing is written to them any more.
    pub sealed: u64,
    /// Identities dropped from the dedupe index before their window ended.
    pub dedupe_evicted: u64,
}

/// Why a store call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No room: publishers are to be told to come back; what was accepted goes on.
    #[error("disk is full")]
    Full,
    /// Too much waits to be written.
    #[error("append queue is full")]
    Busy,
    /// Whoever keeps the stream does not answer: what was asked may have been done.
    #[error("the store cannot be reached: {0}")]
    Away(String),
    /// The disk failed; nothing is acknowledged until the stream is reopened.
    #[error("store failed: {0}")]
    Failed(String),
    /// Another owner has taken the shard.
    #[error("shard is owned by a later epoch")]
    Fenced,
    /// Several share the stream, and this caller does not own the shard.
    #[error("shard {0} is not owned here")]
    Elsewhere(Shard),
    /// Somebody else has changed the table since the caller looked.
    #[error("somebody else has changed it meanwhile")]
    Outdated,
    /// The stream was closed.
    #[error("stream is closed")]
    Closed,
    /// Not readable because of damage on disk.
    #[error("{0} is damaged")]
    Damaged(Position),
    /// Two entries of one call, by index, have one identity and differing contents.
    #[error("entries {0} and {1} of the batch have one identity but differ")]
    Contradiction(usize, usize),
    /// The caller asked for something that cannot be.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Error::Full | Error::Busy | Error::Away(_) | Error::Outdated
        )
    }

    /// The same error for another caller.
    pub fn again(&self) -> Self {
        match self {
            Error::Full => Error::Full,
            Error::Busy => Error::Busy,
            Error::Fenced => Error::Fenced,
            Error::Elsewhere(shard) => Error::Elsewhere(*shard),
            Error::Closed => Error::Closed,
            Error::Outdated => Error::Outdated,
            Error::Away(reason) => Error::Away(reason.clone()),
            Error::Failed(reason) => Error::Failed(reason.clone()),
            Error::Damaged(position) => Error::Damaged(*position),
            Error::Contradiction(first, second) => Error::Contradiction(*first, *second),
            Error::Invalid(reason) => Error::Invalid(reason.clone()),
        }
    }
}

/// Refuses what a later version wrote.
pub(crate) fn later(what: &str, has: u64, known: u64) -> Error {
    Error::Invalid(format!(
        "{what} has format {has}, this version knows up to {known}: use a later version"
    ))
}

/// Refuses a batch that names one identity twice with differing contents: it can have no right
/// outcome, and there is no position to point at. For engines.
///
/// # Errors
/// [`Error::Contradiction`].
pub fn check_batch(entries: &[Entry]) -> Result<(), Error> {
    if entries.len() < 2 {
        return Ok(());
    }
    let mut seen: std::collections::HashMap<u128, (usize, u128)> =
        std::collections::HashMap::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let Some(Identity { id, content, .. }) = entry.identity else {
            continue;
        };
        let (first, other) = *seen.entry(id).or_insert((index, content));
        if other != content {
            return Err(Error::Contradiction(first, index));
        }
    }
    Ok(())
}
