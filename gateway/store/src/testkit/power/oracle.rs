//! Keeps what was promised, beside the store, and compares.

use super::work::landed;
use crate::shard::{Call, Shard};
use crate::{Appended, Entry, Error, Finding, Loss, Op, Sync};
use bytes::Bytes;
use fastrand::Rng;
use std::collections::{BTreeMap, HashSet};

type State = BTreeMap<Bytes, Bytes>;
const STAMP: &[u8] = b"stamp";

/// What was promised.
#[derive(Debug, Default, Clone)]
pub(super) struct Oracle {
    /// Acknowledged, or read: offset → id, payload, content, time.
    events: BTreeMap<u64, Promise>,
    /// Written in a commit that failed: all of one commit or none.
    unclear: Option<Unclear>,
    /// Everything that offsets were ever given to.
    given: BTreeMap<u64, Bytes>,
    /// State after each record; the first is the one before any.
    states: Vec<State>,
    /// Records that are known to be durable.
    durable: usize,
    stamps: u64,
    epoch: u64,
    /// Latest that was given up.
    trimmed: u64,
    acknowledged: u64,
}

#[derive(Debug, Clone)]
struct Promise {
    id: u128,
    payload: Bytes,
    content: u128,
    expires_ms: u64,
}

/// A commit without an outcome.
#[derive(Debug, Clone)]
struct Unclear {
    entries: Vec<Entry>,
    states: Vec<State>,
    now_ms: u64,
}

