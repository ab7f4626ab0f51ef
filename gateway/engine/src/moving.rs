//! A stream goes from one store to another, with its state. Every store gives its own offsets, and the state is full of
//! them: in a copy they are others.

mod places;

use crate::record::{Corrupt, Mover, Row};
use bytes::Bytes;
use places::Gone;
pub(crate) use places::Table;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::ops::Range;
use tradewind_store::{Error as Store, Item, Kind, Op, Position, Shard, Stream, Sync};

/// Bytes of log that are copied at once.
const LOG_BYTES: usize = 4 << 20;
/// Rows of the state that are read at once.
const ROWS: usize = 64;
/// Bytes of state that are recorded at once.
const STATE_BYTES: usize = 1 << 20;
/// Places that are taken at once for what the log has no more.
const GONE: usize = 1024;
/// Behind every key.
const LAST: &[u8] = &[0xff];

/// Why a shard was not copied, or is not what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] Store),
    /// Part of the log cannot be read.
    #[error("shard {shard}: the log is damaged from {} to {}", at.start, at.end)]
    Damaged {
        /// The shard.
        shard: Shard,
        /// Where.
        at: Range<u64>,
    },
    /// A row of the state is not understood.
    #[error("shard {shard}: {why} (key {key})")]
    Row {
        /// The shard.
        shard: Shard,
        /// Its key, in letters and escapes.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The copy begins with something.
    #[error("shard {0}: there is something already where it is copied to")]
    NotEmpty(Shard),
    /// The copy does not read as it was written.
    #[error("shard {shard}: the copy is not what was copied: {what}")]
    Differs {
        /// The shard.
        shard: Shard,
        /// What is otherwise.
        what: String,
    },
}

/// What there is of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Content {
    /// Events in its log.
    pub events: u64,
    /// Bytes of them, as they are stored.
    pub bytes: u64,
    /// Rows of its state: cursors, retries, dead letters, history.
    pub rows: u64,
}

impl Content {
    fn count(&mut self, items: &[Item]) {
        for item in items.iter().filter(|item| item.kind == Kind::Event) {
            self.events += 1;
            self.bytes += item.payload.len() as u64;
        }
    }
}

/// A shard that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Which.
    pub shard: Shard,
    /// What there is of it.
    pub content: Content,
    /// Whose it was, and how far it reached, when it was copied.
    epoch: u64,
    end: u64,
    /// Of all rows in the copy.
    state: u64,
    /// Of all offsets in the copy.
    offsets: u64,
}

/// Reads a log from beginning to end.
struct Reading<'a> {
    from: &'a dyn Stream,
    shard: Shard,
    at: u64,
    items: std::vec::IntoIter<Item>,
}

impl<'a> Reading<'a> {
    fn new(from: &'a dyn Stream, shard: Shard) -> Self {
        Self {
            from,
            shard,
            at: from.bounds(shard).start,
            items: Vec::new().into_iter(),
        }
    }

