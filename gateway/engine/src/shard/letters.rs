//! Dead letters: list, redrive, purge.

use super::read::readable;
use super::{Chunk, Moved, Page, Progress, Shard};
use crate::DeadLetter;
use crate::machine::{Head, Place, Ticket};
use crate::record::keys::{self, LaneId};
use crate::record::{Buried, Final, Trail, cause_name};
use tradewind_store::{Error, Op, Sync};

/// Dead letters moved or removed in one record.
const CHUNK: usize = 256;

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
    pub(super) async fn redrive(&mut self, chunk: &Chunk) -> Result<Moved, Error> {
        let (letters, next) = self.chunk(chunk).await?;
        let moved = letters.len() as u64;
        for (id, offset, buried) in letters {
            self.redrive_one(id, offset, buried).await?;
            self.relieve().await?;
        }
        self.flush(Sync::Durable).await?;
        Ok((moved, next))
    }

    async fn redrive_one(&mut self, id: LaneId, offset: u64, buried: Buried) -> Result<(), Error> {
        let heads_its_key = self.unpark(id, offset, buried.key).await?;
        self.keep_moving(id, offset).await?;
        let now = self.turn.now;
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(());
        };
        // It begins anew: with the member that its key has now.
        let last = lane.ways.as_ref().and_then(|_| lane.versions.last());
        let routed = last.map(|version| version.from);
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
                routed,
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

    /// Removes dead letters for good.
    pub(super) async fn purge(&mut self, chunk: &Chunk) -> Result<Moved, Error> {
        let (letters, next) = self.chunk(chunk).await?;
        let purged = letters.len() as u64;
        for (id, offset, buried) in letters {
            self.purge_one(id, offset, &buried).await?;
        }
        self.flush(Sync::Durable).await?;
        Ok((purged, next))
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

    /// The dead letters of a chunk, and where the next begins. What a redrive makes of them may become
    /// dead letters again while it runs; each is taken once.
    async fn chunk(
        &mut self,
        chunk: &Chunk,
    ) -> Result<(Vec<(LaneId, u64, Buried)>, Option<Progress>), Error> {
        self.flush(Sync::Lazy).await?;
        let (shard, log) = (self.around.shard, self.around.log.clone());
        let after = chunk.after;
        let until = after.map_or_else(|| log.bounds(shard).end, |after| after.until);
        let mut letters = Vec::new();
        for id in self.lanes_of(&chunk.subscription) {
            let mut from = match after {
                Some(after) if after.lane > id => continue,
                Some(after) if after.lane == id => keys::after(&keys::dead(id, after.offset)),
                _ => keys::dead(id, 0),
            };
            let mut to = keys::dead(id, until);
            if let Some(offset) = chunk.offset {
                from = keys::dead(id, offset);
                to = keys::after(&from);
            }
            let want = CHUNK - letters.len();
            for (key, value) in log.scan(shard, &from, &to, want).await? {
                let offset = keys::number(&key, keys::FIRST);
                letters.push((id, offset, readable(Buried::decode(&value))?));
            }
            if letters.len() == CHUNK {
                break;
            }
        }
        let next = letters
            .last()
            .filter(|_| letters.len() == CHUNK)
            .map(|(lane, offset, _)| Progress {
                lane: *lane,
                offset: *offset,
                until,
            });
        Ok((letters, next))
    }
}
