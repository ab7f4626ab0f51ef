//! A stream without a disk: the semantics of [`Stream`] in the fewest lines, nothing durable.

use crate::{
    Appended, Batch, Clock, Entry, Error, Item, Movable, Op, Position, Recovered, Settings, Shard,
    Standing, Stats, Stream, Streams, Sync, SystemClock, is_absent, is_there,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Offsets are spaced like those of a real log: payload plus header.
const HEADER: u64 = 32;
const KEY: [u8; 16] = *b"tradewind-memory";

/// A [`Stream`] in memory.
#[derive(Debug)]
pub struct MemoryStream {
    clock: Arc<dyn Clock>,
    settings: Settings,
    hash_key: [u8; 16],
    header: u64,
    shards: Vec<Mutex<State>>,
    ends: Vec<watch::Sender<u64>>,
    stats: Mutex<Stats>,
}

#[derive(Debug, Default)]
struct State {
    log: BTreeMap<u64, Item>,
    start: u64,
    end: u64,
    epoch: u64,
    table: BTreeMap<Bytes, Bytes>,
    /// identity → (content, offset, forgotten at)
    seen: HashMap<u128, (u128, u64, u64)>,
    closed: bool,
}

impl MemoryStream {
    /// An empty stream.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let shards = settings.shards.max(1);
        Self {
            clock,
            settings,
            hash_key: KEY,
            header: HEADER,
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            ends: (0..shards).map(|_| watch::Sender::new(0)).collect(),
            stats: Mutex::default(),
        }
    }

    /// The same with so many bytes between payloads, which is how its offsets differ from others'.
    #[must_use]
    pub fn spaced(self, header: u64) -> Self {
        Self { header, ..self }
    }

    /// The same with a log that begins at this offset.
    #[must_use]
    pub fn beginning(self, at: u64) -> Self {
        for state in &self.shards {
            let mut state = lock(state);
            (state.start, state.end) = (at, at);
        }
        self
    }

    fn shard(&self, shard: Shard) -> Result<MutexGuard<'_, State>, Error> {
        let state = lock(
            self.shards
                .get(usize::from(shard))
                .ok_or_else(|| Error::Invalid(format!("no shard {shard}")))?,
        );
        if state.closed {
            Err(Error::Closed)
        } else {
            Ok(state)
        }
    }

    fn append_to(
        &self,
        shard: Shard,
        entries: &[(usize, Entry)],
        results: &mut [Appended],
    ) -> Result<(), Error> {
        let mut state = self.shard(shard)?;
        let mut stats = lock(&self.stats);
        let now = self.clock.unix_ms();
        let at = |offset| Position { shard, offset };
        let State { seen, log, .. } = &mut *state;
        // Found as long as it is in the log, a duplicate only within its window.
        seen.retain(|_, (_, offset, until)| *until > now || log.contains_key(offset));
        let conflicts: Vec<_> = entries
            .iter()
            .filter_map(|(index, entry)| {
                let id = entry.identity?;
                let (content, offset, until) = state.seen.get(&id.id)?;
                (*until > now && *content != id.content).then_some((*index, *offset))
            })
            .collect();
        if !conflicts.is_empty() {
            stats.conflicts += conflicts.len() as u64;
            for (index, _) in entries {
                results[*index] = Appended::Withheld;
            }
            for (index, offset) in conflicts {
                results[index] = Appended::Conflict(at(offset));
            }
            return Ok(());
        }
        for (index, entry) in entries {
            if let Some(id) = entry.identity {
                if let Some((_, offset, until)) = state.seen.get(&id.id)
                    && *until > now
                {
                    results[*index] = Appended::Duplicate(at(*offset));
                    stats.duplicates += 1;
                    continue;
                }
                let end = state.end;
                state
                    .seen
                    .insert(id.id, (id.content, end, now.saturating_add(id.window_ms)));
            }
            let position = at(state.end);
            results[*index] = Appended::New(position);
            stats.appended += u64::from(entry.kind == crate::Kind::Event);
            state.end += self.header + entry.payload.len() as u64;
            state.log.insert(
                position.offset,
                Item {
                    position,
                    kind: entry.kind,
                    identity: entry.identity,
                    appended_ms: now,
                    payload: entry.payload.clone(),
                    decoded: entry.decoded.clone(),
                },
            );
        }
        stats.commits += 1;
        self.ends[usize::from(shard)].send_replace(state.end);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Stream for MemoryStream {
    fn shards(&self) -> Shard {
        self.shards.len() as Shard
    }

    fn hash_key(&self) -> [u8; 16] {
        self.hash_key
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        crate::stream::check_batch(&entries)?;
        let mut results = vec![Appended::Undecided; entries.len()];
        let mut by_shard: BTreeMap<Shard, Vec<(usize, Entry)>> = BTreeMap::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let shard = (entry.shard_key % u64::from(self.shards())) as Shard;
            by_shard.entry(shard).or_default().push((index, entry));
        }
        for (shard, entries) in by_shard {
            self.append_to(shard, &entries, &mut results)?;
        }
        Ok(results)
    }

    async fn adopt(&self, shard: Shard, items: Vec<Item>) -> Result<Vec<u64>, Error> {
        let mut state = self.shard(shard)?;
        let mut offsets = Vec::with_capacity(items.len());
        for mut item in items {
            let offset = state.end;
            item.position = Position { shard, offset };
            if let Some(id) = item.identity {
                let until = item.appended_ms.saturating_add(id.window_ms);
                state.seen.insert(id.id, (id.content, offset, until));
            }
            state.end += self.header + item.payload.len() as u64;
            state.log.insert(offset, item);
            offsets.push(offset);
        }
        self.ends[usize::from(shard)].send_replace(state.end);
        Ok(offsets)
    }

    async fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error> {
        let state = self.shard(shard)?;
        let from = from.max(state.start);
        let mut batch = Batch {
            next: from,
            ..Batch::default()
        };
        let mut bytes = 0;
        for item in state.log.range(from..).map(|(_, item)| item) {
            let size = self.header as usize + item.payload.len();
            if !batch.items.is_empty() && bytes + size > max_bytes {
                return Ok(batch);
            }
            bytes += size;
            batch.next = item.position.offset + self.header + item.payload.len() as u64;
            batch.items.push(item.clone());
        }
        Ok(batch)
    }

    async fn seek(&self, shard: Shard, unix_ms: u64) -> Result<u64, Error> {
        let state = self.shard(shard)?;
        let found = state.log.values().find(|item| item.appended_ms >= unix_ms);
        Ok(found.map_or(state.end, |item| item.position.offset))
    }

    fn bounds(&self, shard: Shard) -> Range<u64> {
        self.shards.get(usize::from(shard)).map_or(0..0, |state| {
            let state = lock(state);
            state.start..state.end
        })
    }

    async fn grown(&self, shard: Shard, seen: u64) {
        if let Some(end) = self.ends.get(usize::from(shard)) {
            // The sender lives as long as `self`, so waiting cannot fail.
            end.subscribe().wait_for(|end| *end > seen).await.ok();
        }
    }

    async fn find(&self, id: u128) -> Result<Option<Position>, Error> {
        for shard in 0..self.shards() {
            if let Some((_, offset, _)) = self.shard(shard)?.seen.get(&id) {
                return Ok(Some(Position {
                    shard,
                    offset: *offset,
                }));
            }
        }
        Ok(None)
    }

    async fn recover(&self, shard: Shard) -> Result<Recovered, Error> {
        let mut state = self.shard(shard)?;
        state.epoch += 1;
        Ok(Recovered {
            epoch: state.epoch,
            start: state.start,
            end: state.end,
            findings: Vec::new(),
        })
    }

    async fn record(
        &self,
        shard: Shard,
        epoch: u64,
        ops: Vec<Op>,
        _sync: Sync,
    ) -> Result<(), Error> {
        let mut state = self.shard(shard)?;
        if epoch != state.epoch {
            return Err(Error::Fenced);
        }
        for op in ops {
            match op {
                Op::Put(key, value) => {
                    state.table.insert(key, value);
                }
                Op::Delete(key) => {
                    state.table.remove(&key);
                }
                Op::DeleteRange(from, to) => {
                    state.table.retain(|key, _| *key < from || *key >= to);
                }
            }
        }
        Ok(())
    }

    async fn get(&self, shard: Shard, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.shard(shard)?.table.get(key).cloned())
    }

    async fn scan(
        &self,
        shard: Shard,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        let state = self.shard(shard)?;
        let range = state.table.range::<[u8], _>((
            std::ops::Bound::Included(from),
            std::ops::Bound::Excluded(to),
        ));
        Ok(range
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    async fn expired(&self, shard: Shard) -> Result<u64, Error> {
        let state = self.shard(shard)?;
        let horizon = self
            .clock
            .unix_ms()
            .saturating_sub(self.settings.retention.as_millis() as u64);
        let kept = state.log.values().find(|item| item.appended_ms >= horizon);
        Ok(kept.map_or(state.end, |item| item.position.offset))
    }

    async fn trim(&self, shard: Shard, before: u64) -> Result<(), Error> {
        let mut state = self.shard(shard)?;
        state.start = state.start.max(before.min(state.end));
        let start = state.start;
        state.log = state.log.split_off(&start);
        Ok(())
    }

    fn stats(&self) -> Stats {
        *lock(&self.stats)
    }

    async fn close(&self) -> Result<(), Error> {
        for state in &self.shards {
            lock(state).closed = true;
        }
        Ok(())
    }
}

/// [`Streams`] in memory. What was written survives closing and reopening a stream, so that a
/// restart can be played; nothing survives the value itself.
#[derive(Debug)]
pub struct MemoryStreams {
    clock: Arc<dyn Clock>,
    header: u64,
    beginning: u64,
    streams: Mutex<BTreeMap<String, (Arc<MemoryStream>, Standing)>>,
}

impl MemoryStreams {
    /// No streams yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            header: HEADER,
            beginning: 0,
            streams: Mutex::default(),
        }
    }

    /// The same with so many bytes between payloads: see [`MemoryStream::spaced`].
    #[must_use]
    pub fn spaced(self, header: u64) -> Self {
        Self { header, ..self }
    }

    /// The same with logs that begin at this offset.
    #[must_use]
    pub fn beginning(self, at: u64) -> Self {
        Self {
            beginning: at,
            ..self
        }
    }

    fn made(&self, settings: &Settings) -> MemoryStream {
        MemoryStream::new(settings.clone(), Arc::clone(&self.clock))
            .spaced(self.header)
            .beginning(self.beginning)
    }

    /// Those that are to be served here.
    fn here(&self) -> Vec<(String, Arc<MemoryStream>)> {
        let streams = lock(&self.streams);
        let here = streams.iter().filter(|(_, (_, there))| there.is_here());
        here.map(|(name, (stream, _))| (name.clone(), Arc::clone(stream)))
            .collect()
    }
}

