//! Changes of the subscriptions: a control record in the log, lanes and filters in the table.

use super::read::readable;
use super::{Shard, Subscriptions, Surroundings};
use crate::machine::{Definition, Lane, Version, Ways};
use crate::record::keys::{self, LaneId};
use crate::record::{Declared, Generation, InForce, LaneRecord, Ruled};
use crate::{Policy, Split, Start};
use bytes::Bytes;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use tradewind_store::{Appended, Entry, Error, Kind, Op, Sync};

impl Shard {
    /// Puts new subscriptions in force: in the log first, if routing changes.
    pub(super) async fn apply(&mut self, subscriptions: Subscriptions) -> Result<(), Error> {
        let declared = declare(&subscriptions);
        if self.changes(&declared) {
            let generation = Generation {
                subscriptions: declared,
            };
            self.flush(Sync::Lazy).await?;
            self.write_generation(&generation).await?;
        }
        self.attach(subscriptions);
        self.flush(Sync::Durable).await
    }

    fn changes(&self, declared: &[Declared]) -> bool {
        let now: BTreeSet<(&str, &str, Option<String>)> = self
            .lanes
            .values()
            .filter(|lane| lane.job.is_none())
            .filter_map(|lane| {
                let version = lane.versions.last()?;
                let definition = version.definition.as_ref()?;
                let split = version.split.as_ref().map(|split| split.text());
                Some((&*lane.name, definition.text.as_str(), split))
            })
            .collect();
        let then = declared
            .iter()
            .map(|d| (d.name.as_str(), d.definition.as_str(), d.split.clone()))
            .collect();
        now != then
    }

    /// The intent is durable before the control record, so that recovery knows where to look for it.
    async fn write_generation(&mut self, generation: &Generation) -> Result<(), Error> {
        let shard = self.around.shard;
        let log = Arc::clone(&self.around.log);
        let end = log.bounds(shard).end;
        let intent = Bytes::copy_from_slice(&end.to_be_bytes());
        log.record(
            shard,
            self.epoch,
            vec![Op::Put(keys::intent(), intent)],
            Sync::Durable,
        )
        .await?;
        let entry = Entry {
            shard_key: u64::from(shard),
            identity: None,
            kind: Kind::Control,
            payload: generation.encode(),
            decoded: None,
        };
        match log.append(vec![entry]).await?.first() {
            Some(Appended::New(position)) if position.shard == shard => {
                self.absorb(position.offset, generation).await?;
                self.turn.ops.push(Op::Delete(keys::intent()));
                self.flush(Sync::Durable).await
            }
            other => Err(Error::Failed(format!(
                "control record for shard {shard} was not placed there: {other:?}"
            ))),
        }
    }

    /// Makes what a control record at `offset` says part of the table.
    pub(super) async fn absorb(
        &mut self,
        offset: u64,
        generation: &Generation,
    ) -> Result<(), Error> {
        let mut in_force = InForce::default();
        for declared in &generation.subscriptions {
            let id = match self.lane_named(&declared.name) {
                Some(id) => id,
                None => match self.renamed_lane(declared, generation) {
                    Some(id) => id,
                    None => self.new_lane(declared, offset).await?,
                },
            };
            let ruled = Ruled {
                definition: declared.definition.clone(),
                split: declared.split.clone(),
            };
            in_force.lanes.push((id, ruled));
        }
        self.turn
            .ops
            .push(Op::Put(keys::generation(offset), in_force.encode()));
        self.put_in_force(offset, &in_force);
        Ok(())
    }

    fn lane_named(&self, name: &str) -> Option<LaneId> {
        self.lanes
            .values()
            .find(|lane| lane.job.is_none() && &*lane.name == name)
            .map(|lane| lane.id)
    }

    /// The lane that goes on under a new name, unless the old name is still declared, or was another space's: its dead
    /// letters are not for this one to see.
    fn renamed_lane(&mut self, declared: &Declared, generation: &Generation) -> Option<LaneId> {
        let from = declared.renamed_from.as_deref()?;
        if generation.subscriptions.iter().any(|d| d.name == from) {
            return None;
        }
        let id = self.lane_named(from)?;
        let owner = self.lanes.get(&id).map(|lane| Arc::clone(&lane.space))?;
        if !owner.is_empty() && !declared.space.is_empty() && *owner != *declared.space {
            tracing::warn!(stream = %self.around.stream, subscription = declared.name, from, space = %owner,
                "nothing is taken over: what it was renamed from belongs to another space");
            return None;
        }
        self.around.gates.rename(from, &declared.name);
        let gate = self.around.gates.of(&declared.name, self.turn.now);
        for lane in self.lanes.values_mut().filter(|l| &*l.name == from) {
            lane.name = declared.name.as_str().into();
            lane.gate = Arc::clone(&gate);
            lane.dirty = true;
        }
        Some(id)
    }

