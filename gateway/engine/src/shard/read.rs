//! Reading for the lanes: from the log, from the schedule, from behind ordering keys.

use super::Shard;
use super::pages::{PAGE_BYTES, Stretch};
use crate::machine::{Offered, Place, Task, Ticket};
use crate::record::keys::{self, LaneId};
use crate::record::{Cause, Pendant, Stored};
use bytes::Bytes;
use std::sync::Arc;
use tradewind_store::{Error, Op, Position, Sync};

/// Deliveries shed in one record.
const SHED_MAX: usize = 256;
/// Pages read in one turn, over all lanes: outcomes and commands get their turn in between.
const READS_MAX: usize = 4;

impl Shard {
    /// Feeds every hungry lane; lanes at the same place share what is read.
    pub(super) async fn read(&mut self) -> Result<(), Error> {
        let mut reads = 0;
        let mut held: Vec<LaneId> = Vec::new();
        loop {
            let end = self.around.log.bounds(self.around.shard).end;
            let hungry: Vec<LaneId> = self
                .lanes
                .values()
                .filter(|l| l.is_hungry() && l.read < end && !held.contains(&l.id))
                .map(|l| l.id)
                .collect();
            let Some(at) = hungry.iter().map(|id| self.lanes[id].read).min() else {
                break;
            };
            let mut fed = false;
            for id in hungry {
                let read = self.lanes[&id].read;
                if let Some(page) = self.pages.at(read) {
                    fed = true;
                    if !self.feed(id, &page) {
                        held.push(id);
                    }
                }
            }
            if !fed {
                if reads == READS_MAX {
                    // More to read, and others to serve first.
                    self.around.gates.freed[usize::from(self.around.shard)].notify_one();
                    break;
                }
                reads += 1;
                let page = self.load_page(at).await?;
                if page.next == at {
                    break;
                }
                self.pages.keep(page);
            }
        }
        let low = self.lanes.values().map(|l| l.read).min().unwrap_or(0);
        self.pages.forget_read(low);
        Ok(())
    }

