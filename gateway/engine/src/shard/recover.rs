//! From the table and the log back to a running shard.

use super::generation::read_split;
use super::read::readable;
use super::{Command, Shard, Subscriptions, Surroundings};
use crate::machine::{Head, Lane, Rng, Turn};
use crate::record::keys::{self, LaneId};
use crate::record::{Generation, LaneRecord, Pendant, Stops};
use crate::routes::Routes;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tradewind_store::{Error, Kind, Loss, Op, Sync};

/// Records read in one scan.
const SCAN: usize = 512;

impl Shard {
    /// Takes over a shard and puts `subscriptions` in force.
    pub(crate) async fn recover(
        around: Surroundings,
        subscriptions: Subscriptions,
        commands: mpsc::UnboundedReceiver<Command>,
        health: watch::Sender<Result<(), String>>,
    ) -> Result<Self, Error> {
        let recovered = around.log.recover(around.shard).await?;
        for finding in &recovered.findings {
            let (stream, shard) = (&around.stream, around.shard);
            match finding.loss {
                Loss::Certain => {
                    tracing::error!(%stream, shard, %finding, "part of the stream is lost")
                }
                Loss::Unclear => tracing::warn!(%stream, shard, %finding, "something may be lost"),
                Loss::Nothing => tracing::warn!(%stream, shard, %finding, "damage was repaired"),
            }
            around
                .announcer
                .plain("damaged", stream, None, finding.to_string());
        }
        let now = around.time.now();
        let seed = around.log.hash_key();
        let seed = u64::from_le_bytes(seed[..8].try_into().unwrap_or_default());
        let mut shard = Self {
            rng: Rng::new(seed ^ now ^ recovered.epoch.rotate_left(32)),
            epoch: recovered.epoch,
            lanes: BTreeMap::new(),
            next_lane: 1,
            closed: BTreeMap::new(),
            subscriptions: Subscriptions::new(),
            comparisons: BTreeMap::new(),
            definitions: HashMap::new(),
            routes: Routes::default(),
            pages: Default::default(),
            turn: Turn::new(now, recovered.start),
            accepted_records: 0,
            attempts: JoinSet::new(),
            homes: mpsc::unbounded_channel(),
            commands,
            health,
            waiting_for_quiet: Vec::new(),
            next_retention: now + super::RETENTION_EVERY_MS,
            work: VecDeque::new(),
            draining: None,
            drained: Vec::new(),
            around,
        };
        shard.load_lanes().await?;
        shard.load_comparisons().await?;
        shard.load_generations().await?;
        shard.finish_intent().await?;
        for id in shard.lanes.keys().copied().collect::<Vec<_>>() {
            shard.load_pending(id).await?;
            shard.load_kept(id).await?;
        }
        shard.apply(subscriptions).await?;
        Ok(shard)
    }

    async fn load_lanes(&mut self) -> Result<(), Error> {
        let mut last_recorded = 0;
        let shard = self.around.shard;
        if let Some(next) = self.around.log.get(shard, &keys::next_lane()).await? {
            self.next_lane = keys::lane_at(&next, 0);
        }
        for (key, value) in self.scan_all(b"l").await? {
            let id = keys::lane_at(&key, 1);
            let record = readable(LaneRecord::decode(&value))?;
            last_recorded = last_recorded.max(record.at_ms);
            let gate = self.around.gates.of(&record.name, self.turn.now);
            if record.job.is_none() {
                if record.paused {
                    gate.set_paused(true);
                }
                if record.disabled {
                    gate.set_disabled(true);
                }
            }
            let job = record.job.clone();
            let pending = record.account.pending > 0;
            let mut lane = Lane::new(id, record, gate, self.turn.now);
            lane.inherited = (self.around.log.bounds(shard).end, pending);
            self.lanes.insert(id, lane);
            self.next_lane = self.next_lane.max(id + 1);
            if let Some(job) = job {
                let definition = self.definition(&job.definition);
                let split = job.split.as_deref().and_then(read_split);
                if let Some(lane) = self.lanes.get_mut(&id) {
                    lane.versions = vec![crate::machine::Version {
                        from: 0,
                        definition: Some(definition),
                        split,
                        moves: false,
                    }];
                }
            }
        }
        for (_, value) in self.scan_all(b"z").await? {
            let record = readable(LaneRecord::decode(&value))?;
            self.closed
                .entry(record.name)
                .or_default()
                .add(&record.account);
        }
        self.resume(last_recorded).await
    }

    /// How long the shard stood still does not count: retries go on waiting for the rest of their
    /// time, nothing ages, whatever became of the wall clock meanwhile.
    async fn resume(&mut self, last_recorded: u64) -> Result<(), Error> {
        let around = &self.around;
        self.turn.stops = match around.log.get(around.shard, &keys::stops()).await? {
            Some(stops) => readable(Stops::decode(&stops))?,
            None => Stops::seen(last_recorded),
        };
        let stop = self.turn.stops.resume(self.turn.now);
        if stop != 0 {
            tracing::warn!(stream = %around.stream, shard = around.shard, stop_ms = stop,
                "the gateway was stopped that long, by the wall clock; due times and ages leave it out");
        }
        self.turn
            .ops
            .push(Op::Put(keys::stops(), self.turn.stops.encode()));
        Ok(())
    }