    async fn new_lane(&mut self, declared: &Declared, offset: u64) -> Result<LaneId, Error> {
        let around = &self.around;
        let low = match declared.start {
            Start::Tip => offset,
            Start::Oldest => around.log.bounds(around.shard).start,
            Start::Time(ms) => around.log.seek(around.shard, ms).await?.min(offset),
        };
        let record = LaneRecord {
            name: declared.name.clone(),
            space: declared.space.clone(),
            begins: low,
            low,
            ..LaneRecord::default()
        };
        Ok(self.add_lane(record))
    }

    pub(super) fn add_lane(&mut self, record: LaneRecord) -> LaneId {
        let id = self.next_lane;
        self.next_lane += 1;
        let next = Bytes::copy_from_slice(&self.next_lane.to_be_bytes());
        self.turn.ops.push(Op::Put(keys::next_lane(), next));
        let gate = self.around.gates.of(&record.name, self.turn.now);
        let mut lane = Lane::new(id, record, gate, self.turn.now);
        lane.dirty = true;
        self.lanes.insert(id, lane);
        id
    }

    /// Adds a generation to the filters of every lane.
    pub(super) fn put_in_force(&mut self, offset: u64, in_force: &InForce) {
        let rules: HashMap<LaneId, &Ruled> = in_force
            .lanes
            .iter()
            .map(|(lane, ruled)| (*lane, ruled))
            .collect();
        for id in self.lanes.keys().copied().collect::<Vec<_>>() {
            // A replay follows decisions for what is pending, and nothing else.
            let replays = self.lanes.get(&id).filter(|lane| lane.job.is_some());
            let owner = match replays {
                Some(replay) => self.lane_named(&replay.name),
                None => Some(id),
            };
            let rule = owner.and_then(|owner| rules.get(&owner)).copied();
            let text = rule.map(|rule| rule.definition.as_str());
            let definition = text.map(|text| self.definition(text));
            let split = rule.and_then(|rule| read_split(rule.split.as_deref()?));
            let Some(lane) = self.lanes.get_mut(&id) else {
                continue;
            };
            let before = lane.versions.last().and_then(|v| v.split.clone());
            let mut splits = lane.versions.iter().rev();
            let decided = splits.find_map(|version| version.split.as_ref());
            let decided = decided.map_or(0, |split| split.moves);
            let moves = split.as_ref().is_some_and(|split| split.moves > decided);
            if lane.job.is_some() {
                let last = lane.versions.last();
                let definition = last.and_then(|version| version.definition.clone());
                // It began when there was no group: it follows the first split that it hears of.
                let began_before = lane.job.as_ref().is_some_and(|job| job.until <= offset);
                let first = began_before && lane.versions.iter().all(|v| v.split.is_none());
                if moves || first && split.is_some() {
                    lane.versions.push(Version {
                        from: offset,
                        definition,
                        split,
                        moves: true,
                    });
                    lane.sweep_shelves();
                }
                continue;
            }
            let last = lane
                .versions
                .last()
                .map(|v| v.definition.as_ref().map(|d| &*d.text));
            let changed = match last {
                None => text.is_some(),
                Some(last) => last != text || before != split,
            };
            if changed {
                lane.versions.push(Version {
                    from: offset,
                    definition,
                    split,
                    moves,
                });
                if moves {
                    lane.sweep_shelves();
                }
            }
        }
    }

    /// A filter by its text, compiled once.
    pub(super) fn definition(&mut self, text: &str) -> Arc<Definition> {
        if let Some(known) = self.definitions.get(text) {
            return Arc::clone(known);
        }
        let value = serde_json::from_str(text).unwrap_or_default();
        let filter = match tradewind_filter::compile(&value) {
            Ok(filter) => filter,
            Err(error) => {
                // Too much is delivered rather than too little.
                tracing::error!(stream = %self.around.stream, %error, definition = text,
                    "a recorded filter is refused by this release; it now matches everything");
                Arc::new(tradewind_filter::Filter::everything())
            }
        };
        let definition = Arc::new(Definition {
            text: text.to_owned(),
            route: self.routes.add(&filter),
            filter,
        });
        self.definitions
            .insert(text.to_owned(), Arc::clone(&definition));
        definition
    }