    /// The next stretch, with at least one item; none at the end.
    async fn stretch(&mut self) -> Result<Vec<Item>, Error> {
        loop {
            let batch = self.from.read(self.shard, self.at, LOG_BYTES).await?;
            let at_end = batch.next == self.at;
            self.at = batch.next;
            if let Some(at) = batch.damaged.into_iter().next() {
                let shard = self.shard;
                return Err(Error::Damaged { shard, at });
            }
            if at_end || !batch.items.is_empty() {
                return Ok(batch.items);
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Item>, Error> {
        if self.items.len() == 0 {
            self.items = self.stretch().await?.into_iter();
        }
        Ok(self.items.next())
    }
}

/// Reads the state from beginning to end.
struct Rows<'a> {
    from: &'a dyn Stream,
    shard: Shard,
    next: Vec<u8>,
}

impl<'a> Rows<'a> {
    fn new(from: &'a dyn Stream, shard: Shard) -> Self {
        let next = Vec::new();
        Self { from, shard, next }
    }

    /// The next of them; none at the end.
    async fn page(&mut self) -> Result<Vec<Row>, Error> {
        let page = self.from.scan(self.shard, &self.next, LAST, ROWS).await?;
        if let Some((last, _)) = page.last() {
            self.next = [last, &[0][..]].concat();
        }
        Ok(page)
    }
}

fn unmoved(shard: Shard, key: &[u8], why: &Corrupt) -> Error {
    Error::Row {
        shard,
        key: key.escape_ascii().to_string(),
        why: why.to_string(),
    }
}

/// What is told by all rows, in any order.
fn digest(sum: u64, (key, value): &Row) -> u64 {
    let hashed = BuildHasherDefault::<DefaultHasher>::default().hash_one((key, value));
    sum.wrapping_add(hashed)
}

/// What a copy would hold. Takes the shard over.
///
/// # Errors
/// A store fails, or what is to be copied is not whole.
pub async fn look(from: &dyn Stream, shard: Shard) -> Result<Content, Error> {
    from.recover(shard).await?;
    let (mut content, mut log) = (Content::default(), Reading::new(from, shard));
    loop {
        let items = log.stretch().await?;
        if items.is_empty() {
            break;
        }
        content.count(&items);
    }
    let mut gone = Gone::new(from.bounds(shard).start);
    content.rows = named(from, shard, &mut gone).await?;
    Ok(content)
}

/// Copies a shard with its state into a shard that has nothing. Takes both over: earlier owners are shut out.
/// `told` hears how many events were copied, every now and then.
///
/// # Errors
/// A store fails, or what is to be copied is not whole.
pub async fn copy(
    from: &dyn Stream,
    to: &dyn Stream,
    shard: Shard,
    told: &(dyn Fn(u64) + Send + std::marker::Sync),
) -> Result<Copied, Error> {
    let copied = copy_by(from, to, shard, told).await?;
    Ok(copied.0)
}

/// The same, and where everything lies now.
pub(crate) async fn copy_by(
    from: &dyn Stream,
    to: &dyn Stream,
    shard: Shard,
    told: &(dyn Fn(u64) + Send + std::marker::Sync),
) -> Result<(Copied, Table), Error> {
    let epoch = from.recover(shard).await?.epoch;
    let owned = to.recover(shard).await?.epoch;
    let empty = Reading::new(to, shard).next().await?.is_none()
        && Rows::new(to, shard).page().await?.is_empty();
    if !empty {
        return Err(Error::NotEmpty(shard));
    }
    let mut copied = Copied {
        shard,
        content: Content::default(),
        epoch,
        end: 0,
        state: 0,
        offsets: 0,
    };
    let start = from.bounds(shard).start;
    let mut places = Table::new(start);
    for (old, new) in below(from, to, shard, start).await? {
        places.push(old, new);
    }

    let mut offsets = DefaultHasher::new();
    let mut log = Reading::new(from, shard);
    loop {
        let items = log.stretch().await?;
        if items.is_empty() {
            break;
        }
        let old: Vec<u64> = items.iter().map(|item| item.position.offset).collect();
        copied.content.count(&items);
        let new = to.adopt(shard, items).await?;
        for (old, new) in old.into_iter().zip(&new) {
            places.push(old, *new);
        }
        new.iter().for_each(|offset| offset.hash(&mut offsets));
        told(copied.content.events);
    }
    copied.end = log.at;
    copied.offsets = offsets.finish();
    places.end = to.bounds(shard).end;

    let (mut mover, mut rows) = (Mover::default(), Rows::new(from, shard));
    let (mut ops, mut bytes) = (Vec::new(), 0);
    loop {
        let page = rows.page().await?;
        if page.is_empty() {
            break;
        }
        for (key, value) in page {
            let moved = mover.row(&key, &value, &mut places);
            for row in moved.map_err(|why| unmoved(shard, &key, &why))? {
                copied.content.rows += 1;
                copied.state = digest(copied.state, &row);
                bytes += row.0.len() + row.1.len();
                ops.push(Op::Put(row.0, row.1));
            }
            if bytes >= STATE_BYTES {
                bytes = 0;
                let ops = std::mem::take(&mut ops);
                to.record(shard, owned, ops, Sync::Lazy).await?;
            }
        }
    }
    to.record(shard, owned, ops, Sync::Durable).await?;
    Ok((copied, places))
}

/// Collects what the state names and the log has no more; gives how many rows a copy would have.
async fn named(from: &dyn Stream, shard: Shard, gone: &mut Gone) -> Result<u64, Error> {
    let (mut mover, mut rows) = (Mover::default(), Rows::new(from, shard));
    let mut count = 0;
    loop {
        let page = rows.page().await?;
        if page.is_empty() {
            return Ok(count);
        }
        for (key, value) in page {
            let seen = mover.row(&key, &value, gone);
            let seen = seen.map_err(|why| unmoved(shard, &key, &why))?;
            count += seen.len() as u64;
        }
    }
}

/// Gives what the state names below the beginning of the log a place below that of the copy: dead letters and retries
/// outlive their segments, and keep their order. Their events are in the state.
async fn below(
    from: &dyn Stream,
    to: &dyn Stream,
    shard: Shard,
    start: u64,
) -> Result<Vec<(u64, u64)>, Error> {
    let mut gone = Gone::new(start);
    named(from, shard, &mut gone).await?;
    if gone.offsets.is_empty() {
        return Ok(Vec::new());
    }
    // As old as the log, so that times still grow with it.
    let oldest = Reading::new(from, shard).next().await?;
    let filler = Item {
        position: Position { shard, offset: 0 },
        kind: Kind::Control,
        identity: None,
        appended_ms: oldest.map_or(1, |item| item.appended_ms),
        payload: Bytes::new(),
        decoded: None,
    };
    let old: Vec<u64> = gone.offsets.into_iter().collect();
    let mut pairs = Vec::with_capacity(old.len());
    for part in old.chunks(GONE) {
        let new = to.adopt(shard, vec![filler.clone(); part.len()]).await?;
        pairs.extend(part.iter().copied().zip(new));
    }
    let end = to.bounds(shard).end;
    to.trim(shard, end).await?;
    match to.bounds(shard).start < end {
        false => Ok(pairs),
        true => Err(Store::Away("the beginning of the copy could not be given up".into()).into()),
    }
}

/// Reads a copy, best of all when it was opened again, beside what was copied.
///
/// # Errors
/// [`Error::Differs`] where anything is otherwise.
pub async fn verify(from: &dyn Stream, to: &dyn Stream, copied: &Copied) -> Result<(), Error> {
    let shard = copied.shard;
    let differs = |what: String| Error::Differs { shard, what };
    let (mut old, mut new) = (Reading::new(from, shard), Reading::new(to, shard));
    let mut offsets = DefaultHasher::new();
    loop {
        let (was, is) = match (old.next().await?, new.next().await?) {
            (Some(was), Some(is)) => (was, is),
            (None, None) => break,
            (was, _) => {
                let which = if was.is_some() { "less" } else { "more" };
                return Err(differs(format!("it has {which} items")));
            }
        };
        let same = (was.kind, was.appended_ms, &was.payload) == (is.kind, is.appended_ms, &is.payload)
            // A store may leave out one that another has decided to repeat.
            && (was.identity == is.identity || is.identity.is_none());
        if !same {
            let (was, is) = (was.position, is.position);
            return Err(differs(format!(
                "what lies at {was} is not what lies at {is}"
            )));
        }
        is.position.offset.hash(&mut offsets);
    }
    if offsets.finish() != copied.offsets {
        return Err(differs("it lies elsewhere than its state says".into()));
    }
    let (mut count, mut state) = (0, 0);
    let mut rows = Rows::new(to, shard);
    loop {
        let page = rows.page().await?;
        if page.is_empty() {
            break;
        }
        count += page.len() as u64;
        state = page.iter().fold(state, digest);
    }
    match (count, state) == (copied.content.rows, copied.state) {
        true => Ok(()),
        false => Err(differs(format!("its state has {count} rows, or others"))),
    }
}

/// Whether nobody has written to a shard, or owned it, since it was copied. Asked once: it takes the shard over.
///
/// # Errors
/// A store fails.
pub async fn is_unchanged(from: &dyn Stream, copied: &Copied) -> Result<bool, Error> {
    let shard = copied.shard;
    let owned = from.recover(shard).await?.epoch;
    let more = from.read(shard, copied.end, 1).await?;
    Ok(owned == copied.epoch + 1 && more.items.is_empty())
}
