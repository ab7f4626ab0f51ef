//! What happened to one event.

use super::Shard;
use super::read::readable;
use crate::machine::Lane;
use crate::record::keys;
use crate::record::{Buried, Final, Stored, cause_name};
use crate::{Journey, Predicate, Stop};
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
        for lane in self.lanes.values() {
            subscriptions.extend(self.stop(lane, &stored).await?);
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
            via: stored.envelope.source.clone(),
            principal: stored.envelope.principal.clone(),
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

    /// What a lane made of it; `None` where it never concerned the lane.
    async fn stop(&self, lane: &Lane, stored: &Arc<Stored>) -> Result<Option<Stop>, Error> {
        let offset = stored.offset;
        let history = keys::history(offset, lane.id);
        let recorded = self.around.log.get(self.around.shard, &history).await?;
        let mut recorded = recorded.map(|v| readable(Final::decode(&v))).transpose()?;
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
        let predicates: Vec<Predicate> = definition
            .map(|d| d.filter.explain(&stored.event))
            .unwrap_or_default()
            .into_iter()
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
        };
        if let Some(record) = recorded {
            stop.state = record.state;
            stop.due_ms = record.due_ms;
            stop.reason = record.note;
            stop.attempts = record.trail.attempts;
        } else if definition.is_some_and(|d| !d.filter.matches(&stored.event)) {
            stop.state = "filtered".into();
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

/// A dead letter, as its history said.
fn dead_lettered(buried: Buried) -> Final {
    Final {
        state: "dead-lettered".into(),
        due_ms: None,
        note: Some(cause_name(buried.cause).into()),
        trail: buried.trail,
    }
}
