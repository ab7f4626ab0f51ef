//! A stream on two topics.

use crate::cluster::Cluster;
use crate::frame;
use crate::gather::Gather;
use crate::member::Member;
use crate::own::{Gone, Own};
use crate::owners;
use crate::tail::Tail;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{join_all, pending};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tradewind_store::{
    Appended, Batch, Clock, Entry, Error, Item, Kind, Op, Position, Recovered, Shard, Stats,
    Stream, Sync, check_batch,
};

/// What shards of a stream share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Marks what was appended by this opening of the stream.
    pub(crate) writer: u64,
    /// How many owners of shards this opening has made.
    pub(crate) owners: AtomicU64,
    pub(crate) topic: String,
    pub(crate) state_topic: String,
    pub(crate) shards: Shard,
    pub(crate) hash_key: [u8; 16],
    pub(crate) retention: Duration,
    /// Identities remembered for each shard.
    pub(crate) identities: usize,
}

impl Common {
    /// What names the producer of a shard's owner, so that there is one.
    pub(crate) fn lock(&self, shard: Shard) -> String {
        format!("{}.{shard}", self.topic)
    }

    /// A name for one owner of a shard.
    pub(crate) fn owner(&self) -> (u64, u64) {
        (self.writer, self.owners.fetch_add(1, Ordering::Relaxed))
    }
}

/// A [`Stream`] on Kafka.
#[derive(Debug)]
pub(crate) struct KafkaStream {
    pub(crate) common: Arc<Common>,
    tail: Arc<Tail>,
    shards: Vec<Slot>,
    /// Of the group of those who share the stream.
    member: RwLock<Option<Member>>,
    closed: AtomicBool,
    counted: Counted,
}

#[derive(Debug)]
struct Slot {
    gather: Gather,
    own: RwLock<Option<Arc<Own>>>,
    /// One takes it over at a time.
    taking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Counted {
    appended: AtomicU64,
    duplicates: AtomicU64,
    conflicts: AtomicU64,
}

/// What becomes of one entry of a call.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Known(Appended),
    /// It is the n-th of the record.
    Written(usize),
}

impl KafkaStream {
    pub(crate) fn new(common: Common, member: Option<Member>) -> Result<Self, Error> {
        let tail = Tail::new(&common.cluster, &common.topic)?;
        let common = Arc::new(common);
        let slot = |shard| Slot {
            gather: Gather::new(Arc::clone(&common), shard),
            own: RwLock::default(),
            taking: tokio::sync::Mutex::default(),
        };
        Ok(Self {
            member: RwLock::new(member),
            tail: Arc::new(tail),
            shards: (0..common.shards).map(slot).collect(),
            common,
            closed: AtomicBool::new(false),
            counted: Counted::default(),
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn slot(&self, shard: Shard) -> Result<&Slot, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let slot = self.shards.get(usize::from(shard));
        slot.ok_or_else(|| Error::Invalid(format!("no shard {shard}")))
    }

    /// The shard, where it is owned here.
    pub(crate) fn own(&self, shard: Shard) -> Result<Arc<Own>, Error> {
        self.slot(shard)?.get().ok_or(Error::Elsewhere(shard))
    }

    async fn append_to(&self, shard: Shard, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        let own = self.slot(shard)?.get().filter(|own| own.check().is_ok());
        let now = self.common.clock.unix_ms();
        let at = |offset| Position { shard, offset };
        let seen = entries.iter().map(|entry| {
            let identity = entry.identity.as_ref()?;
            let own = own.as_ref()?;
            own.identities(|index| index.repeated(identity, now))
        });
        let seen: Vec<_> = seen.collect();
        let conflicts = entries.iter().zip(&seen).map(|(entry, seen)| {
            let (identity, seen) = (entry.identity.as_ref()?, seen.as_ref()?);
            (identity.content != seen.content).then_some(at(seen.place))
        });
        let conflicts: Vec<_> = conflicts.collect();
        if conflicts.iter().any(Option::is_some) {
            let told = |conflict: Option<Position>| match conflict {
                Some(position) => Appended::Conflict(position),
                None => Appended::Withheld,
            };
            return Ok(conflicts.into_iter().map(told).collect());
        }
        let mut written: Vec<Entry> = Vec::new();
        let mut firsts: HashMap<u128, usize> = HashMap::new();
        let mut fates = Vec::with_capacity(entries.len());
        // Whether it repeats an earlier one of the call.
        let mut again = vec![false; entries.len()];
        for (index, (entry, seen)) in entries.iter().zip(&seen).enumerate() {
            let id = entry.identity.map(|identity| identity.id);
            fates.push(match (seen, id.and_then(|id| firsts.get(&id))) {
                (Some(seen), _) => Fate::Known(Appended::Duplicate(at(seen.place))),
                (None, Some(first)) => {
                    again[index] = true;
                    Fate::Written(*first)
                }
                (None, None) => {
                    firsts.extend(id.map(|id| (id, written.len())));
                    written.push(entry.clone());
                    Fate::Written(written.len() - 1)
                }
            });
        }
        let decided = match written.is_empty() {
            true => Vec::new(),
            false => self.write(shard, own, written).await?,
        };
        let told = fates
            .into_iter()
            .zip(again)
            .map(|(fate, again)| match fate {
                Fate::Known(appended) => appended,
                Fate::Written(n) => match decided[n] {
                    Appended::New(position) if again => Appended::Duplicate(position),
                    appended => appended,
                },
            });
        Ok(told.collect())
    }

    /// Writes entries; returns when they are on the brokers, and their owner, if that is here, has decided.
    async fn write(
        &self,
        shard: Shard,
        own: Option<Arc<Own>>,
        entries: Vec<Entry>,
    ) -> Result<Vec<Appended>, Error> {
        let count = entries.len();
        let first = self.slot(shard)?.gather.append(entries).await?;
        let undecided = || vec![Appended::Undecided; count];
        let Some(own) = own else {
            return Ok(undecided());
        };
        if own.decided(frame::record_of(first) + 1).await.is_err() {
            return Ok(undecided());
        }
        let at = |offset| Position { shard, offset };
        let decided = (first..).take(count).map(|place| {
            Ok(match own.twin(place)? {
                Some(original) => Appended::Duplicate(at(original)),
                None => Appended::New(at(place)),
            })
        });
        // It is on the brokers, whatever is known of it here.
        let decided: Result<Vec<_>, Error> = decided.collect();
        Ok(decided.unwrap_or_else(|_| undecided()))
    }

    /// Asks the member, where there is one.
    fn member<T>(&self, ask: impl FnOnce(&Member) -> T) -> Option<T> {
        let member = self.member.read().unwrap_or_else(PoisonError::into_inner);
        member.as_ref().map(ask)
    }

    fn count(&self, entries: &[Kind], appended: &[Appended]) {
        for (kind, appended) in entries.iter().zip(appended) {
            let counter = match appended {
                Appended::New(_) | Appended::Undecided => &self.counted.appended,
                Appended::Duplicate(_) => &self.counted.duplicates,
                Appended::Conflict(_) => &self.counted.conflicts,
                Appended::Withheld => continue,
            };
            counter.fetch_add(u64::from(*kind == Kind::Event), Ordering::Relaxed);
        }
    }
}

impl Slot {
    fn get(&self) -> Option<Arc<Own>> {
        self.own
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, own: Option<Arc<Own>>) -> Option<Arc<Own>> {
        let mut slot = self.own.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, own)
    }
}

#[async_trait]
impl Stream for KafkaStream {
    fn shards(&self) -> Shard {
        self.common.shards
    }

