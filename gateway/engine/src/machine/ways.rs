//! The members of a group, as a lane goes to them.

use super::gate::{Gate, Pass};
use super::lane::{Lane, Version};
use super::passed::Passed;
use super::places::TakenPlace;
use super::retry::millis;
use super::task::{Task, Turn};
use crate::hash::Hashes;
use crate::record::keys;
use crate::{Group, MemberView, Split};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use tradewind_adapter::{Outcome, Sink};
use tradewind_event::Event;

/// The members of a lane's group.
#[derive(Debug)]
pub(crate) struct Ways {
    hashes: Hashes,
    pub(crate) members: Vec<Way>,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) name: Arc<str>,
    pub(crate) sink: Arc<dyn Sink>,
    /// Its circuit, places and rate.
    pub(crate) gate: Arc<Gate>,
    /// Attempts that ended since the start: accepted, to be retried, rejected.
    ended: [u64; 3],
}

/// Attempts that begin together.
pub(crate) struct Start {
    pub(crate) offsets: Vec<u64>,
    /// Of its sink,
    pub(crate) passed: Passed,
    /// and of its space.
    pub(crate) place: Option<TakenPlace>,
    /// Number of the member that they go to.
    pub(crate) member: Option<usize>,
}

/// Which member a delivery is for, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) member: Arc<str>,
    /// Its number among the members.
    pub(crate) number: usize,
    /// The split that says so, and the position from which on it holds.
    pub(crate) split: Arc<Split>,
    pub(crate) from: u64,
    /// It was decided after the event was appended, for what is pending.
    pub(crate) moved: bool,
}

impl Ways {
    pub(crate) fn new(
        group: &Group,
        hashes: Hashes,
        gate: impl Fn(&str) -> Arc<Gate>,
        before: Option<&Ways>,
    ) -> Self {
        let members = group.members.iter().map(|member| {
            let known = before.and_then(|ways| ways.members.iter().find(|w| w.name == member.name));
            Way {
                name: Arc::clone(&member.name),
                sink: Arc::clone(&member.sink),
                gate: gate(&member.name),
                ended: known.map_or([0; 3], |way| way.ended),
            }
        });
        Self {
            hashes,
            members: members.collect(),
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|way| &*way.name == name)
    }

    fn hash(&self, key: Option<u64>, event: &Event) -> u64 {
        key.unwrap_or_else(|| {
            let identity = self.hashes.identity(event.source(), event.id());
            (identity >> 64) as u64
        })
    }

    pub(crate) fn count(&mut self, member: &str, outcome: &Outcome) {
        let at = match outcome {
            Outcome::Accepted { .. } => 0,
            Outcome::Reject { .. } => 2,
            _ => 1,
        };
        if let Some(way) = self.named(member).and_then(|n| self.members.get_mut(n)) {
            way.ended[at] += 1;
        }
    }
}

/// The split that holds for a position: the one in force there, unless a later decision holds for what is pending.
fn in_force(versions: &[Version], at: u64) -> Option<(&Version, bool)> {
    let there = versions
        .partition_point(|version| version.from <= at)
        .saturating_sub(1);
    let later = versions
        .iter()
        .skip(there + 1)
        .rfind(|version| version.moves);
    match later {
        Some(version) => Some((version, true)),
        None => versions.get(there).map(|version| (version, false)),
    }
}

impl Lane {
    /// The member that a delivery is for: a function of where it lies, of its key, and of what the log decided.
    pub(crate) fn chosen(
        &self,
        offset: u64,
        routed: Option<u64>,
        key: Option<u64>,
        event: &Event,
    ) -> Option<Chosen> {
        let ways = self.ways.as_ref()?;
        let hash = ways.hash(key, event);
        let by = |version: &Version, moved| {
            let split = version.split.as_ref()?;
            let number = ways.named(split.member(hash)?)?;
            Some(Chosen {
                member: Arc::clone(&ways.members.get(number)?.name),
                number,
                split: Arc::clone(split),
                from: version.from,
                moved,
            })
        };
        let (version, moved) = in_force(&self.versions, routed.unwrap_or(offset))?;
        by(version, moved)
            // Before there was a group, or its member is gone: as if it came now.
            .or_else(|| by(self.versions.last()?, true))
    }

    /// The number of the member that a delivery is for, and whether that was decided after it was appended.
    pub(super) fn way(&self, task: &Task) -> (usize, bool) {
        let ticket = &task.ticket;
        let routed = ticket.trail.routed;
        let chosen = self.chosen(ticket.offset, routed, ticket.key, &task.stored.event);
        chosen.map_or((0, false), |chosen| (chosen.number, chosen.moved))
    }

    /// The member that a shelf is for, where there is one.
    pub(super) fn way_of(&self, shelf: u64) -> Option<usize> {
        let mut members = self.ways.as_ref()?.members.iter();
        members.position(|way| keys::shelf(&way.name) == shelf)
    }

    pub(super) fn gate_of(&self, way: usize) -> Option<&Gate> {
        let way = self.ways.as_ref()?.members.get(way)?;
        Some(&way.gate)
    }

    /// Whether a member takes some of what is still to be read, as far as that is decided.
    pub(super) fn will_take(&self, way: usize) -> bool {
        let member = self.ways.as_ref().and_then(|ways| ways.members.get(way));
        let read = self.versions.partition_point(|v| v.from <= self.read);
        let mut splits = self.versions[read.saturating_sub(1)..]
            .iter()
            .filter_map(|version| version.split.as_ref());
        member.is_some_and(|way| splits.any(|split| split.share(&way.name) > 0.0))
    }

