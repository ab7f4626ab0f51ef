//! [`Stream`] over the shards.

use super::door::Door;
use super::worker::Message;
use crate::backup::ShardCut;
use crate::disk::Reserve;
use crate::shard::{Call, View};
use crate::stream::check_batch;
use crate::{
    Appended, Batch, Entry, Error, Finding, Item, Op, Position, Recovered, Shard, Stats, Stream,
    Sync,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a call brings to one shard: entries, and where they stand in the call.
type Part = (Shard, Vec<usize>, Vec<Entry>);

/// An open stream.
#[derive(Debug)]
pub(super) struct EmbeddedStream {
    doors: Vec<Door>,
    key: [u8; 16],
    clock: std::sync::Arc<dyn crate::Clock>,
    disk: Reserve,
    closed: AtomicBool,
    conflicts: AtomicU64,
}

impl EmbeddedStream {
    pub(super) fn new(
        doors: Vec<Door>,
        key: [u8; 16],
        clock: std::sync::Arc<dyn crate::Clock>,
        disk: Reserve,
    ) -> Self {
        let (closed, conflicts) = (AtomicBool::new(false), AtomicU64::new(0));
        Self {
            doors,
            key,
            clock,
            disk,
            closed,
            conflicts,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn door(&self, shard: Shard) -> Result<&Door, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        self.doors.get(usize::from(shard)).ok_or_else(|| {
            Error::Invalid(format!(
                "no shard {shard}: the stream has {}",
                self.doors.len()
            ))
        })
    }

    /// Runs what may block where it may.
    async fn blocking<T: Send + 'static>(
        &self,
        shard: Shard,
        work: impl FnOnce(View) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let door = self.door(shard)?;
        let view = door.view.clone();
        if door.is_inline() {
            return work(view);
        }
        match tokio::task::spawn_blocking(move || work(view)).await {
            Ok(result) => result,
            Err(error) => Err(Error::Failed(format!("a read ended early: {error}"))),
        }
    }

    /// All shards, each as it is now.
    pub(super) async fn cut(&self) -> Result<Vec<ShardCut>, Error> {
        // Asked all at once: the moments differ by what is being written.
        let begun = |door: &'_ Door| door.begin(Message::Cut);
        let asked: Vec<_> = self.doors.iter().map(begun).collect::<Result<_, _>>()?;
        let mut cuts = Vec::with_capacity(asked.len());
        for (door, cut) in self.doors.iter().zip(asked) {
            cuts.push(cut.await.unwrap_or_else(|_| Err(door.gone()))?);
        }
        Ok(cuts)
    }

    /// The answer to a call over several shards of which one has a conflict: nothing is written
    /// anywhere.
    fn refuse_conflicts(&self, parts: &[Part]) -> Result<Option<Vec<Appended>>, Error> {
        let now_ms = self.clock.unix_ms();
        let count = parts.iter().map(|(_, indexes, _)| indexes.len()).sum();
        let mut answers = vec![Appended::Withheld; count];
        let mut conflicts = 0;
        for (shard, indexes, entries) in parts {
            let index = &self.doors[usize::from(*shard)].view.index;
            for (at, entry) in indexes.iter().zip(entries) {
                let Some(identity) = entry.identity else {
                    continue;
                };
                if let Some(slot) = index.live(identity.id, now_ms)?
                    && slot.content != identity.content
                {
                    conflicts += 1;
                    let position = Position {
                        shard: *shard,
                        offset: slot.offset,
                    };
                    answers[*at] = Appended::Conflict(position);
                }
            }
        }
        self.conflicts.fetch_add(conflicts, Ordering::Relaxed);
        Ok((conflicts > 0).then_some(answers))
    }
}

#[async_trait]
impl Stream for EmbeddedStream {
    fn shards(&self) -> Shard {
        self.doors.len() as Shard
    }

    fn hash_key(&self) -> [u8; 16] {
        self.key
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        check_batch(&entries)?;
        if self.shards() == 1 {
            let door = self.door(0)?;
            let (outcome, promise) = door.call(Call::Append(entries))?;
            if let Some(promise) = promise {
                promise.keep_soon();
            }
            return outcome.await.unwrap_or_else(|_| Err(door.gone()));
        }
        let mut answers = vec![Appended::Undecided; entries.len()];
        let mut parts: Vec<Part> = Vec::new();
        for (at, entry) in entries.into_iter().enumerate() {
            let shard = (entry.shard_key % u64::from(self.shards())) as Shard;
            match parts.iter_mut().find(|part| part.0 == shard) {
                Some((_, indexes, entries)) => {
                    indexes.push(at);
                    entries.push(entry);
                }
                None => parts.push((shard, vec![at], vec![entry])),
            }
        }
        if parts.len() > 1
            && let Some(answers) = self.refuse_conflicts(&parts)?
        {
            return Ok(answers);
        }
        let mut waiting = Vec::with_capacity(parts.len());
        for (shard, indexes, entries) in parts {
            let door = self.door(shard)?;
            let (outcome, promise) = door.call(Call::Append(entries))?;
            waiting.push((door, indexes, outcome));
            if let Some(promise) = promise {
                promise.keep_soon();
            }
        }
        let mut failed = None;
        for (door, indexes, outcome) in waiting {
            match outcome.await.unwrap_or_else(|_| Err(door.gone())) {
                Ok(outcome) => {
                    for (at, appended) in indexes.into_iter().zip(outcome) {
                        answers[at] = appended;
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(answers), Err)
    }

    async fn adopt(&self, shard: Shard, items: Vec<Item>) -> Result<Vec<u64>, Error> {
        let adopt = |reply| Message::Adopt(items, reply);
        self.door(shard)?.ask(adopt).await
    }

    async fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error> {
        let reader = &self.door(shard)?.view.reader;
        let bounds = reader.bounds();
        if from >= bounds.end {
            return Ok(Batch {
                next: bounds.end,
                ..Batch::default()
            });
        }
        if let Some(batch) = reader.recent(from, max_bytes) {
            return Ok(batch);
        }
        self.blocking(shard, move |view| view.reader.read(shard, from, max_bytes))
            .await
    }

    async fn seek(&self, shard: Shard, unix_ms: u64) -> Result<u64, Error> {
        self.blocking(shard, move |view| view.reader.seek(unix_ms))
            .await
    }

    fn bounds(&self, shard: Shard) -> Range<u64> {
        self.doors
            .get(usize::from(shard))
            .map_or(0..0, |door| door.view.reader.bounds())
    }

    async fn grown(&self, shard: Shard, seen: u64) {
        if let Some(door) = self.doors.get(usize::from(shard)) {
            let mut end = door.end();
            if end.wait_for(|end| *end > seen).await.is_err() {
                // The writer has ended: nothing will ever grow.
                std::future::pending().await
            }
        }
    }

    async fn find(&self, id: u128) -> Result<Option<Position>, Error> {
        for shard in 0..self.shards() {
            let found = match self.door(shard)?.view.index.recall(id) {
                Some(known) => known,
                None => {
                    self.blocking(shard, move |view| view.index.find(id))
                        .await?
                }
            };
            if let Some(offset) = found {
                return Ok(Some(Position { shard, offset }));
            }
        }
        Ok(None)
    }

    async fn recover(&self, shard: Shard) -> Result<Recovered, Error> {
        self.door(shard)?.ask(Message::Own).await
    }

    async fn record(
        &self,
        shard: Shard,
        epoch: u64,
        ops: Vec<Op>,
        sync: Sync,
    ) -> Result<(), Error> {
        let door = self.door(shard)?;
        let (outcome, _) = door.call(Call::Record { epoch, ops, sync })?;
        outcome.await.unwrap_or_else(|_| Err(door.gone())).map(drop)
    }

    async fn get(&self, shard: Shard, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let key = Bytes::copy_from_slice(key);
        self.blocking(shard, move |view| view.table.get(&key)).await
    }

    async fn scan(
        &self,
        shard: Shard,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let (from, to) = (Bytes::copy_from_slice(from), Bytes::copy_from_slice(to));
        self.blocking(shard, move |view| view.table.scan(&from, &to, limit))
            .await
    }

    async fn expired(&self, shard: Shard) -> Result<u64, Error> {
        self.door(shard)?.ask(Message::Expired).await
    }

    async fn trim(&self, shard: Shard, before: u64) -> Result<(), Error> {
        self.door(shard)?
            .ask(|reply| Message::Trim(before, reply))
            .await
    }

    fn stats(&self) -> Stats {
        let mut sum = Stats {
            conflicts: self.conflicts.load(Ordering::Relaxed),
            ..Stats::default()
        };
        for stats in self.doors.iter().map(Door::stats) {
            sum.appended += stats.appended;
            sum.duplicates += stats.duplicates;
            sum.conflicts += stats.conflicts;
            sum.commits += stats.commits;
            sum.syncs += stats.syncs;
            sum.log_bytes += stats.log_bytes;
            sum.sealed += stats.sealed;
            sum.dedupe_evicted += stats.dedupe_evicted;
        }
        sum
    }

    fn findings(&self) -> Vec<Finding> {
        let doors = self.doors.iter();
        doors.flat_map(|door| door.view.findings.list()).collect()
    }

    fn health(&self) -> Result<(), Error> {
        if let Some(reason) = self.doors.iter().find_map(Door::failed) {
            return Err(Error::Failed(reason.clone()));
        }
        match self.disk.is_short(self.clock.unix_ms()) {
            true => Err(Error::Full),
            false => Ok(()),
        }
    }

    async fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut result = Ok(());
        for door in &self.doors {
            let closed = door.ask(Message::Close).await;
            result = result.and(closed);
        }
        result
    }
}