impl Default for MemoryStreams {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock::default()))
    }
}

fn opened(stream: &Arc<MemoryStream>) -> Arc<dyn Stream> {
    for state in &stream.shards {
        lock(state).closed = false;
    }
    Arc::clone(stream) as Arc<dyn Stream>
}

#[async_trait]
impl Streams for MemoryStreams {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        crate::streams::check_name(name)?;
        let mut streams = lock(&self.streams);
        let (stream, standing) = streams
            .entry(name.to_owned())
            .or_insert_with(|| (Arc::new(self.made(settings)), Standing::Here));
        standing.check(name)?;
        if stream.shards() != settings.shards.max(1) {
            return Err(Error::Invalid(format!(
                "stream `{name}` has {} shard(s), which cannot be changed",
                stream.shards()
            )));
        }
        Ok(opened(stream))
    }

    async fn list(&self) -> Result<Vec<String>, Error> {
        Ok(self.here().into_iter().map(|(name, _)| name).collect())
    }

    async fn settings(&self, name: &str) -> Result<Option<Settings>, Error> {
        let mut here = self.here().into_iter();
        let found = here.find(|(there, _)| there == name);
        Ok(found.map(|(_, stream)| stream.settings.clone()))
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        lock(&self.streams).remove(name);
        Ok(())
    }
}