    /// Hands a page to a lane. False when the lane takes no more for now.
    fn feed(&mut self, id: LaneId, page: &Stretch) -> bool {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return false;
        };
        let until = lane.job.as_ref().map_or(u64::MAX, |job| job.until);
        for line in page.lines_from(lane.read) {
            if line.stored.offset >= until {
                break;
            }
            let offered = lane.offer(
                &line.stored,
                &line.routed,
                line.key,
                line.next,
                &mut self.turn,
            );
            if offered == Offered::Full {
                return false;
            }
        }
        lane.skip_to(page.next.min(until));
        true
    }

    pub(super) async fn load_page(&mut self, from: u64) -> Result<Arc<Stretch>, Error> {
        let around = &self.around;
        let batch = around.log.read(around.shard, from, PAGE_BYTES).await?;
        for stretch in &batch.damaged {
            tracing::error!(stream = %around.stream, shard = around.shard, from = stretch.start,
                to = stretch.end, "part of the log is damaged");
            around.announcer.plain(
                "damaged",
                &around.stream,
                None,
                format!(
                    "{}/{} up to {} cannot be read",
                    around.shard, stretch.start, stretch.end
                ),
            );
            self.turn.ops.push(Op::Put(
                keys::damage(stretch.start),
                stretch.end.to_be_bytes().to_vec().into(),
            ));
        }
        let order_by = around.order_by.as_deref();
        let page = Stretch::parse(from, batch, &around.hashes, order_by, &self.routes);
        for offset in &page.unreadable {
            tracing::error!(stream = %around.stream, shard = around.shard, offset,
                "stored event is unreadable");
            self.turn.ops.push(Op::Put(
                keys::damage(*offset),
                (offset + 1).to_be_bytes().to_vec().into(),
            ));
        }
        Ok(Arc::new(page))
    }

    /// Brings recorded deliveries that are due, or next of their key, into memory.
    pub(super) async fn page_in(&mut self) -> Result<(), Error> {
        let now = self.turn.now;
        let wanting: Vec<LaneId> = self
            .lanes
            .values()
            .filter(|l| {
                let due = l.next_due.is_some_and(|due| due <= now);
                let comes = due || !l.shelves.is_empty();
                l.has_work() || (comes && l.is_active() && l.room() > 0)
            })
            .map(|l| l.id)
            .collect();
        if wanting.is_empty() {
            return Ok(());
        }
        for id in wanting {
            self.shed(id).await?;
            self.purge_excess(id).await?;
            self.page_in_due(id).await?;
            self.page_in_shelves(id).await?;
            self.fetch_keys(id).await?;
        }
        Ok(())
    }

    async fn page_in_due(&mut self, id: LaneId) -> Result<(), Error> {
        let now = self.turn.now;
        let lane = &self.lanes[&id];
        if !lane.is_active() || lane.room() == 0 || lane.next_due.is_none_or(|due| due > now) {
            return Ok(());
        }
        let (from, to) = (
            keys::scheduled(id, lane.due_from.0, lane.due_from.1),
            keys::scheduled(id, self.turn.stops.stored(now).saturating_add(1), 0),
        );
        let limit = lane.loaded.len() + lane.room();
        // What was just removed must not be found.
        self.flush(Sync::Lazy).await?;
        let shard = self.around.shard;
        let found = self.around.log.scan(shard, &from, &to, limit).await?;
        let all = found.len() < limit;
        let mut passed = None;
        for (key, value) in found {
            let offset = keys::number(&key, keys::SECOND);
            passed = Some((keys::number(&key, keys::FIRST), offset + 1));
            if self.lanes[&id].loaded.contains(&offset) {
                continue;
            }
            let due = keys::number(&key, keys::FIRST);
            let pendant = readable(Pendant::decode(&value))?;
            self.bring(id, Ticket::of(pendant, Place::Scheduled { due }))
                .await?;
            self.relieve().await?;
        }
        let mut next_due = self.lanes[&id].next_due;
        if all {
            let end = keys::scheduled(id, keys::SHELF, 0);
            let next = self.around.log.scan(shard, &to, &end, 1).await?;
            let stored = next.first().map(|(key, _)| keys::number(key, keys::FIRST));
            next_due = stored.map(|stored| self.turn.stops.due(stored));
            passed = Some((stored.unwrap_or(u64::MAX), 0));
        }
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.next_due = next_due;
            lane.due_from = passed.unwrap_or(lane.due_from);
        }
        Ok(())
    }

    /// Brings back what waits for members that take something now.
    async fn page_in_shelves(&mut self, id: LaneId) -> Result<(), Error> {
        let now = self.turn.now;
        let pieces = self.lanes.get_mut(&id).map(|lane| lane.pieces(now));
        for piece in pieces.unwrap_or_default() {
            let lane = &self.lanes[&id];
            let most = piece.most.min(lane.room());
            // Those in memory lie among them.
            let limit = lane.loaded.len() + most;
            let (from, to) = (
                keys::scheduled(id, piece.shelf, piece.from),
                keys::scheduled(id, piece.shelf, piece.to),
            );
            // What was just put there must be found.
            self.flush(Sync::Lazy).await?;
            let found = self
                .around
                .log
                .scan(self.around.shard, &from, &to, limit)
                .await?;
            let mut all = found.len() < limit;
            let (mut next, mut brought) = (piece.from, 0);
            for (key, value) in found {
                let offset = keys::number(&key, keys::SECOND);
                if self.lanes[&id].loaded.contains(&offset) {
                    next = offset + 1;
                    continue;
                }
                if brought == most {
                    all = false;
                    break;
                }
                (next, brought) = (offset + 1, brought + 1);
                let pendant = readable(Pendant::decode(&value))?;
                let place = Place::Scheduled { due: piece.shelf };
                self.bring(id, Ticket::of(pendant, place)).await?;
                self.relieve().await?;
            }
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.fetched(&piece, next, all);
            }
        }
        Ok(())
    }

    async fn fetch_keys(&mut self, id: LaneId) -> Result<(), Error> {
        loop {
            let Some(lane) = self.lanes.get_mut(&id) else {
                return Ok(());
            };
            if !lane.is_active() || lane.room() == 0 {
                return Ok(());
            }
            let Some(key) = lane.keys.fetch.pop_front() else {
                return Ok(());
            };
            let first = lane.keys.first(key);
            // What was just enqueued or removed must be seen.
            self.flush(Sync::Lazy).await?;
            let (from, to) = (
                keys::waiting(id, key, first),
                keys::waiting(id, key, u64::MAX),
            );
            let found = self
                .around
                .log
                .scan(self.around.shard, &from, &to, 1)
                .await?;
            match found.first() {
                Some((at, value)) => {
                    let sequence = keys::number(at, keys::SECOND);
                    if let Some(lane) = self.lanes.get_mut(&id) {
                        lane.keys.passed(key, sequence);
                    }
                    let pendant = readable(Pendant::decode(value))?;
                    self.bring(id, Ticket::of(pendant, Place::Waiting { sequence }))
                        .await?;
                }
                None => {
                    let now = self.turn.now;
                    if let Some(lane) = self.lanes.get_mut(&id) {
                        lane.drained(key, now);
                    }
                }
            }
        }
    }

    /// A recorded delivery comes back into memory with its event.
    async fn bring(&mut self, id: LaneId, ticket: Ticket) -> Result<(), Error> {
        let stored = self.stored(id, ticket.offset).await?;
        self.keep_moving(id, ticket.offset).await?;
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(());
        };
        lane.loaded.insert(ticket.offset);
        let Some(stored) = stored else {
            lane.bury(ticket, None, Cause::Damaged, &mut self.turn);
            return Ok(());
        };
        let on_shelf = matches!(ticket.place, Place::Scheduled { due } if due >= keys::SHELF);
        let since = match on_shelf {
            true => ticket.trail.born_ms.min(self.turn.now),
            false => self.turn.now,
        };
        lane.bring(
            Task {
                ticket,
                stored,
                since,
                together: false,
                alone: false,
                member: None,
            },
            &mut self.turn,
        );
        Ok(())
    }

    /// The event at `offset`: from memory, the log, or what was copied out of it for `lane`.
    pub(super) async fn stored(
        &self,
        lane: LaneId,
        offset: u64,
    ) -> Result<Option<Arc<Stored>>, Error> {
        if let Some(stored) = self.pages.event(offset) {
            return Ok(Some(stored));
        }
        let around = &self.around;
        if offset < around.log.bounds(around.shard).start {
            let kept = around
                .log
                .get(around.shard, &keys::kept(lane, offset))
                .await?;
            let at = Position {
                shard: around.shard,
                offset,
            };
            return Ok(kept.and_then(|bytes| Stored::kept(at, &bytes).ok()));
        }
        let batch = match around.log.read(around.shard, offset, 1).await {
            Err(Error::Damaged(_)) => return Ok(None),
            batch => batch?,
        };
        Ok(batch
            .items
            .first()
            .filter(|item| item.position.offset == offset)
            .and_then(|item| Stored::read(item).ok()))
    }

    /// Beyond the backlog cap, the oldest waiting become dead letters, some in each turn.
    async fn shed(&mut self, id: LaneId) -> Result<(), Error> {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(());
        };
        while lane.overflow() > 0 && lane.shed_ready(&mut self.turn) {}
        if lane.overflow() == 0 {
            return Ok(());
        }
        lane.relieve(&mut self.turn);
        self.flush(Sync::Lazy).await?;
        let lane = &self.lanes[&id];
        let want = lane.overflow().min(SHED_MAX as u64) as usize;
        let mut found = self.oldest_scheduled(id, lane.loaded.len() + want).await?;
        found.extend(self.oldest_waiting(id, want).await?);
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.shed_recorded(found, want, &mut self.turn);
        }
        Ok(())
    }

    async fn oldest_scheduled(&self, id: LaneId, limit: usize) -> Result<Vec<Ticket>, Error> {
        let (from, to) = keys::under(&keys::of_lane(b'q', id));
        let shard = self.around.shard;
        let found = self.around.log.scan(shard, &from, &to, limit).await?;
        let ticket = |(key, value): &(Bytes, Bytes)| {
            let due = keys::number(key, keys::FIRST);
            let pendant = readable(Pendant::decode(value))?;
            Ok(Ticket::of(pendant, Place::Scheduled { due }))
        };
        found.iter().map(ticket).collect()
    }

    /// The first few of each key: within a key, the oldest come first.
    async fn oldest_waiting(&self, id: LaneId, want: usize) -> Result<Vec<Ticket>, Error> {
        let (shard, log) = (self.around.shard, &self.around.log);
        let (mut from, to) = keys::under(&keys::of_lane(b'k', id));
        let each = want.div_ceil(self.lanes[&id].keys.len().max(1)) + 1;
        let mut tickets = Vec::new();
        while tickets.len() < SHED_MAX {
            let found = log.scan(shard, &from, &to, each).await?;
            let Some((first, _)) = found.first() else {
                break;
            };
            let ordering = keys::number(first, keys::FIRST);
            for (key, value) in &found {
                if keys::number(key, keys::FIRST) == ordering {
                    let sequence = keys::number(key, keys::SECOND);
                    let pendant = readable(Pendant::decode(value))?;
                    tickets.push(Ticket::of(pendant, Place::Waiting { sequence }));
                }
            }
            from = keys::under(&keys::waiting_of(id, ordering)).1;
        }
        Ok(tickets)
    }
}

/// Records are checked by the store; one that cannot be read was written by another release.
pub(super) fn readable<T>(record: Result<T, crate::record::Corrupt>) -> Result<T, Error> {
    record.map_err(|corrupt| Error::Failed(corrupt.to_string()))
}
