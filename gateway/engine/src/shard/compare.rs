//! Shadows: answers of both sides, from where they are given to where they are compared.

use super::Shard;
use super::read::readable;
use crate::differ::normal;
use crate::hash::Hashes;
use crate::machine::{Comparison, Lane, forget};
use crate::record::keys::{self, LaneId};
use crate::record::{Answer, Differing, Side, Tally, Verdict};
use crate::{Ignored, SubscriptionPlan};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use tradewind_adapter::{Outcome, Reason};
use tradewind_event::{Event, packed};
use tradewind_store::{Error, Sync};

/// Replies beyond it are compared, and not kept.
const REPLY_MAX: usize = 64 << 10;

/// Where the answers of a lane are wanted.
#[derive(Debug)]
pub(crate) struct Watch {
    side: Side,
    /// Lanes of the shadows, with what of replies does not count there.
    shadows: Vec<(LaneId, Arc<Ignored>)>,
}

/// What counts of a reply, for each shadow that is to hear of it.
#[derive(Debug, Default)]
pub(super) struct Replied {
    digests: Vec<(LaneId, u128)>,
    packed: Option<Bytes>,
}

impl Watch {
    /// Done where the reply arrives, and not by the shard's actor: it may be large.
    pub(super) fn replied(&self, reply: &Event, hashes: &Hashes) -> Replied {
        let digests = self.shadows.iter().map(|(lane, ignored)| {
            let counts = normal(reply, ignored);
            (*lane, hashes.reply(&counts))
        });
        let mut bytes = Vec::new();
        packed::pack(reply, &mut bytes);
        Replied {
            digests: digests.collect(),
            packed: (bytes.len() <= REPLY_MAX).then(|| bytes.into()),
        }
    }
}

/// An outcome, before a lane takes it for its own.
pub(super) struct Said {
    accepted: bool,
    status: Option<u16>,
    note: String,
    began_ms: u64,
    attempts: u32,
}

impl Said {
    /// `None` where nobody compares: nothing watches the lane, or the delivery is one that was redriven.
    pub(super) fn of(lane: &Lane, offset: u64, outcome: &Outcome) -> Option<Self> {
        lane.watch.as_ref()?;
        let task = lane.flying.get(&offset)?;
        let reason: Option<&Reason> = match outcome {
            Outcome::Retry { reason, .. } | Outcome::Reject { reason, .. } => Some(reason),
            _ => None,
        };
        let trail = &task.ticket.trail;
        (trail.spent == 0).then(|| Self {
            accepted: matches!(outcome, Outcome::Accepted { .. }),
            status: reason.and_then(|reason| reason.status),
            note: reason.map(ToString::to_string).unwrap_or_default(),
            began_ms: task.since,
            attempts: trail.made() + 1,
        })
    }
}

/// What a shard has of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) tally: Tally,
    pub(crate) waiting: u64,
    pub(crate) examples: Vec<Pair>,
}

/// Two answers that differ.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) offset: u64,
    pub(crate) at_ms: u64,
    pub(crate) verdict: Verdict,
    pub(crate) event: Option<Event>,
    pub(crate) old: Answer,
    pub(crate) new: Answer,
}

impl Shard {
    /// Decides whose answers are wanted, by the plans that are attached.
    pub(super) fn watch(&mut self) {
        let mut shadows: BTreeMap<&str, Vec<(LaneId, Arc<Ignored>)>> = BTreeMap::new();
        let of = |plan: &Arc<SubscriptionPlan>| plan.shadow.clone();
        let plans: Vec<_> = self
            .lanes
            .values()
            .filter(|lane| lane.job.is_none())
            .filter_map(|lane| Some((lane.id, of(lane.plan.as_ref()?))))
            .collect();
        for (id, shadow) in &plans {
            match shadow {
                Some(shadow) => {
                    let now = self.turn.now;
                    let comparison = || Comparison::new(*id, now);
                    self.comparisons.entry(*id).or_insert_with(comparison);
                    let watcher = (*id, Arc::clone(&shadow.ignored));
                    shadows.entry(&shadow.of).or_default().push(watcher);
                }
                // No shadow any more: what was compared is of no use.
                None => {
                    if self.comparisons.remove(id).is_some() {
                        forget(*id, &mut self.turn);
                    }
                }
            }
        }
        for lane in self.lanes.values_mut() {
            let own = plans.iter().find(|(id, _)| *id == lane.id);
            let watch = match own {
                Some((id, Some(shadow))) => Some(Watch {
                    side: Side::New,
                    shadows: vec![(*id, Arc::clone(&shadow.ignored))],
                }),
                Some((_, None)) => shadows.get(&*lane.name).map(|watchers| Watch {
                    side: Side::Old,
                    shadows: watchers.clone(),
                }),
                None => None,
            };
            lane.watch = watch.map(Arc::new);
        }
    }