    /// A generation may be in the log and not in the table: a crash came between.
    async fn finish_intent(&mut self) -> Result<(), Error> {
        let shard = self.around.shard;
        let log = std::sync::Arc::clone(&self.around.log);
        let Some(from) = log.get(shard, &keys::intent()).await? else {
            return Ok(());
        };
        let mut at = keys::number(&from, 0);
        loop {
            let batch = log.read(shard, at, super::pages::PAGE_BYTES).await?;
            for item in batch.items.iter().filter(|i| i.kind == Kind::Control) {
                let offset = item.position.offset;
                if log.get(shard, &keys::generation(offset)).await?.is_none() {
                    let generation = readable(Generation::decode(&item.payload))?;
                    self.absorb(offset, &generation).await?;
                }
            }
            if batch.next == at {
                break;
            }
            at = batch.next;
        }
        self.turn.ops.push(Op::Delete(keys::intent()));
        self.flush(Sync::Durable).await
    }

    /// Copies of events that are still in the log: a crash came before the trim.
    async fn load_kept(&mut self, id: LaneId) -> Result<(), Error> {
        let (mut from, to) = (keys::kept(id, self.turn.start), keys::kept(id, u64::MAX));
        loop {
            let page = self.scan_page(&mut from, &to).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            let after = keys::number(last, keys::FIRST).saturating_add(1);
            self.turn.kept = self.turn.kept.max(after);
        }
    }

    /// Due times and busy keys of a lane.
    async fn load_pending(&mut self, id: LaneId) -> Result<(), Error> {
        let shard = self.around.shard;
        let log = std::sync::Arc::clone(&self.around.log);
        let (from, _) = keys::under(&keys::of_lane(b'q', id));
        let shelves = keys::scheduled(id, keys::SHELF, 0);
        let to = shelves.clone();
        let first = log.scan(shard, &from, &to, 1).await?;
        let next_due = first.first().map(|(key, _)| keys::number(key, keys::FIRST));
        let next_due = next_due.map(|stored| self.turn.stops.due(stored));
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.next_due = next_due;
        }
        // From one shelf to the next, however much lies on each.
        let (_, end) = keys::under(&keys::of_lane(b'q', id));
        let mut from = shelves;
        while let Some((key, _)) = log.scan(shard, &from, &end, 1).await?.first() {
            let shelf = keys::number(key, keys::FIRST);
            from = keys::scheduled(id, shelf + 1, 0);
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.due_at(shelf, keys::number(key, keys::SECOND), &self.turn);
            }
        }
        if let Some(lane) = self.lanes.get_mut(&id)
            && lane.versions.iter().any(|version| version.moves)
        {
            lane.sweep_shelves();
        }
        if self.around.order_by.is_none() {
            return Ok(());
        }
        let (mut from, to) = keys::under(&keys::of_lane(b'q', id));
        loop {
            let page = self.scan_page(&mut from, &to).await?;
            let Some(lane) = self.lanes.get_mut(&id).filter(|_| !page.is_empty()) else {
                break;
            };
            for (row, value) in page {
                let pendant = readable(Pendant::decode(&value))?;
                let on_shelf = keys::number(&row, keys::FIRST) >= keys::SHELF;
                let head = match on_shelf && pendant.trail.made() == 0 {
                    true => Head::Shelved,
                    false => Head::Scheduled,
                };
                if let Some(key) = pendant.key {
                    lane.keys.set(key, head);
                }
            }
        }
        let parked = self.scan_all(&keys::of_lane(b'b', id)).await?;
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ok(());
        };
        for (key, _) in parked {
            lane.keys.set(keys::number(&key, keys::FIRST), Head::Parked);
        }
        // From one ordering key to the next, however many wait behind each.
        let (mut from, to) = keys::under(&keys::of_lane(b'k', id));
        while let Some((key, _)) = log.scan(shard, &from, &to, 1).await?.first() {
            let ordering = keys::number(key, keys::FIRST);
            lane.keys.recovered(ordering);
            from = keys::under(&keys::waiting_of(id, ordering)).1;
        }
        Ok(())
    }

    pub(super) async fn scan_all(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let (mut from, to) = keys::under(prefix);
        let mut all = Vec::new();
        loop {
            let page = self.scan_page(&mut from, &to).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// The next rows in `[from, to)`, and `from` set behind them; none at the end.
    pub(super) async fn scan_page(
        &self,
        from: &mut Bytes,
        to: &Bytes,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let (shard, log) = (self.around.shard, &self.around.log);
        let page = log.scan(shard, from, to, SCAN).await?;
        if let Some((last, _)) = page.last() {
            *from = keys::after(last);
        }
        Ok(page)
    }
}
