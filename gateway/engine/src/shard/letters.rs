//! Dead letters: list, redrive, purge.

use super::read::readable;
use super::{Page, Shard};
use crate::DeadLetter;
use crate::machine::{Head, Place, Ticket};
use crate::record::keys::{self, LaneId};
use crate::record::{Buried, Final, Trail, cause_name};
use bytes::Bytes;
use std::collections::VecDeque;
use tradewind_store::{Error, Op, Sync};

/// Dead letters moved or removed in one turn.
const CHUNK: usize = 256;

/// What becomes of dead letters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Redriven,
    Purged,
}

/// A redrive or a purge under way.
#[derive(Debug)]
pub(super) struct Letters {
    fate: Fate,
    lanes: VecDeque<LaneId>,
    /// The only one that is meant.
    offset: Option<u64>,
    /// What lies above came after the operator asked.
    end: u64,
    from: Option<Bytes>,
    count: u64,
}

impl Letters {
    /// Of `subscription`: the one at `offset`, or all there are now.
    pub(super) fn new(shard: &Shard, fate: Fate, subscription: &str, offset: Option<u64>) -> Self {
        Self {
            fate,
            lanes: shard.lanes_of(subscription).into(),
            offset,
            end: shard.around.log.bounds(shard.around.shard).end,
            from: None,
            count: 0,
        }
    }

    /// Takes the next few; the count of all when none is left.
    pub(super) async fn slice(&mut self, shard: &mut Shard) -> Result<Option<u64>, Error> {
        let Some(id) = self.lanes.front().copied() else {
            shard.flush(Sync::Durable).await?;
            return Ok(Some(self.count));
        };
        let chunk = self.chunk(shard, id).await?;
        if chunk.is_empty() {
            self.lanes.pop_front();
            self.from = None;
        }
        for (key, value) in chunk {
            let offset = keys::number(&key, keys::FIRST);
            let buried = readable(Buried::decode(&value))?;
            match self.fate {
                Fate::Redriven => shard.redrive_one(id, offset, buried).await?,
                Fate::Purged => shard.purge_one(id, offset, &buried).await?,
            }
            self.count += 1;
        }
        shard.flush(Sync::Lazy).await?;
        Ok(None)
    }

    /// What a redrive makes of them may become dead letters again while it runs; each is taken once.
    async fn chunk(&mut self, shard: &mut Shard, id: LaneId) -> Result<Vec<(Bytes, Bytes)>, Error> {
        if !shard.lanes.contains_key(&id) {
            return Ok(Vec::new());
        }
        shard.flush(Sync::Lazy).await?;
        let (first, to) = match self.offset {
            Some(offset) => (keys::dead(id, offset), keys::after(&keys::dead(id, offset))),
            None => (keys::dead(id, 0), keys::dead(id, self.end)),
        };
        let start = self.from.clone().unwrap_or(first);
        let log = &shard.around.log;
        let found = log.scan(shard.around.shard, &start, &to, CHUNK).await?;
        if let Some((last, _)) = found.last() {
            self.from = Some(keys::after(last));
        }
        Ok(found)
    }
}

impl Shard {
    /// A page of dead letters, and the cursor of the next.
    pub(super) async fn letters(
        &mut self,
        page: &Page,
    ) -> Result<(Vec<DeadLetter>, Option<String>), Error> {
        self.flush(Sync::Lazy).await?;
        let mut letters = Vec::new();
        let shard = self.around.shard;
        for id in self.lanes_of(&page.subscription) {
            let (mut from, to) = keys::under(&keys::of_lane(b'x', id));
            match page.after {
                Some((lane, _)) if lane > id => continue,
                Some((lane, offset)) if lane == id => {
                    from = keys::after(&keys::dead(id, offset));
                }
                _ => {}
            }
            let want = page.limit - letters.len();
            for (key, value) in self.around.log.scan(shard, &from, &to, want).await? {
                let offset = keys::number(&key, keys::FIRST);
                let buried = readable(Buried::decode(&value))?;
                letters.push((id, offset, self.letter(id, offset, buried).await?));
            }
            if letters.len() == page.limit {
                break;
            }
        }
        let next = letters
            .last()
            .filter(|_| letters.len() == page.limit)
            .map(|(lane, offset, _)| format!("{shard}/{lane}/{offset}"));
        Ok((letters.into_iter().map(|(_, _, l)| l).collect(), next))
    }