    /// A delivery has come to its end by an attempt.
    pub(super) fn answered(
        &mut self,
        id: LaneId,
        offset: u64,
        said: Said,
        mut replied: Option<Box<Replied>>,
    ) {
        let Some(watch) = self.lanes.get(&id).and_then(|lane| lane.watch.clone()) else {
            return;
        };
        let now = self.turn.now;
        for (shadow, _) in &watch.shadows {
            let Some(lane) = self.lanes.get(shadow) else {
                continue;
            };
            let plan = lane.plan.as_ref().and_then(|plan| plan.shadow.as_ref());
            let (Some(plan), false) = (plan, lane.began_after(offset)) else {
                continue;
            };
            let Some(comparison) = self.comparisons.get_mut(shadow) else {
                continue;
            };
            let replied = replied.as_deref_mut();
            let digest = replied.as_ref().and_then(|replied| {
                let mut digests = replied.digests.iter();
                digests.find(|(lane, _)| lane == shadow).map(|(_, d)| *d)
            });
            let answer = Answer {
                at_ms: now,
                took_ms: now.saturating_sub(said.began_ms),
                attempts: said.attempts,
                accepted: said.accepted,
                status: said.status,
                note: said.note.clone(),
                digest,
                reply: replied.and_then(|replied| replied.packed.clone()),
            };
            comparison.answered(offset, watch.side, answer, plan, &mut self.turn);
        }
    }

    /// What has waited long enough for its other side.
    pub(super) fn tend_comparisons(&mut self) {
        for (id, comparison) in &mut self.comparisons {
            let plan = self.lanes.get(id).and_then(|lane| lane.plan.as_ref());
            if let Some(shadow) = plan.and_then(|plan| plan.shadow.as_ref()) {
                comparison.tend(shadow, &mut self.turn);
            }
        }
    }

    fn shadow_named(&self, name: &str) -> Option<LaneId> {
        let mut all = self.lanes.values();
        all.find(|lane| lane.job.is_none() && &*lane.name == name)
            .map(|lane| lane.id)
            .filter(|id| self.comparisons.contains_key(id))
    }

    /// The comparison of a shadow, with its latest examples.
    pub(super) async fn compared(&mut self, name: &str, most: usize) -> Result<Compared, Error> {
        self.tend_comparisons();
        self.flush(Sync::Lazy).await?;
        let Some(id) = self.shadow_named(name) else {
            return Ok(Compared::default());
        };
        let comparison = &self.comparisons[&id];
        let latest: Vec<(u64, Differing)> = comparison
            .examples
            .iter()
            .rev()
            .take(most)
            .copied()
            .collect();
        let mut compared = Compared {
            tally: comparison.tally,
            waiting: comparison.waiting(),
            examples: Vec::with_capacity(latest.len()),
        };
        for (offset, differing) in latest {
            let (old, new) = (
                self.answer(id, offset, Side::Old).await?,
                self.answer(id, offset, Side::New).await?,
            );
            if let (Some(old), Some(new)) = (old, new) {
                let event = self.find(offset).await?;
                compared.examples.push(Pair {
                    offset,
                    at_ms: differing.at_ms,
                    verdict: differing.verdict,
                    event: event.map(|stored| stored.event.clone()),
                    old,
                    new,
                });
            }
        }
        Ok(compared)
    }

    async fn answer(&self, id: LaneId, offset: u64, side: Side) -> Result<Option<Answer>, Error> {
        let key = keys::answer(id, offset, side as u8);
        let found = self.around.log.get(self.around.shard, &key).await?;
        found
            .map(|answer| readable(Answer::decode(&answer)))
            .transpose()
    }

    /// Begins the comparison of a shadow anew.
    pub(super) async fn compare_anew(&mut self, name: &str) -> Result<(), Error> {
        if let Some(id) = self.shadow_named(name)
            && let Some(comparison) = self.comparisons.get_mut(&id)
        {
            comparison.anew(&mut self.turn);
        }
        self.flush(Sync::Durable).await
    }

    /// Comparisons as the table has them.
    pub(super) async fn load_comparisons(&mut self) -> Result<(), Error> {
        for (key, value) in self.scan_all(b"c").await? {
            let id = keys::lane_at(&key, 1);
            let tally = readable(Tally::decode(&value))?;
            let mut examples = Vec::new();
            for (key, value) in self.scan_all(&keys::of_lane(b'e', id)).await? {
                let differing = readable(Differing::decode(&value))?;
                examples.push((keys::number(&key, keys::FIRST), differing));
            }
            let answers = self.scan_all(&keys::of_lane(b'y', id)).await?;
            let answers = answers.into_iter().map(|(key, value)| {
                let side = match key.last() {
                    Some(0) => Side::Old,
                    _ => Side::New,
                };
                (keys::number(&key, keys::FIRST), side, value)
            });
            let comparison = Comparison::recovered(id, tally, examples, answers);
            self.comparisons.insert(id, readable(comparison)?);
        }
        Ok(())
    }
}
