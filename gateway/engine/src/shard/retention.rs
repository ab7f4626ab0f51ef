//! Retention: nothing that is still needed goes with its segment, and dead letters have their end.

use super::Shard;
use super::read::readable;
use crate::machine::{Lane, millis};
use crate::record::keys::{self, LaneId};
use crate::record::{Buried, InForce, Pendant, Stored};
use bytes::Bytes;
use std::collections::BTreeSet;
use tradewind_store::{Error, Op, Sync};

/// Records looked at in one turn.
const CHUNK: usize = 256;
/// Events copied out of the log in one turn: each may be a read of its own.
const COPIES: usize = 64;
/// Bytes of events that are copied before what is to be recorded goes: a record has its bounds.
const COPIED: usize = 4 << 20;

/// Generations that are kept for what outlives its log segment.
const GENERATIONS: usize = 64;

/// Retention under way: first dead letters, then the log.
#[derive(Debug)]
pub(super) struct Retention {
    /// Lanes whose dead letters are still to be looked at.
    letters: Vec<LaneId>,
    /// Where in those of the last one, and the oldest that stays so far.
    scan: Option<(Bytes, u64)>,
    trim: Option<Trim>,
}

/// What lies below `before` is about to go.
#[derive(Debug)]
struct Trim {
    start: u64,
    before: u64,
    lanes: Vec<LaneId>,
    handled: BTreeSet<LaneId>,
    stage: Stage,
}

/// What is done for the last of the lanes.
#[derive(Debug)]
enum Stage {
    /// What it has not read, or remembers only by the log, becomes recorded.
    Route,
    /// The events of what is recorded are copied out of the log: of this table, from this key on.
    Keep(u8, Bytes),
}

impl Retention {
    pub(super) fn new(shard: &Shard) -> Self {
        Self {
            letters: shard.lanes.keys().copied().collect(),
            scan: None,
            trim: None,
        }
    }

    /// Does the next piece. True when there is nothing more to do.
    pub(super) async fn slice(&mut self, shard: &mut Shard) -> Result<bool, Error> {
        shard.flush(Sync::Lazy).await?;
        if let Some(id) = self.letters.last().copied() {
            self.scan = shard.purge_old_letters(id, self.scan.take()).await?;
            if self.scan.is_none() {
                self.letters.pop();
            }
            return Ok(false);
        }
        let Some(trim) = &mut self.trim else {
            let (log, own) = (shard.around.log.clone(), shard.around.shard);
            let (start, before) = (log.bounds(own).start, log.expired(own).await?);
            self.trim = (before > start).then(|| Trim {
                start,
                before,
                lanes: shard.lanes.keys().copied().collect(),
                handled: BTreeSet::new(),
                stage: Stage::Route,
            });
            shard.turn.kept = shard.turn.kept.max(before);
            return Ok(self.trim.is_none());
        };
        let Some(id) = trim.lanes.last().copied() else {
            // A subscription or a replay that reaches back may have begun meanwhile.
            trim.lanes = shard.behind(trim.before, &trim.handled);
            if !trim.lanes.is_empty() {
                return Ok(false);
            }
            return shard.trim(trim.before).await.map(|()| true);
        };
        trim.stage = match &trim.stage {
            Stage::Route if shard.route_below(id, trim.before).await? => {
                Stage::from(id, b'q', trim)
            }
            Stage::Route => Stage::Route,
            Stage::Keep(tag, from) => {
                let next = shard.keep_recorded(id, *tag, from, trim).await?;
                match (next, tag) {
                    (Some(next), _) => Stage::Keep(*tag, next),
                    (None, b'q') => Stage::from(id, b'k', trim),
                    (None, b'k') => Stage::from(id, b'x', trim),
                    (None, _) => {
                        trim.handled.extend(trim.lanes.pop());
                        Stage::Route
                    }
                }
            }
        };
        Ok(false)
    }
}

impl Stage {
    fn from(id: LaneId, tag: u8, trim: &Trim) -> Self {
        let from = match tag {
            // Older ones were copied when they were about to go.
            b'x' => keys::dead(id, trim.start),
            tag => keys::of_lane(tag, id),
        };
        Self::Keep(tag, from)
    }
}

impl Shard {
    /// Lanes that have not read all below `before`, or remember some of it only by the log.
    fn behind(&self, before: u64, handled: &BTreeSet<LaneId>) -> Vec<LaneId> {
        let behind = self.lanes.values().filter(|lane| {
            let until = lane
                .job
                .as_ref()
                .map_or(before, |job| job.until.min(before));
            lane.cursor() < until && !handled.contains(&lane.id)
        });
        behind.map(|lane| lane.id).collect()
    }