    async fn letter(&self, id: LaneId, offset: u64, buried: Buried) -> Result<DeadLetter, Error> {
        let stored = self.stored(id, offset).await?;
        let text = |f: fn(&tradewind_event::Event) -> &str| {
            stored
                .as_ref()
                .map(|s| f(&s.event).to_owned())
                .unwrap_or_default()
        };
        Ok(DeadLetter {
            subscription: self.lanes[&id].title(),
            stream: self.around.stream.to_string(),
            position: format!("{}/{offset}", self.around.shard),
            at_ms: buried.at_ms,
            cause: cause_name(buried.cause).to_owned(),
            id: text(tradewind_event::Event::id),
            source: text(tradewind_event::Event::source),
            ty: text(tradewind_event::Event::ty),
            attempts: buried.trail.attempts,
        })
    }

    /// Back to pending, with a new budget of attempts and a new age.
    async fn redrive_one(&mut self, id: LaneId, offset: u64, buried: Buried) -> Result<(), Error> {
        let heads_its_key = self.unpark(id, offset, buried.key).await?;
        self.keep_moving(id, offset).await?;
        let now = self.turn.now;
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(());
        };
        lane.account.dead_lettered -= 1;
        lane.dead_bytes = lane.dead_bytes.saturating_sub(buried.bytes);
        lane.account.pending += 1;
        lane.dirty = true;
        self.turn.ops.push(Op::Delete(keys::dead(id, offset)));
        let ticket = Ticket {
            offset,
            key: buried.key,
            bytes: buried.bytes,
            // Its record was the dead letter, which is gone.
            place: Place::Window,
            trail: Trail {
                born_ms: now,
                first_ms: None,
                spent: buried.trail.made(),
                ..buried.trail
            },
        };
        match buried.key {
            // The key stood still behind this one: it keeps its place.
            Some(_) if heads_its_key => lane.schedule(ticket, now, "scheduled", &mut self.turn),
            Some(key) => lane.rejoin(ticket, key, &mut self.turn),
            None => lane.schedule(ticket, now, "scheduled", &mut self.turn),
        }
        Ok(())
    }

    /// Whether the key was parked on this dead letter; it is not any more.
    async fn unpark(&mut self, id: LaneId, offset: u64, key: Option<u64>) -> Result<bool, Error> {
        let Some(key) = key else { return Ok(false) };
        if self.lanes[&id].keys.head(key) != Some(Head::Parked) {
            return Ok(false);
        }
        let marker = keys::parked(id, key);
        let on = self.around.log.get(self.around.shard, &marker).await?;
        let parked = on.is_some_and(|on| keys::number(&on, 0) == offset);
        if parked {
            self.turn.ops.push(Op::Delete(marker));
        }
        Ok(parked)
    }

    /// Beyond their cap, the oldest dead letters are purged, some in each turn.
    pub(super) async fn purge_excess(&mut self, id: LaneId) -> Result<(), Error> {
        let Some(lane) = self.lanes.get(&id).filter(|l| l.letters_excess() > 0) else {
            return Ok(());
        };
        let (from, to) = (keys::dead(id, lane.letters_from), keys::dead(id, u64::MAX));
        self.flush(Sync::Lazy).await?;
        let shard = self.around.shard;
        let found = self.around.log.scan(shard, &from, &to, CHUNK).await?;
        let mut next = None;
        for (key, value) in &found {
            let offset = keys::number(key, keys::FIRST);
            next = Some(offset + 1);
            self.purge_one(id, offset, &readable(Buried::decode(value))?)
                .await?;
            if self.lanes[&id].letters_excess() == 0 {
                break;
            }
        }
        if let Some(lane) = self.lanes.get_mut(&id) {
            match next {
                Some(next) => lane.letters_from = next,
                // None is left, whatever was counted.
                None => lane.dead_bytes = 0,
            }
        }
        Ok(())
    }

    /// Removes a dead letter for good.
    pub(super) async fn purge_one(
        &mut self,
        id: LaneId,
        offset: u64,
        buried: &Buried,
    ) -> Result<(), Error> {
        let heads_its_key = self.unpark(id, offset, buried.key).await?;
        let now = self.turn.now;
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(());
        };
        lane.account.dead_lettered -= 1;
        lane.dead_bytes = lane.dead_bytes.saturating_sub(buried.bytes);
        lane.account.purged += 1;
        lane.dirty = true;
        let ops = &mut self.turn.ops;
        ops.push(Op::Delete(keys::dead(id, offset)));
        ops.push(Op::Delete(keys::kept(id, offset)));
        if offset >= self.turn.start {
            ops.push(Op::Put(
                keys::history(offset, id),
                Final::encode("purged", None, None, &buried.trail),
            ));
        }
        if let Some(key) = buried.key.filter(|_| heads_its_key) {
            lane.advance(key, now);
        }
        Ok(())
    }
}
