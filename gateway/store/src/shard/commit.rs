//! One group commit: what waits is decided, written at once, and made durable by one sync.

use super::Shard;
use crate::dedupe::{Memory, Slot};
use crate::log::{BODY_MAX, Builder, encode_ops};
use crate::{Appended, Durability, Entry, Error, Identity, Item, Op, Position, Sync};

/// Least time that a segment spans before another is begun for its age, in milliseconds.
const ROLL_MIN: u64 = 60_000;

/// A write that waits.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Append(Vec<Entry>),
    Record {
        epoch: u64,
        ops: Vec<Op>,
        sync: Sync,
    },
}

/// What became of a call, in the order of the calls.
pub(crate) type Outcome = Result<Vec<Appended>, Error>;

/// What a group is made of, until it is in the log.
struct Draft {
    group: Builder,
    staged: Memory,
    ops: Vec<Op>,
    /// Somebody waits for the disk.
    sync: bool,
    /// Something that readers wait for.
    entries: bool,
    duplicates: u64,
    conflicts: u64,
}

impl Shard {
    /// Decides and writes `calls`, in order. Outcomes are as durable as the stream's mode says.
    pub(crate) fn commit(&mut self, calls: Vec<Call>, now_ms: u64) -> Vec<Outcome> {
        let count = calls.len();
        match self.try_commit(calls, now_ms) {
            Ok(outcomes) => outcomes,
            Err(error) => (0..count).map(|_| Err(error.again())).collect(),
        }
    }

    fn try_commit(&mut self, calls: Vec<Call>, now_ms: u64) -> Result<Vec<Outcome>, Error> {
        self.check()?;
        let aged = self.roll_if_aged(now_ms);
        self.strict(aged)?;
        let full = self.spec.disk.is_short(now_ms);
        let bytes = calls.iter().map(Call::bytes).sum();
        let mut draft = Draft {
            group: self.log.group(now_ms, bytes),
            staged: Memory::default(),
            ops: Vec::new(),
            sync: false,
            entries: false,
            duplicates: 0,
            conflicts: 0,
        };
        let outcomes = calls
            .into_iter()
            .map(|call| match call {
                Call::Append(_) if full => Err(Error::Full),
                Call::Append(entries) => self.stage(&mut draft, &entries, now_ms),
                Call::Record { epoch, .. } if epoch != self.log.epoch() => Err(Error::Fenced),
                Call::Record { ops, sync, .. } => {
                    let encoded = encode_ops(&ops);
                    if encoded.len() > BODY_MAX {
                        return Err(Error::Invalid("the operations exceed 256 MiB".into()));
                    }
                    draft.sync |= sync == Sync::Durable;
                    if !ops.is_empty() {
                        draft.group.ops(&encoded);
                    }
                    draft.ops.extend(ops);
                    Ok(Vec::new())
                }
            })
            .collect::<Vec<_>>();
        // What cannot be looked up cannot be decided; nothing of the commit is written.
        if let Some(Err(error)) = outcomes.iter().find(|o| matches!(o, Err(Error::Failed(_)))) {
            return self.strict(Err(error.again()));
        }
        let events = draft.group.events();
        let written = self.write(draft.group, draft.sync);
        self.strict(written)?;
        self.table.apply(draft.ops);
        self.index.insert(draft.staged);
        if draft.entries {
            self.log.publish();
        }
        self.stats.appended += u64::from(events);
        self.stats.duplicates += draft.duplicates;
        self.stats.conflicts += draft.conflicts;
        Ok(outcomes)
    }

    fn write(&mut self, group: Builder, sync: bool) -> Result<(), Error> {
        if !group.is_empty() {
            self.log.write(group)?;
            self.stats.commits += 1;
        }
        if sync && self.spec.settings.durability == Durability::Fsync {
            self.log.sync()?;
        }
        Ok(())
    }