#[async_trait]
impl Movable for MemoryStreams {
    async fn standing(&self, name: &str) -> Result<Option<Standing>, Error> {
        let streams = lock(&self.streams);
        Ok(streams.get(name).map(|(_, standing)| standing.clone()))
    }

    async fn stand(&self, name: &str, standing: Standing) -> Result<(), Error> {
        let mut streams = lock(&self.streams);
        streams.get_mut(name).ok_or_else(|| is_absent(name))?.1 = standing;
        Ok(())
    }

    async fn make(
        &self,
        name: &str,
        settings: &Settings,
        hash_key: [u8; 16],
        from: &str,
    ) -> Result<(), Error> {
        crate::streams::check_name(name)?;
        let mut streams = lock(&self.streams);
        if streams.contains_key(name) {
            return Err(is_there(name));
        }
        let stream = MemoryStream {
            hash_key,
            ..self.made(settings)
        };
        let coming = Standing::Coming(from.to_owned());
        streams.insert(name.to_owned(), (Arc::new(stream), coming));
        Ok(())
    }

    async fn lift(&self, name: &str) -> Result<Option<Arc<dyn Stream>>, Error> {
        let streams = lock(&self.streams);
        Ok(streams.get(name).map(|(stream, _)| opened(stream)))
    }
}