    fn hash_key(&self) -> [u8; 16] {
        self.common.hash_key
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        check_batch(&entries)?;
        let kinds: Vec<Kind> = entries.iter().map(|entry| entry.kind).collect();
        let mut appended = vec![Appended::Undecided; entries.len()];
        let mut by_shard: BTreeMap<Shard, (Vec<usize>, Vec<Entry>)> = BTreeMap::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let shard = (entry.shard_key % u64::from(self.shards())) as Shard;
            let (indexes, entries) = by_shard.entry(shard).or_default();
            indexes.push(index);
            entries.push(entry);
        }
        let calls = by_shard
            .into_iter()
            .map(|(shard, (indexes, entries))| async move {
                (indexes, self.append_to(shard, entries).await)
            });
        let mut failed = None;
        for (indexes, outcome) in join_all(calls).await {
            match outcome {
                Ok(outcome) => {
                    for (index, outcome) in indexes.into_iter().zip(outcome) {
                        appended[index] = outcome;
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => {
                self.count(&kinds, &appended);
                Ok(appended)
            }
        }
    }

    async fn adopt(&self, shard: Shard, items: Vec<Item>) -> Result<Vec<u64>, Error> {
        self.take_in(shard, items).await
    }

    async fn read(&self, shard: Shard, from: u64, max_bytes: usize) -> Result<Batch, Error> {
        self.own(shard)?.read(from, max_bytes).await
    }

    async fn seek(&self, shard: Shard, unix_ms: u64) -> Result<u64, Error> {
        let own = self.own(shard)?;
        let common = &self.common;
        let found = common.cluster.at(&common.topic, shard, unix_ms).await?;
        let bounds = own.bounds();
        let place = found.map_or(bounds.end, |record| frame::place(record, 0));
        Ok(place.clamp(bounds.start, bounds.end))
    }

    fn bounds(&self, shard: Shard) -> Range<u64> {
        self.own(shard).map_or(0..0, |own| own.bounds())
    }

    async fn grown(&self, shard: Shard, seen: u64) {
        let Ok(own) = self.own(shard) else {
            return pending().await;
        };
        if own.decided(frame::record_of(seen) + 1).await.is_err() {
            pending().await
        }
    }

    async fn find(&self, id: u128) -> Result<Option<Position>, Error> {
        for shard in 0..self.shards() {
            let Some(own) = self.slot(shard)?.get() else {
                continue;
            };
            let start = own.bounds().start;
            let seen = own.identities(|index| index.get(id));
            if let Some(seen) = seen.filter(|seen| seen.place >= start) {
                let offset = seen.place;
                return Ok(Some(Position { shard, offset }));
            }
        }
        Ok(None)
    }

    async fn recover(&self, shard: Shard) -> Result<Recovered, Error> {
        let slot = self.slot(shard)?;
        let _taking = slot.taking.lock().await;
        self.member(|member| member.held.take(shard));
        if let Some(before) = slot.set(None) {
            before.leave(Gone::Fenced);
        }
        let (own, recovered) = Own::recover(&self.common, Arc::clone(&self.tail), shard).await?;
        slot.set(Some(own));
        Ok(recovered)
    }

    fn assigned(&self) -> Option<watch::Receiver<BTreeSet<Shard>>> {
        self.member(|member| member.assigned.clone())
    }

    async fn owners(&self) -> Result<BTreeMap<Shard, String>, Error> {
        if self.member(|_| ()).is_none() {
            return Ok(BTreeMap::new());
        }
        owners::owners(&self.common.cluster, &self.common.topic).await
    }

    async fn release(&self, shard: Shard) -> Result<(), Error> {
        let outcome = match self.slot(shard)?.set(None) {
            Some(own) => own.end().await,
            None => Ok(()),
        };
        self.member(|member| member.held.give_up(shard));
        outcome
    }

    async fn record(
        &self,
        shard: Shard,
        epoch: u64,
        ops: Vec<Op>,
        sync: Sync,
    ) -> Result<(), Error> {
        let own = self.slot(shard)?.get().filter(|own| own.epoch == epoch);
        own.ok_or(Error::Fenced)?.record(ops, sync).await
    }

    async fn get(&self, shard: Shard, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let key = Bytes::copy_from_slice(key);
        self.own(shard)?.get(key).await
    }

    async fn scan(
        &self,
        shard: Shard,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let (from, to) = (Bytes::copy_from_slice(from), Bytes::copy_from_slice(to));
        self.own(shard)?.scan(from, to, limit).await
    }

    async fn expired(&self, shard: Shard) -> Result<u64, Error> {
        let own = self.own(shard)?;
        let common = &self.common;
        // What may be repeated is remembered by the log.
        let kept = u64::try_from(common.retention.as_millis()).unwrap_or(u64::MAX);
        let kept = kept.max(own.window());
        let horizon = common.clock.unix_ms().saturating_sub(kept);
        let bounds = own.bounds();
        let found = match common.cluster.at(&common.topic, shard, horizon).await {
            // Nothing is too old for as long as nobody can say.
            Err(Error::Away(why)) => {
                tracing::warn!(topic = %common.topic, shard, %why, "retention waits for the brokers");
                return Ok(bounds.start);
            }
            found => found?,
        };
        let place = found.map_or(bounds.end, |record| frame::place(record, 0));
        Ok(place.clamp(bounds.start, bounds.end))
    }

    async fn trim(&self, shard: Shard, before: u64) -> Result<(), Error> {
        match self.own(shard)?.trim(before).await {
            // It is still there, and tried again.
            Err(Error::Away(why)) => {
                tracing::warn!(topic = %self.common.topic, shard, %why, "retention waits for the brokers");
                Ok(())
            }
            trimmed => trimmed,
        }
    }

    fn stats(&self) -> Stats {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let own: Vec<_> = self.shards.iter().filter_map(Slot::get).collect();
        let late: u64 = own.iter().map(|own| get(&own.late)).sum();
        let evicted = own.iter().map(|own| own.identities(|index| index.evicted));
        Stats {
            appended: get(&self.counted.appended),
            duplicates: get(&self.counted.duplicates) + late,
            conflicts: get(&self.counted.conflicts),
            commits: self.shards.iter().map(|slot| slot.gather.records()).sum(),
            dedupe_evicted: evicted.sum(),
            ..Stats::default()
        }
    }

    fn health(&self) -> Result<(), Error> {
        if let Some(why) = &*self.common.cluster.away.borrow() {
            return Err(Error::Away(why.clone()));
        }
        let mut own = self.shards.iter().filter_map(Slot::get);
        own.try_for_each(|own| own.health())
    }

    async fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut outcome = Ok(());
        for slot in &self.shards {
            if let Some(own) = slot.set(None) {
                outcome = outcome.and(own.end().await);
            }
        }
        for shard in 0..self.shards() {
            self.member(|member| member.held.give_up(shard));
        }
        let mut member = self.member.write().unwrap_or_else(PoisonError::into_inner);
        *member = None;
        outcome
    }
}