    /// Whether another member has had the key, as far as the log is remembered: then what that member settled must
    /// be durable before this one begins.
    fn changes_hands(&self, task: &Task, way: usize) -> bool {
        let Some(ways) = &self.ways else { return false };
        if self.versions.len() < 2 {
            return false;
        }
        let hash = ways.hash(task.ticket.key, &task.stored.event);
        let own = ways.members.get(way).map(|way| &*way.name);
        let mut splits = self.versions.iter().filter_map(|v| v.split.as_ref());
        splits.any(|split| split.member(hash) != own)
    }

    /// Members that may have had a key.
    pub(crate) fn had(&self, key: u64) -> BTreeSet<&str> {
        let splits = self.versions.iter().filter_map(|v| v.split.as_ref());
        splits.filter_map(|split| split.member(key)).collect()
    }

    /// Starts what may start, member by member. `held` are keys that must wait.
    pub(crate) fn launch(&mut self, held: &BTreeSet<u64>, turn: &mut Turn) -> Vec<Start> {
        if self.ways.is_none() {
            return self.launch_here(turn);
        }
        if !self.is_active() || self.ready.is_empty() {
            // Nobody stands in line for places meanwhile.
            self.launch_here(turn);
            if self.is_active() {
                self.shelve(turn);
            }
            return Vec::new();
        }
        let mut all = std::mem::take(&mut self.ready);
        let mut left = Vec::new();
        let members = self.ways.as_ref().map_or(0, |ways| ways.members.len());
        let mut parts: Vec<VecDeque<Task>> = (0..members).map(|_| VecDeque::new()).collect();
        // An attempt that was under way when the process ended may still be, at the member that had the key.
        let over = turn.began.saturating_add(millis(self.policy.timeout));
        let settling = turn.now < over && self.inherited.1;
        while let Some(task) = all.pop_front() {
            // Here and not when it begins: what comes after it may be for another member.
            let task = self.sieve(task, true, turn);
            all.append(&mut self.ready);
            let Some(task) = task else { continue };
            let (way, moved) = self.way(&task);
            let held = task.ticket.key.is_some_and(|key| held.contains(&key));
            match parts.get_mut(way) {
                Some(_) if held => left.push(task),
                Some(_) if settling && (moved || self.changes_hands(&task, way)) => left.push(task),
                Some(part) => part.push_back(task),
                _ => left.push(task),
            }
        }
        if turn.now < over && !left.is_empty() {
            self.wake_at(over);
        }
        // Those that cannot begin give up their place in line before the others take theirs.
        let mut order: Vec<usize> = (0..members).filter(|way| !parts[*way].is_empty()).collect();
        order.sort_by_key(|way| {
            let way = self.ways.as_ref().and_then(|ways| ways.members.get(*way));
            way.is_some_and(|way| matches!(way.gate.when(turn.now), Pass::Go(_)))
        });
        if order.is_empty() {
            self.launch_here(turn);
        }
        let mut starts = Vec::new();
        for way in order {
            let Some(member) = self.ways.as_ref().and_then(|ways| ways.members.get(way)) else {
                continue;
            };
            let (name, gate) = (Arc::clone(&member.name), Arc::clone(&member.gate));
            let own = std::mem::replace(&mut self.gate, gate);
            // What lay on its shelf has waited longest, whenever it came back.
            let mut part = std::mem::take(&mut parts[way]);
            part.make_contiguous()
                .sort_by_key(|task| (task.since, task.ticket.offset));
            self.ready = part;
            for mut start in self.launch_here(turn) {
                for offset in &start.offsets {
                    let Some(task) = self.flying.get(offset) else {
                        continue;
                    };
                    // What was settled in this turn is not even recorded.
                    let fresh = !self.dirty && self.unsynced.is_none_or(|end| *offset >= end);
                    turn.sync_first |= !fresh && self.changes_hands(task, way);
                    if let Some(task) = self.flying.get_mut(offset) {
                        task.member = Some(Arc::clone(&name));
                    }
                }
                start.member = Some(way);
                starts.push(start);
            }
            self.gate = own;
            left.extend(std::mem::take(&mut self.ready));
        }
        left.sort_by_key(|task| (task.since, task.ticket.offset));
        self.ready = left.into();
        self.shelve(turn);
        starts
    }

    /// The circuit of its sink; of members, the worst among those that take something.
    pub(crate) fn circuit(&self) -> &'static str {
        let Some(ways) = &self.ways else {
            return self.gate.circuit();
        };
        let split = self.versions.last().and_then(|v| v.split.as_ref());
        let takes = |way: &&Way| split.is_none_or(|split| split.share(&way.name) > 0.0);
        let circuits = ways.members.iter().filter(takes);
        let circuits: Vec<&str> = circuits.map(|way| way.gate.circuit()).collect();
        let worst = ["open", "half-open"].into_iter();
        worst
            .clone()
            .find(|c| circuits.contains(c))
            .unwrap_or("closed")
    }

    /// The members, for people.
    pub(crate) fn member_views(&self, now: u64) -> Vec<MemberView> {
        let Some(ways) = &self.ways else {
            return Vec::new();
        };
        let split = self.versions.last().and_then(|v| v.split.as_ref());
        let flying = |name: &str| {
            let own = self.flying.values();
            own.filter(|task| task.member.as_deref() == Some(name))
                .count() as u64
        };
        let view = |way: &Way| MemberView {
            name: way.name.to_string(),
            sink: way.sink.describe(),
            share: split.map_or(0.0, |split| split.share(&way.name)),
            circuit: way.gate.circuit_at(now).to_owned(),
            gone: way.gate.flags().1,
            in_flight: flying(&way.name),
            accepted: way.ended[0],
            retried: way.ended[1],
            rejected: way.ended[2],
        };
        ways.members.iter().map(view).collect()
    }
}