    /// Nothing below `before` is needed any more.
    async fn trim(&mut self, before: u64) -> Result<(), Error> {
        for lane in self.lanes.values_mut() {
            lane.dirty = true;
        }
        let needed = self.first_needed(before).await?;
        self.forget_generations(needed).await?;
        self.turn
            .ops
            .push(Op::DeleteRange(keys::histories(0), keys::histories(before)));
        let stretches = (
            keys::accepted_in(0),
            keys::accepted_in(keys::stretch(before)),
        );
        self.turn
            .ops
            .push(Op::DeleteRange(stretches.0, stretches.1));
        self.turn
            .ops
            .push(Op::DeleteRange(keys::damage(0), keys::damage(before)));
        self.flush(Sync::Durable).await?;
        let (shard, log) = (self.around.shard, self.around.log.clone());
        match log.trim(shard, before).await {
            // It goes with the next pass.
            Err(error) if error.is_temporary() => {
                tracing::warn!(stream = %self.around.stream, shard, %error, "what has expired stays a little longer");
            }
            trimmed => trimmed?,
        }
        let start = log.bounds(shard).start;
        self.pages.forget_before(start);
        self.forget_versions(start.min(needed));
        Ok(())
    }

    /// From where on generations say something of what is kept: which member of a group it is for. No more than some of
    /// those below `before`.
    async fn first_needed(&self, before: u64) -> Result<u64, Error> {
        let (shard, log) = (self.around.shard, &self.around.log);
        let mut first = before;
        let grouped = |lane: &&Lane| lane.versions.iter().any(|v| v.split.is_some());
        for lane in self.lanes.values().filter(grouped) {
            let (from, to) = keys::under(&keys::of_lane(b'p', lane.id));
            if let Some((key, _)) = log.scan(shard, &from, &to, 1).await?.first() {
                first = first.min(keys::number(key, keys::FIRST));
            }
        }
        if first < before {
            let found = self.scan_all(b"g").await?;
            let below = found.iter().map(|(key, _)| keys::number(key, 1));
            let below: Vec<u64> = below.filter(|at| *at <= before).collect();
            let oldest = below.len().checked_sub(GENERATIONS);
            first = first.max(oldest.map_or(0, |at| below[at]));
        }
        Ok(first)
    }

