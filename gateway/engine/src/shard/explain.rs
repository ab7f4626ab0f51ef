//! What happened to one event.

use super::Shard;
use super::read::readable;
use crate::machine::{Chosen, Lane};
use crate::record::keys::{self, LaneId};
use crate::record::{Buried, Corrupt, Final, Stored, accepted, cause_name};
use crate::{Journey, MemberStop, Predicate, Stop};
use std::collections::HashMap;
use std::sync::Arc;
use tradewind_store::{Error, Sync};

impl Shard {
    /// The journey of the event at `offset`, if one lies there.
    pub(super) async fn explain(&mut self, offset: u64) -> Result<Option<Journey>, Error> {
        self.flush(Sync::Lazy).await?;
        let stored = self.find(offset).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let mut subscriptions = Vec::new();
        let mut accepted = self.accepted(offset).await?;
        for lane in self.lanes.values() {
            let accepted = accepted.remove(&lane.id);
            subscriptions.extend(self.stop(lane, &stored, accepted).await?);
        }
        let event = &stored.event;
        Ok(Some(Journey {
            stream: self.around.stream.to_string(),
            position: format!("{}/{offset}", self.around.shard),
            id: event.id().to_owned(),
            source: event.source().to_owned(),
            ty: event.ty().to_owned(),
            subject: event.subject().map(str::to_owned),
            received_ms: stored.appended_ms,
            via: stored.envelope.source().to_owned(),
            principal: stored.envelope.principal().to_owned(),
            subscriptions,
        }))
    }

    /// The event at `offset`, in the log or kept for some lane.
    pub(super) async fn find(&self, offset: u64) -> Result<Option<Arc<Stored>>, Error> {
        for id in [0].into_iter().chain(self.lanes.keys().copied()) {
            if let Some(stored) = self.stored(id, offset).await? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// By lane, deliveries of the event that were accepted at once.
    async fn accepted(&self, offset: u64) -> Result<HashMap<LaneId, Final>, Error> {
        let mut found = HashMap::new();
        // It goes with the log, though the record that shares its stretch may stay a little longer.
        if offset < self.turn.start {
            return Ok(found);
        }
        let stretch = keys::accepted_in(keys::stretch(offset));
        for (_, value) in self.scan_all(&stretch).await? {
            for accepted in legible(accepted::decode(&value))? {
                if accepted.offset == offset {
                    found.insert(accepted.lane, accepted.told());
                }
            }
        }
        Ok(found)
    }

    /// What a lane made of it; `None` where it never concerned the lane.
    async fn stop(
        &self,
        lane: &Lane,
        stored: &Arc<Stored>,
        accepted: Option<Final>,
    ) -> Result<Option<Stop>, Error> {
        let offset = stored.offset;
        let history = keys::history(offset, lane.id);
        let recorded = self.around.log.get(self.around.shard, &history).await?;
        let recorded = recorded.map(|v| legible(Final::decode(&v))).transpose()?;
        let mut recorded = recorded.or(accepted);
        if recorded.is_none() && offset < self.turn.start {
            // How deliveries ended goes with the log; what is still needed was copied out of it.
            let log = &self.around.log;
            let shard = self.around.shard;
            let letter = log.get(shard, &keys::dead(lane.id, offset)).await?;
            recorded = match letter {
                Some(letter) => Some(dead_lettered(readable(Buried::decode(&letter))?)),
                None => None,
            };
            let kept = log.get(shard, &keys::kept(lane.id, offset)).await?;
            if recorded.is_none() && kept.is_none() {
                return Ok(None);
            }
        }
        let beyond = lane.job.as_ref().is_some_and(|job| offset >= job.until);
        let definition = lane.definition(offset);
        if recorded.is_none() && (beyond || definition.is_none() || lane.began_after(offset)) {
            return Ok(None);
        }
        let explanation = definition
            .map(|d| d.filter.explain(&stored.event))
            .unwrap_or_default();
        let predicates: Vec<Predicate> = (explanation.verdicts.into_iter())
            .map(|v| Predicate {
                predicate: v.predicate,
                actual: v.actual,
                holds: v.holds,
            })
            .collect();
        let mut stop = Stop {
            subscription: lane.title(),
            state: String::new(),
            predicates,
            attempts: Vec::new(),
            due_ms: None,
            reason: None,
            owner: None,
            why: None,
            member: None,
        };
        let routed = recorded.as_ref().and_then(|record| record.trail.routed);
        let key = self
            .around
            .hashes
            .ordering(&stored.event, self.around.order_by.as_deref());
        let chosen = lane.chosen(offset, routed, key, &stored.event);
        if let Some(record) = recorded {
            stop.state = record.state;
            stop.due_ms = record.due_ms;
            stop.reason = record.note;
            stop.attempts = record.trail.attempts;
        } else if definition.is_some_and(|d| !d.filter.matches(&stored.event)) {
            stop.state = "filtered".into();
            let errors = explanation.errors.join("; ");
            stop.reason = (!errors.is_empty()).then(|| format!("the filter failed: {errors}"));
        } else if let Some(decision) = lane.blind_to(&stored.event) {
            stop.state = "filtered".into();
            stop.reason = Some(format!("its identity may not subscribe: {decision}"));
        } else if offset >= lane.read {
            stop.state = "not-routed-yet".into();
        } else {
            stop.state = "pending".into();
        }
        if lane.flying.contains_key(&offset) {
            stop.state = "pending".into();
            stop.due_ms = None;
            stop.reason = Some("an attempt is under way".into());
        }
        if stop.state != "filtered" {
            stop.member = chosen.map(|chosen| self.member(chosen, routed));
            let last = stop.attempts.last().and_then(|last| last.member.as_ref());
            let over = ["accepted", "dead-lettered", "expired"].contains(&stop.state.as_str());
            if let (Some(member), Some(last), true) = (&mut stop.member, last, over)
                && member.name != *last
            {
                member.name.clone_from(last);
                member.why = "it was settled there before its key changed hands".into();
            }
        }
        let waits = matches!(
            stop.state.as_str(),
            "pending" | "scheduled" | "not-routed-yet"
        );
        if waits && !lane.is_active() && !lane.has_read_all() {
            stop.reason = Some(format!("the subscription is {}", lane.state()));
        }
        Ok(Some(stop))
    }
}

impl Shard {
    fn member(&self, chosen: Chosen, routed: Option<u64>) -> MemberStop {
        let percent = chosen.split.share(&chosen.member) * 100.0;
        let at = format!("{}/{}", self.around.shard, chosen.from);
        let name = chosen.member.to_string();
        let why = match (chosen.moved, routed) {
            (true, _) => {
                format!("decided at {at} for what was pending, too: `{name}` takes {percent} %")
            }
            (false, Some(_)) => format!(
                "it was redriven, and `{name}` has had its key since {at} ({percent} % of keys)"
            ),
            (false, None) => format!("`{name}` has its key since {at} ({percent} % of keys)"),
        };
        MemberStop { name, why }
    }
}

/// What is recorded for people only: what a later release wrote of it is told to whoever asks, and stops nothing.
fn legible<T>(record: Result<T, Corrupt>) -> Result<T, Error> {
    record.map_err(|corrupt| Error::Invalid(corrupt.to_string()))
}

/// A dead letter, as its history said.
fn dead_lettered(buried: Buried) -> Final {
    Final {
        state: "dead-lettered".into(),
        due_ms: None,
        note: Some(cause_name(buried.cause).into()),
        trail: buried.trail,
    }
}
