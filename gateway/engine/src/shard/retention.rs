//! Retention: nothing that is still needed goes with its segment, and dead letters have their end.

use super::Shard;
use super::read::readable;
use crate::machine::{Lane, millis};
use crate::record::keys::{self, LaneId};
use crate::record::{Buried, InForce, Pendant, Stored};
use std::collections::BTreeSet;
use tradewind_store::{Error, Op, Sync};

/// Records looked at before the turn's operations are written.
const CHUNK: usize = 256;

impl Shard {
    pub(super) async fn retain(&mut self) -> Result<(), Error> {
        self.purge_old_letters().await?;
        // With something to come due or to age, even a shard at rest notes the time.
        let waits = |lane: &Lane| lane.account.pending > 0 || lane.account.dead_lettered > 0;
        if self.lanes.values().any(waits) {
            self.note_time();
            self.flush(Sync::Lazy).await?;
        }
        let (shard, log) = (self.around.shard, self.around.log.clone());
        let before = log.expired(shard).await?;
        let start = log.bounds(shard).start;
        if before <= start {
            return Ok(());
        }
        self.turn.kept = self.turn.kept.max(before);
        for id in self.lanes.keys().copied().collect::<Vec<_>>() {
            self.route_below(id, before).await?;
            self.keep_recorded(id, start, before).await?;
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.dirty = true;
            }
        }
        self.forget_generations(before).await?;
        self.turn
            .ops
            .push(Op::DeleteRange(keys::histories(0), keys::histories(before)));
        self.turn
            .ops
            .push(Op::DeleteRange(keys::damage(0), keys::damage(before)));
        self.flush(Sync::Durable).await?;
        log.trim(shard, before).await?;
        self.pages.forget_before(log.bounds(shard).start);
        Ok(())
    }

    /// What a lane has not read, or remembers only by the log, becomes recorded.
    async fn route_below(&mut self, id: LaneId, before: u64) -> Result<(), Error> {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.record_window(before, &mut self.turn);
        }
        self.flush(Sync::Lazy).await?;
        loop {
            let Some(lane) = self.lanes.get(&id) else {
                return Ok(());
            };
            let until = lane
                .job
                .as_ref()
                .map_or(before, |job| job.until.min(before));
            let read = lane.read;
            if read >= until {
                return Ok(());
            }
            let page = match self.pages.at(read) {
                Some(page) => page,
                None => self.load_page(read).await?,
            };
            let Some(lane) = self.lanes.get_mut(&id) else {
                return Ok(());
            };
            for line in page.lines_from(read) {
                if line.stored.offset >= until {
                    break;
                }
                lane.take(&line.stored, line.key, line.next, &mut self.turn);
            }
            lane.skip_to(page.next.min(until));
            lane.record_window(before, &mut self.turn);
            self.flush(Sync::Lazy).await?;
            if page.next == read {
                return Ok(());
            }
        }
    }

    /// Copies the events of everything recorded below `before` out of the log.
    async fn keep_recorded(&mut self, id: LaneId, start: u64, before: u64) -> Result<(), Error> {
        let shard = self.around.shard;
        for tag in [b'q', b'k', b'x'] {
            let (mut from, to) = keys::under(&keys::of_lane(tag, id));
            if tag == b'x' {
                from = keys::dead(id, start);
            }
            loop {
                let found = self.around.log.scan(shard, &from, &to, CHUNK).await?;
                let Some((last, _)) = found.last() else { break };
                from = keys::after(last);
                for (key, value) in &found {
                    let offset = match tag {
                        b'x' => keys::number(key, keys::FIRST),
                        _ => readable(Pendant::decode(value))?.offset,
                    };
                    if (start..before).contains(&offset) {
                        self.keep(id, offset).await?;
                    }
                }
                self.flush(Sync::Lazy).await?;
                if tag == b'x' && from >= keys::dead(id, before) {
                    break;
                }
            }
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
            self.turn
                .ops
                .push(Op::Put(keys::kept(id, offset), Stored::keep(item)));
        }
        Ok(())
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

    async fn purge_old_letters(&mut self) -> Result<(), Error> {
        let shard = self.around.shard;
        self.flush(Sync::Lazy).await?;
        for id in self.lanes.keys().copied().collect::<Vec<_>>() {
            let lane = &self.lanes[&id];
            // A suspended subscription has no say in how long its dead letters stay: they wait for it.
            if lane.account.dead_lettered == 0 || lane.plan.is_none() {
                continue;
            }
            let keep = millis(lane.policy.dead_letter_retention);
            if self.turn.stops.age(lane.oldest_letter, self.turn.now) < keep {
                continue;
            }
            let mut oldest = self.turn.now;
            let (mut from, to) = keys::under(&keys::of_lane(b'x', id));
            loop {
                let found = self.around.log.scan(shard, &from, &to, CHUNK).await?;
                let Some((last, _)) = found.last() else { break };
                from = keys::after(last);
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
            }
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.oldest_letter = oldest;
            }
        }
        Ok(())
    }
}