    /// Hands plans to lanes: sinks and policies are in force at once.
    pub(super) fn attach(&mut self, subscriptions: Subscriptions) {
        let now = self.turn.now;
        for lane in self.lanes.values_mut() {
            lane.looked_on = match &lane.plan {
                Some(_) => lane.is_shadow(),
                None => lane.looked_on,
            };
            lane.plan = subscriptions.get(&*lane.name).cloned();
            seat(&self.around, lane);
            ways(&self.around, lane, now);
            let said = lane.plan.as_ref().and_then(|plan| plan.paused);
            if let Some(paused) = said.filter(|paused| *paused != lane.paused) {
                lane.set_paused(paused);
            }
            if let Some(plan) = &lane.plan {
                if lane.space != plan.space {
                    lane.space = Arc::clone(&plan.space);
                    lane.dirty = true;
                }
                if *lane.policy != plan.policy {
                    lane.policy = Arc::new(plan.policy.clone());
                }
                lane.gate.update(&plan.policy, now);
                for way in lane.ways.iter().flat_map(|ways| &ways.members) {
                    way.gate.update(&plan.policy, now);
                }
            } else if lane.policy.backlog_max.is_some()
                || lane.policy.dead_letter_bytes_max.is_some()
            {
                // What is under way settles by it; only what waits is not to become less meanwhile.
                lane.policy = Arc::new(Policy {
                    backlog_max: None,
                    dead_letter_bytes_max: None,
                    ..Policy::clone(&lane.policy)
                });
            }
        }
        self.subscriptions = subscriptions;
        self.watch();
        self.forget_definitions();
    }

    /// Forgets what no lane has had in force since the log begins.
    fn forget_definitions(&mut self) {
        let routes = &mut self.routes;
        self.definitions.retain(|_, definition| {
            let in_use = Arc::strong_count(definition) > 1;
            if !in_use {
                routes.remove(definition.route);
            }
            in_use
        });
    }

    /// Forgets which filters were in force before the log begins.
    pub(super) fn forget_versions(&mut self, start: u64) {
        for lane in self.lanes.values_mut() {
            let below = lane.versions.partition_point(|v| v.from <= start);
            lane.versions.drain(..below.saturating_sub(1));
        }
        self.forget_definitions();
    }

    /// Generations that recovery reads back.
    pub(super) async fn load_generations(&mut self) -> Result<(), Error> {
        let (mut from, to) = keys::under(b"g");
        loop {
            let shard = self.around.shard;
            let found = self.around.log.scan(shard, &from, &to, 256).await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            from = keys::after(last);
            for (key, value) in &found {
                let in_force = readable(InForce::decode(value))?;
                self.put_in_force(keys::number(key, 1), &in_force);
            }
        }
    }
}

/// Gives a lane its seat in the space of its subscription.
pub(super) fn seat(around: &Surroundings, lane: &mut Lane) {
    // A shadow waits for no place, and takes none from those that are in charge.
    let plan = lane.plan.as_ref().filter(|plan| plan.shadow.is_none());
    let space = plan.map(|plan| around.spaces.of(&plan.space));
    lane.seat = match (lane.seat.take(), space) {
        (Some(seat), Some(space)) if seat.is_in(&space.places) => Some(seat),
        (_, space) => space.map(|space| {
            let bell = &around.gates.freed[usize::from(around.shard)];
            space.places.seat(Arc::clone(bell))
        }),
    };
}

/// Gives a lane the members of its subscription's group.
pub(super) fn ways(around: &Surroundings, lane: &mut Lane, now: u64) {
    let group = lane.plan.as_ref().and_then(|plan| plan.group.as_ref());
    let gate = |member: &str| around.gates.of(&format!("{}/{member}", lane.name), now);
    let ways = group.map(|group| Ways::new(group, around.hashes, gate, lane.ways.as_ref()));
    lane.ways = ways;
}

/// A split as the log has it.
pub(super) fn read_split(text: &str) -> Option<Arc<Split>> {
    match serde_json::from_str(text) {
        Ok(split) => Some(Arc::new(split)),
        Err(error) => {
            tracing::error!(%error, split = text, "a recorded split is not understood: the present one is taken");
            None
        }
    }
}

fn declare(subscriptions: &Subscriptions) -> Vec<Declared> {
    subscriptions
        .iter()
        .map(|(name, plan)| Declared {
            name: name.clone(),
            renamed_from: plan.renamed_from.clone(),
            definition: plan.definition.to_string(),
            start: plan.start,
            split: plan.group.as_ref().map(|group| group.split.text()),
            space: plan.space.to_string(),
        })
        .collect()
}