impl Oracle {
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn own(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    pub(super) fn trim(&mut self, before: u64) {
        self.trimmed = self.trimmed.max(before);
    }

    /// An operation that tells the record that it is part of.
    pub(super) fn stamp(&mut self) -> Op {
        self.stamps += 1;
        Op::Put(STAMP.into(), self.stamps.to_le_bytes().to_vec().into())
    }

    pub(super) fn some_event(&self, rng: &mut Rng) -> Option<(u128, Bytes)> {
        let skip = rng.usize(0..self.events.len().max(1));
        self.events
            .values()
            .nth(skip)
            .map(|event| (event.id, event.payload.clone()))
    }

    fn state(&self) -> State {
        self.states.last().cloned().unwrap_or_default()
    }

    /// Commits and notes what was promised; false when the disk failed.
    pub(super) fn commit(
        &mut self,
        shard: &mut Shard,
        calls: Vec<Call>,
        now_ms: u64,
    ) -> Result<bool, String> {
        let mut entries = Vec::new();
        let mut states = Vec::new();
        let mut state = self.state();
        for call in &calls {
            match call {
                Call::Append(list) => entries.extend(list.iter().cloned()),
                Call::Record { ops, .. } => {
                    apply(&mut state, ops);
                    states.push(state.clone());
                }
            }
        }
        let outcomes = shard.commit(calls.clone(), now_ms);
        if outcomes
            .iter()
            .any(|outcome| matches!(outcome, Err(Error::Failed(_))))
        {
            if outcomes.iter().any(Result::is_ok) {
                return Err("part of a failed commit was acknowledged".into());
            }
            let again = shard.commit(vec![Call::Append(Vec::new())], now_ms);
            if !matches!(again[..], [Err(Error::Failed(_))]) {
                return Err(format!("{again:?} after a failure"));
            }
            self.unclear = Some(Unclear {
                entries,
                states,
                now_ms,
            });
            return Ok(false);
        }
        // A full disk may refuse each call on its own: appends, while it takes records.
        let mut state = self.state();
        let mut sync = false;
        for (call, outcome) in calls.iter().zip(outcomes) {
            match (call, outcome) {
                (_, Err(Error::Full)) => {}
                (_, Err(error)) => return Err(format!("commit refused: {error}")),
                (Call::Append(entries), Ok(appended)) => {
                    sync = true;
                    self.note(entries, &appended, now_ms)?;
                }
                (Call::Record { ops, sync: how, .. }, Ok(_)) => {
                    sync |= *how == Sync::Durable;
                    apply(&mut state, ops);
                    self.states.push(state.clone());
                }
            }
        }
        if sync {
            self.durable = self.states.len();
        }
        Ok(true)
    }

    fn note(
        &mut self,
        entries: &[Entry],
        appended: &[Appended],
        now_ms: u64,
    ) -> Result<(), String> {
        for (entry, appended) in entries.iter().zip(appended) {
            let Some(identity) = entry.identity else {
                continue;
            };
            if let Some(offset) = landed(appended) {
                let last = self.given.last_key_value().map(|(offset, _)| *offset);
                if last.is_some_and(|last| last >= offset) {
                    return Err(format!("offset {offset} was given after {last:?}"));
                }
                self.acknowledged += 1;
                self.promise(offset, entry, now_ms);
            }
            if let Appended::Duplicate(position) = appended {
                let original = self.given.get(&position.offset);
                if original != Some(&entry.payload) {
                    return Err(format!("{} is no duplicate of {position}", identity.id));
                }
            }
        }
        Ok(())
    }

    fn promise(&mut self, offset: u64, entry: &Entry, now_ms: u64) {
        let Some(identity) = entry.identity else {
            return;
        };
        self.given.insert(offset, entry.payload.clone());
        let promise = Promise {
            id: identity.id,
            payload: entry.payload.clone(),
            content: identity.content,
            expires_ms: now_ms + identity.window_ms,
        };
        self.events.insert(offset, promise);
    }

    /// Compares a shard that was just opened with what was promised. Returns the number of events
    /// looked at.
    pub(super) fn check(&mut self, shard: &mut Shard, now_ms: u64) -> Result<u64, String> {
        let failed = |error: Error| error.to_string();
        let recovered = shard.own(now_ms).map_err(failed)?;
        if recovered.epoch <= self.epoch {
            return Err(format!("epoch {} after {}", recovered.epoch, self.epoch));
        }
        self.epoch = recovered.epoch;
        let strange = |finding: &&Finding| finding.loss != Loss::Unclear;
        if let Some(finding) = recovered.findings.iter().find(strange) {
            return Err(format!("damage after a loss of power: {finding}"));
        }
        if recovered.start > self.trimmed {
            return Err(format!(
                "log begins at {}, trimmed {}",
                recovered.start, self.trimmed
            ));
        }
        let found = self.check_log(shard, recovered.start)?;
        self.check_state(shard, found)?;
        self.check_identities(shard, now_ms)?;
        self.unclear = None;
        Ok(self.events.len() as u64)
    }

    /// Every promise is in the log, byte for byte, and nothing that nobody wrote. Returns whether
    /// the unclear commit is there, if that can be told.
    fn check_log(&mut self, shard: &Shard, start: u64) -> Result<Option<bool>, String> {
        self.events = self.events.split_off(&start);
        let reader = shard.view().reader;
        let mut missing: HashSet<u64> = self.events.keys().copied().collect();
        let mut found = Vec::new();
        let mut at = start;
        while at < reader.bounds().end {
            let batch = reader
                .read(0, at, 2000)
                .map_err(|error| error.to_string())?;
            if let Some(range) = batch.damaged.first() {
                return Err(format!("{range:?} is damaged"));
            }
            if batch.next <= at {
                return Err(format!("reading stands still at {at}"));
            }
            at = batch.next;
            for item in batch.items {
                match self.events.get(&item.position.offset) {
                    Some(event) if event.payload == item.payload => {
                        missing.remove(&item.position.offset);
                    }
                    Some(_) => return Err(format!("{} was altered", item.position)),
                    None => found.push((item.position.offset, item.payload)),
                }
            }
        }
        if let Some(offset) = missing.iter().min() {
            return Err(format!("{offset} is lost"));
        }
        let Some(unclear) = self.unclear.take() else {
            return match found.first() {
                Some((offset, _)) => Err(format!("{offset} was never written")),
                None => Ok(None),
            };
        };
        for (offset, payload) in &found {
            let Some(entry) = unclear
                .entries
                .iter()
                .find(|entry| entry.payload == *payload)
            else {
                return Err(format!("{offset} was never written"));
            };
            if self.given.contains_key(offset) {
                return Err(format!("{offset} was given twice"));
            }
            self.promise(*offset, entry, unclear.now_ms);
        }
        // A call that conflicts or repeats writes less than it was given, so only "some" counts.
        let there = (!unclear.entries.is_empty() && !found.is_empty()).then_some(true);
        self.unclear = Some(unclear);
        Ok(there)
    }

    /// The state is one that was recorded, and none that was durable is missing.
    fn check_state(&mut self, shard: &Shard, found: Option<bool>) -> Result<(), String> {
        let table = shard.view().table;
        let rows = table
            .scan(b"", b"\xff", usize::MAX)
            .map_err(|error| error.to_string())?;
        let state: State = rows.into_iter().collect();
        let clear = self.states.len();
        if let Some(unclear) = &mut self.unclear {
            self.states.append(&mut unclear.states);
        }
        let empty = State::new();
        let is =
            |version: usize| state == *version.checked_sub(1).map_or(&empty, |v| &self.states[v]);
        let Some(version) = (0..=self.states.len()).rev().find(|version| is(*version)) else {
            return Err("the state is none that was recorded".into());
        };
        if version < self.durable {
            return Err(format!(
                "state {version} after {} was durable",
                self.durable
            ));
        }
        let last = self.states.len();
        if last > clear {
            // Commits are atomic: all records of the unclear one, or none.
            if version > clear && version < last {
                return Err(format!("record {version} of {last} in one commit"));
            }
            if version == last && found == Some(false) || version <= clear && found == Some(true) {
                return Err("a commit is there in part".into());
            }
        }
        for key in [&b"k00"[..], b"k17", b"k39", STAMP] {
            let value = table.get(key).map_err(|error| error.to_string())?;
            if value.as_ref() != state.get(key) {
                return Err(format!("key {key:?} reads differently alone"));
            }
        }
        self.states.truncate(version);
        self.durable = version;
        Ok(())
    }

    /// Identities are known as long as their window, and found as long as their event.
    fn check_identities(&self, shard: &Shard, now_ms: u64) -> Result<(), String> {
        let index = shard.view().index;
        for (offset, event) in &self.events {
            let live = index
                .live(event.id, now_ms)
                .map_err(|error| error.to_string())?;
            let latest = self
                .events
                .range(offset + 1..)
                .all(|(_, later)| later.id != event.id);
            if event.expires_ms > now_ms && latest {
                match live {
                    Some(slot) if slot.offset == *offset && slot.content == event.content => {}
                    other => return Err(format!("{offset} is no duplicate: {other:?}")),
                }
            }
            if latest && index.find(event.id).map_err(|e| e.to_string())? != Some(*offset) {
                return Err(format!("{offset} is not found"));
            }
        }
        Ok(())
    }
}

fn apply(state: &mut State, ops: &[Op]) {
    for op in ops {
        match op {
            Op::Put(key, value) => {
                state.insert(key.clone(), value.clone());
            }
            Op::Delete(key) => {
                state.remove(key);
            }
            Op::DeleteRange(from, to) => state.retain(|key, _| key < from || key >= to),
        }
    }
}