    /// A page of what the lane has not read, or remembers only by the log, becomes recorded. True when
    /// that is all below `before`.
    async fn route_below(&mut self, id: LaneId, before: u64) -> Result<bool, Error> {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(true);
        };
        lane.record_window(before, &mut self.turn);
        let (read, job) = (lane.read, lane.job.as_ref());
        let until = job.map_or(before, |job| job.until.min(before));
        self.flush(Sync::Lazy).await?;
        if read < until && self.lanes[&id].is_shadow() {
            // What it has not read is not kept for it: nobody is owed an answer of a shadow.
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.skip_to(until);
                lane.dirty = true;
            }
            return Ok(false);
        }
        if read >= until {
            // What is in memory may move from a table that is not looked at yet to one that was.
            for offset in self.lanes[&id].in_memory(before) {
                self.keep(id, offset).await?;
                self.relieve().await?;
            }
            return Ok(true);
        }
        let page = match self.pages.at(read) {
            Some(page) => page,
            None => self.load_page(read).await?,
        };
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(true);
        };
        for line in page.lines_from(read) {
            if line.stored.offset >= until {
                break;
            }
            lane.take(
                &line.stored,
                &line.routed,
                line.key,
                line.next,
                &mut self.turn,
            );
        }
        lane.skip_to(page.next.min(until));
        lane.record_window(before, &mut self.turn);
        self.flush(Sync::Lazy).await?;
        Ok(page.next == read)
    }

    /// Copies the events of what `tag` records below `before` out of the log, from a key on. Returns
    /// where to go on.
    async fn keep_recorded(
        &mut self,
        id: LaneId,
        tag: u8,
        from: &Bytes,
        trim: &Trim,
    ) -> Result<Option<Bytes>, Error> {
        let shard = self.around.shard;
        let to = match tag {
            b'x' => keys::dead(id, trim.before),
            tag => keys::under(&keys::of_lane(tag, id)).1,
        };
        let found = self.around.log.scan(shard, from, &to, CHUNK).await?;
        let mut copies = 0;
        for (key, value) in &found {
            let offset = match tag {
                b'x' => keys::number(key, keys::FIRST),
                _ => readable(Pendant::decode(value))?.offset,
            };
            if (trim.start..trim.before).contains(&offset) {
                self.keep(id, offset).await?;
                copies += 1;
            }
            if copies == COPIES || self.turn.copied >= COPIED {
                self.flush(Sync::Lazy).await?;
                return Ok(Some(keys::after(key)));
            }
        }
        self.flush(Sync::Lazy).await?;
        Ok(found.last().map(|(last, _)| keys::after(last)))
    }

    /// As what is about to go, if `offset` is: it moves from one table to another.
    pub(super) async fn keep_moving(&mut self, id: LaneId, offset: u64) -> Result<(), Error> {
        if (self.turn.start..self.turn.kept).contains(&offset) {
            self.keep(id, offset).await?;
        }
        Ok(())
    }

    async fn keep(&mut self, id: LaneId, offset: u64) -> Result<(), Error> {
        let around = &self.around;
        let batch = match around.log.read(around.shard, offset, 1).await {
            Err(Error::Damaged(_)) => return Ok(()),
            batch => batch?,
        };
        if let Some(item) = batch.items.first().filter(|i| i.position.offset == offset) {
            let copy = Stored::keep(item);
            self.turn.copied += copy.len();
            self.turn.ops.push(Op::Put(keys::kept(id, offset), copy));
        }
        Ok(())
    }

    /// Records what there is, once events were copied that fill a record.
    pub(super) async fn relieve(&mut self) -> Result<(), Error> {
        match self.turn.copied >= COPIED {
            true => self.flush(Sync::Lazy).await,
            false => Ok(()),
        }
    }

    /// Of a lane that has nothing pending, drops the copies that no dead letter needs.
    pub(super) async fn keep_letters_only(&mut self, id: LaneId) -> Result<(), Error> {
        self.flush(Sync::Lazy).await?;
        let shard = self.around.shard;
        let (mut from, to) = keys::under(&keys::of_lane(b'p', id));
        loop {
            let found = self.scan_page(&mut from, &to).await?;
            if found.is_empty() {
                return Ok(());
            }
            for (key, _) in found {
                let letter = keys::dead(id, keys::number(&key, keys::FIRST));
                if self.around.log.get(shard, &letter).await?.is_none() {
                    self.turn.ops.push(Op::Delete(key));
                }
            }
            self.flush(Sync::Lazy).await?;
        }
    }

    /// All generations below the one in force at `before`, but for the last that names a lane: it
    /// tells a suspended subscription from one that was not there yet.
    async fn forget_generations(&mut self, before: u64) -> Result<(), Error> {
        let found = self.scan_all(b"g").await?;
        let mut unnamed: BTreeSet<LaneId> = self.lanes.keys().copied().collect();
        let below = found.iter().filter(|(k, _)| keys::number(k, 1) <= before);
        for (nth, (key, value)) in below.rev().enumerate() {
            let in_force = readable(InForce::decode(value))?;
            let named = in_force.lanes.iter().filter(|(id, _)| unnamed.remove(id));
            if named.count() == 0 && nth > 0 {
                self.turn.ops.push(Op::Delete(key.clone()));
            }
        }
        Ok(())
    }

    /// Purges the dead letters of a lane that have been kept long enough, a chunk at a time. Returns
    /// where to go on.
    async fn purge_old_letters(
        &mut self,
        id: LaneId,
        scan: Option<(Bytes, u64)>,
    ) -> Result<Option<(Bytes, u64)>, Error> {
        // A suspended subscription has no say in how long its dead letters stay: they wait for it.
        let Some(lane) = self.lanes.get(&id).filter(|lane| lane.plan.is_some()) else {
            return Ok(None);
        };
        let keep = millis(lane.policy.dead_letter_retention);
        let due = self.turn.stops.age(lane.oldest_letter, self.turn.now) >= keep;
        if lane.account.dead_lettered == 0 || scan.is_none() && !due {
            return Ok(None);
        }
        let (first, to) = keys::under(&keys::of_lane(b'x', id));
        let (from, mut oldest) = scan.unwrap_or((first, self.turn.now));
        let shard = self.around.shard;
        let found = self.around.log.scan(shard, &from, &to, CHUNK).await?;
        for (key, value) in &found {
            let buried = readable(Buried::decode(value))?;
            if self.turn.stops.age(buried.at_ms, self.turn.now) >= keep {
                let offset = keys::number(key, keys::FIRST);
                self.purge_one(id, offset, &buried).await?;
            } else {
                oldest = oldest.min(buried.at_ms);
            }
        }
        self.flush(Sync::Lazy).await?;
        if let Some((last, _)) = found.last() {
            return Ok(Some((keys::after(last), oldest)));
        }
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.oldest_letter = oldest;
        }
        Ok(None)
    }
}
