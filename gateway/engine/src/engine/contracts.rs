//! Events are held against their schemas.

use super::{Origin, PublishError};
use crate::hash::VIOLATION;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tradewind_event::{Attribute, Event, json};
use tradewind_schema::{Action, Judgement, SET_ASIDE, Schemas};

/// Most schemas that are counted each for itself: they come and go while the gateway runs.
const COUNTED_MAX: usize = 10_000;
/// What all further ones are counted as. No schema can be called so.
const OTHERS: &str = "_others";

/// The schemas in force, and what they found.
#[derive(Debug, Default)]
pub(crate) struct Contracts {
    schemas: ArcSwap<Schemas>,
    found: Mutex<BTreeMap<(Arc<str>, &'static str), u64>>,
}

/// Events that broke a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violated {
    /// Name of the schema.
    pub schema: Arc<str>,
    /// What was done: `rejected`, `set-aside` or `annotated`.
    pub done: &'static str,
    /// How many, since the start.
    pub events: u64,
}

impl Contracts {
    pub(super) fn store(&self, schemas: Arc<Schemas>) {
        self.schemas.store(schemas);
    }

    /// What is appended in place of these events. Their space is asked for only where there is something to look at.
    pub(super) fn apply(
        &self,
        space: impl FnOnce() -> Arc<str>,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Event>, PublishError> {
        let schemas = self.schemas.load();
        if schemas.is_empty() && !events.iter().any(claims) {
            return Ok(events);
        }
        let space = space();
        let mut out = Vec::with_capacity(events.len());
        let mut rejected = Vec::new();
        for (index, event) in events.into_iter().enumerate() {
            let event = own(event);
            let Some(judgement) = schemas.judge_in(&space, &event) else {
                out.push(event);
                continue;
            };
            match self.settle(origin, event, &judgement) {
                Ok(event) => out.push(event),
                Err(reason) => rejected.push((index, reason)),
            }
        }
        match rejected.is_empty() {
            true => Ok(out),
            false => Err(PublishError::Schema(rejected)),
        }
    }

    /// Refuses what [`Contracts::apply`] would refuse.
    pub(super) fn refuse(
        &self,
        space: impl FnOnce() -> Arc<str>,
        events: &[Event],
    ) -> Result<(), PublishError> {
        let schemas = self.schemas.load();
        if schemas.is_empty() {
            return Ok(());
        }
        let space = space();
        let mut rejected = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let judgement = schemas
                .judge_in(&space, event)
                .filter(|judged| judged.action == Action::Reject);
            if let Some(judgement) = judgement {
                self.count(&judgement, "rejected");
                rejected.push((index, judgement.to_string()));
            }
        }
        match rejected.is_empty() {
            true => Ok(()),
            false => Err(PublishError::Schema(rejected)),
        }
    }

    fn settle(
        &self,
        origin: &Origin,
        event: Event,
        judgement: &Judgement,
    ) -> Result<Event, String> {
        let reason = judgement.to_string();
        let (done, settled) = match judgement.action {
            Action::Annotate => {
                let told = event.with_attribute(VIOLATION, Attribute::String(&reason));
                ("annotated", told.map_err(|e| e.to_string()))
            }
            Action::DeadLetter => ("set-aside", set_aside(origin, &event, &reason)),
            Action::Reject | Action::Off => ("rejected", Err(reason)),
        };
        let done = if settled.is_ok() { done } else { "rejected" };
        self.count(judgement, done);
        settled
    }

    fn count(&self, judgement: &Judgement, done: &'static str) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (Arc::clone(&judgement.schema), done);
        if found.len() >= COUNTED_MAX && !found.contains_key(&key) {
            key.0 = OTHERS.into();
        }
        *found.entry(key).or_default() += 1;
    }

    pub(super) fn violated(&self) -> Vec<Violated> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let told = found.iter().map(|((schema, done), events)| Violated {
            schema: Arc::clone(schema),
            done,
            events: *events,
        });
        told.collect()
    }
}

/// Without what only the gateway says.
fn own(event: Event) -> Event {
    match claims(&event) {
        true => event.without_attribute(VIOLATION).unwrap_or(event),
        false => event,
    }
}

fn claims(event: &Event) -> bool {
    event.attribute(VIOLATION).is_some()
}

/// What is kept in place of an event. Sent again as it is, it is the same record.
fn set_aside(origin: &Origin, event: &Event, reason: &str) -> Result<Event, String> {
    let original = json::encode(event);
    let original = std::str::from_utf8(&original).map_err(|e| e.to_string())?;
    // Joined as texts: the original stays as it was written.
    let reason = serde_json::Value::from(reason);
    let data = format!(r#"{{"reason":{reason},"events":[{original}]}}"#);
    let record = Event::builder(
        format!("{} {}", event.source(), event.id()),
        format!("/sources/{}", origin.source),
        SET_ASIDE,
    );
    let record = record.data("application/json", data).build();
    record.map_err(|e| e.to_string())
}