    /// Decides the entries of one call: all are staged, or none.
    fn stage(&self, draft: &mut Draft, entries: &[Entry], now_ms: u64) -> Outcome {
        let shard = self.spec.shard;
        let at = |offset| Position { shard, offset };
        let bytes = entries
            .iter()
            .map(|entry| entry.payload.len())
            .sum::<usize>();
        if bytes > BODY_MAX / 2 {
            return Err(Error::Invalid(
                "the entries of one call exceed 128 MiB".into(),
            ));
        }
        let mut known = Vec::with_capacity(entries.len());
        for entry in entries {
            known.push(match entry.identity {
                None => None,
                Some(Identity { id, .. }) => match draft.staged.get(&id) {
                    Some(slot) => Some(*slot),
                    None => self.index.live(id, now_ms)?,
                },
            });
        }
        let conflicts = |(entry, known): (&Entry, &Option<Slot>)| match (entry.identity, known) {
            (Some(identity), Some(slot)) if slot.content != identity.content => Some(slot.offset),
            _ => None,
        };
        // Whatever the answer, it may rest on something that is not durable yet.
        draft.sync = true;
        if entries
            .iter()
            .zip(&known)
            .any(|pair| conflicts(pair).is_some())
        {
            let answer = |pair| {
                conflicts(pair).map_or(Appended::Withheld, |offset| Appended::Conflict(at(offset)))
            };
            let answers: Vec<_> = entries.iter().zip(&known).map(answer).collect();
            let count = answers
                .iter()
                .filter(|a| matches!(a, Appended::Conflict(_)))
                .count();
            draft.conflicts += count as u64;
            return Ok(answers);
        }
        let append = |(entry, known): (&Entry, Option<Slot>)| {
            // Staged by an earlier entry of this call, or known before it.
            let known = known.or_else(|| draft.staged.get(&entry.identity?.id).copied());
            if let Some(slot) = known {
                draft.duplicates += 1;
                return Appended::Duplicate(at(slot.offset));
            }
            draft.entries = true;
            let position = draft.group.entry(shard, entry);
            if let Some(identity) = entry.identity {
                let slot = Slot {
                    content: identity.content,
                    offset: position.offset,
                    appended_ms: now_ms,
                    window_ms: identity.window_ms,
                };
                draft.staged.insert(identity.id, slot);
            }
            Appended::New(position)
        };
        Ok(entries.iter().zip(known).map(append).collect())
    }

    /// Appends what another stream holds, as it is. See [`crate::Stream::adopt`].
    pub(crate) fn adopt(&mut self, items: Vec<Item>, now_ms: u64) -> Result<Vec<u64>, Error> {
        self.check()?;
        if self.spec.disk.is_short(now_ms) {
            return Err(Error::Full);
        }
        let mut offsets = Vec::with_capacity(items.len());
        let mut slots = Memory::default();
        // What is far apart in time goes into groups of its own, so that segments can begin in between.
        for near in items.chunk_by(|a, b| a.appended_ms / ROLL_MIN == b.appended_ms / ROLL_MIN) {
            let times = near.iter().map(|item| item.appended_ms);
            let latest = times.max().unwrap_or_default();
            let rolled = self.roll_if_aged(latest);
            self.strict(rolled)?;
            let bytes = near.iter().map(|item| 64 + item.payload.len()).sum();
            let mut group = self.log.group(latest, bytes);
            for item in near {
                let (shard, offset) = (self.spec.shard, group.offset());
                if let Some(identity) = item.identity {
                    let slot = Slot {
                        content: identity.content,
                        offset,
                        appended_ms: item.appended_ms,
                        window_ms: identity.window_ms,
                    };
                    slots.insert(identity.id, slot);
                }
                let position = Position { shard, offset };
                group.item(Item {
                    position,
                    ..item.clone()
                });
                offsets.push(offset);
            }
            self.stats.appended += u64::from(group.events());
            let written = self.write(group, false);
            self.strict(written)?;
        }
        let synced = self.sync();
        self.strict(synced)?;
        self.index.insert(slots);
        self.log.publish();
        Ok(offsets)
    }

    /// Begins a segment when the active one spans so much time that retention would be coarse.
    fn roll_if_aged(&mut self, now_ms: u64) -> Result<(), Error> {
        let active = self.log.active();
        let retention = self
            .spec
            .settings
            .retention
            .as_millis()
            .try_into()
            .unwrap_or(u64::MAX);
        let span = (retention / 8).max(ROLL_MIN);
        if active.first_ms > 0 && active.first_ms.saturating_add(span) < now_ms {
            return match self.log.roll() {
                Err(Error::Full) => Ok(()),
                result => result,
            };
        }
        Ok(())
    }
}

impl Call {
    /// Bytes that it brings, roughly.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Call::Append(entries) => entries.iter().map(|entry| 64 + entry.payload.len()).sum(),
            Call::Record { ops, .. } => ops
                .iter()
                .map(|op| match op {
                    Op::Put(key, value) => key.len() + value.len(),
                    Op::Delete(key) => key.len(),
                    Op::DeleteRange(from, to) => from.len() + to.len(),
                })
                .sum(),
        }
    }

    /// Whether it is a publisher's, who can come back later.
    pub(crate) fn is_append(&self) -> bool {
        matches!(self, Call::Append(_))
    }
}
