//! Who may publish what, by the policies in force.

use super::{Origin, PublishError};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tradewind_event::Event;
use tradewind_policy::{Action, Decision, Facts, Policies, Principal, Resource};

/// The policies in force, and what they denied.
#[derive(Debug, Default)]
pub(crate) struct Authority {
    policies: ArcSwap<Policies>,
    denied: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

/// Requests that policies denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// What was asked for: `publish`, `redrive`.
    pub action: &'static str,
    /// Why: `not-permitted`, `forbidden`, `failed`, `too-long`.
    pub cause: &'static str,
    /// How often, since the start.
    pub count: u64,
}

/// The policy that let each event of a batch in.
pub(crate) type By = Vec<Option<Arc<str>>>;

impl Authority {
    pub(super) fn store(&self, policies: Policies) {
        self.policies.store(Arc::new(policies));
    }

    pub(super) fn in_force(&self) -> bool {
        self.policies.load().in_force()
    }

    pub(super) fn decide(
        &self,
        who: &Principal,
        action: Action,
        resource: Resource<'_>,
        facts: Facts<'_>,
    ) -> Decision {
        self.policies.load().decide(who, action, resource, facts)
    }

    /// Whether all of these events, as they are now and will be stored, may be published.
    pub(super) fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: &[Event],
    ) -> Result<By, PublishError> {
        let policies = self.policies.load();
        if !policies.in_force() {
            return Ok(Vec::new());
        }
        let mut by = By::with_capacity(events.len());
        let mut denied = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let facts = Facts::of(event).via(&origin.source);
            let resource = Resource::Stream(stream);
            let decision = policies.decide(&origin.who, Action::Publish, resource, facts);
            match decision.allowed() {
                true => by.push(decision.policy),
                false => {
                    self.count(Action::Publish, &decision);
                    denied.push((index, decision.to_string()));
                }
            }
        }
        match denied.is_empty() {
            true => Ok(by),
            false => Err(PublishError::Denied(denied)),
        }
    }

    pub(super) fn count(&self, action: Action, decision: &Decision) {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        *denied
            .entry((action.name(), decision.verdict.label()))
            .or_default() += 1;
    }

    pub(super) fn denied(&self) -> Vec<Denied> {
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let told = denied.iter().map(|((action, cause), count)| Denied {
            action,
            cause,
            count: *count,
        });
        told.collect()
    }
}
