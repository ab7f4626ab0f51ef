//! From what was told and how things stand to what is to be told. Pure.

use super::facts::Facts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tradewind_engine::SubscriptionView;

pub(super) const CHANGED: &str = "tradewind.config.changed";
/// Failures of a pulled source in a row that make it a failing one.
const FAILURES: u32 = 3;
/// Requests that a source refuses, and events that break a schema, are told of once in this time at most.
const REFUSING_MS: u64 = 60_000;
/// The state of subscriptions that nothing is wrong with.
const ACTIVE: &str = "active";

/// One event to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Saying {
    pub(super) ty: &'static str,
    pub(super) subject: String,
    pub(super) data: Value,
    /// Counts what was told: two sayings with the same words are two.
    pub(super) number: u64,
}

/// What was told last. Durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    number: u64,
    started_ms: u64,
    fingerprint: String,
    refused: Option<String>,
    disk_low: bool,
    subscriptions: BTreeMap<String, Subscription>,
    sources: BTreeMap<String, Source>,
    schemas: BTreeMap<String, Schema>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subscription {
    state: String,
    open: bool,
    /// Dead letters there ever were, those that were redriven left out.
    dead: u64,
    backlog: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    failing: bool,
    /// Counted since the start that `started_ms` names.
    refused: u64,
    handshakes: u64,
    /// When refusals were told of last.
    refusing_ms: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Schema {
    /// Counted since the start that `started_ms` names.
    violated: u64,
    told_ms: u64,
}

/// What is to be told, at most `most`, and what then has been.
pub(super) fn compare(told: &Told, facts: &Facts, most: usize) -> (Vec<Saying>, Told) {
    let mut round = Round {
        next: told.clone(),
        sayings: Vec::new(),
        most,
    };
    round.gateway(told, facts);
    // Nobody has to look after a shadow: `compare` tells of it.
    let in_charge = |view: &&SubscriptionView| view.shadow.is_none();
    for view in facts.subscriptions.iter().filter(in_charge) {
        round.subscription(view, facts);
    }
    let there = |name: &String| facts.subscriptions.iter().any(|view| view.name == *name);
    round.next.subscriptions.retain(|name, _| there(name));
    round.sources(facts);
    let there = |name: &String| facts.sources.contains_key(name);
    round.next.sources.retain(|name, _| there(name));
    round.schemas(facts);
    let there = |name: &String| facts.schemas.contains_key(name);
    round.next.schemas.retain(|name, _| there(name));
    (round.sayings, round.next)
}

struct Round {
    next: Told,
    sayings: Vec<Saying>,
    most: usize,
}

impl Round {
    /// False where there is no room: then it is left as it is, and told another time.
    fn say(&mut self, ty: &'static str, subject: &str, data: Value) -> bool {
        if self.sayings.len() >= self.most {
            return false;
        }
        self.next.number += 1;
        self.sayings.push(Saying {
            ty,
            subject: subject.to_owned(),
            data,
            number: self.next.number,
        });
        true
    }

    fn gateway(&mut self, told: &Told, facts: &Facts) {
        if told.started_ms != facts.started_ms {
            let data = json!({
                "version": env!("CARGO_PKG_VERSION"),
                "started-ms": facts.started_ms,
            });
            if self.say("tradewind.gateway.started", "gateway", data) {
                self.next.started_ms = facts.started_ms;
                // What is counted since the start begins anew.
                for source in self.next.sources.values_mut() {
                    (source.refused, source.handshakes) = (0, 0);
                }
                for schema in self.next.schemas.values_mut() {
                    schema.violated = 0;
                }
            }
        }
        if told.fingerprint != facts.fingerprint || !facts.changes.is_empty() {
            let first = told.fingerprint.is_empty();
            let data = json!({
                "generation": facts.generation,
                "changes": facts.changes,
                "while-stopped": facts.changes.is_empty(),
            });
            if first && facts.changes.is_empty() || self.say(CHANGED, "config", data) {
                self.next.fingerprint.clone_from(&facts.fingerprint);
            }
        }
        if told.refused != facts.refused {
            let said = facts.refused.as_ref().is_none_or(|reason| {
                let data = json!({ "reason": reason, "generation": facts.generation });
                self.say("tradewind.config.refused", "config", data)
            });
            if said {
                self.next.refused.clone_from(&facts.refused);
            }
        }
        let Some(free) = facts.disk_free else { return };
        // It has recovered with a tenth to spare.
        let enough = facts.disk_least.saturating_add(facts.disk_least / 10);
        let low = if told.disk_low {
            free < enough
        } else {
            free < facts.disk_least
        };
        if low != told.disk_low {
            let ty = if low {
                "tradewind.disk.low"
            } else {
                "tradewind.disk.recovered"
            };
            let data = json!({ "free-bytes": free, "threshold-bytes": facts.disk_least });
            if self.say(ty, "disk", data) {
                self.next.disk_low = low;
            }
        }
    }

    fn subscription(&mut self, view: &SubscriptionView, facts: &Facts) {
        let name = view.name.as_str();
        let dead = view.account.dead_lettered + view.account.purged;
        let mut told = self
            .next
            .subscriptions
            .remove(name)
            .unwrap_or_else(|| Subscription {
                state: ACTIVE.into(),
                open: false,
                dead: 0,
                backlog: false,
            });
        let about = |more: Value| {
            let mut data = json!({
                "subscription": name,
                "stream": view.stream,
                "sink": view.sink,
                "owner": view.owner,
                "why": view.why,
                "space": view.space,
            });
            if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
                data.extend(more);
            }
            data
        };
        if dead > told.dead {
            let more = json!({ "count": dead - told.dead, "total": view.account.dead_lettered });
            if self.say("tradewind.delivery.dead-lettered", name, about(more)) {
                told.dead = dead;
            }
        } else {
            told.dead = dead;
        }
        // A probe that is under way says nothing yet.
        let open = match view.circuit.as_str() {
            "open" => true,
            "closed" => false,
            _ => told.open,
        };
        if open != told.open {
            let ty = match open {
                true => "tradewind.subscription.circuit-opened",
                false => "tradewind.subscription.circuit-closed",
            };
            if self.say(ty, name, about(json!({}))) {
                told.open = open;
            }
        }
        if view.state != told.state {
            let ty = match view.state.as_str() {
                ACTIVE => "tradewind.subscription.active",
                "paused" => "tradewind.subscription.paused",
                "disabled" => "tradewind.subscription.disabled",
                "suspended" => "tradewind.subscription.suspended",
                _ => "tradewind.subscription.discarded",
            };
            if self.say(ty, name, about(json!({ "before": told.state }))) {
                told.state.clone_from(&view.state);
            }
        }
        let least = if told.backlog {
            facts.backlog / 2
        } else {
            facts.backlog
        };
        let backlog = view.behind_bytes >= least.max(1);
        if backlog != told.backlog {
            let ty = match backlog {
                true => "tradewind.subscription.backlog-high",
                false => "tradewind.subscription.backlog-normal",
            };
            let more = json!({
                "behind-bytes": view.behind_bytes,
                "pending": view.account.pending,
                "threshold-bytes": facts.backlog,
            });
            if self.say(ty, name, about(more)) {
                told.backlog = backlog;
            }
        }
        self.next.subscriptions.insert(name.to_owned(), told);
    }

    fn sources(&mut self, facts: &Facts) {
        for (name, trouble) in &facts.sources {
            let space = facts.spaces.get(name);
            let mut told = self.next.sources.remove(name).unwrap_or_default();
            let failing = trouble.failures >= FAILURES;
            if failing != told.failing && (failing || trouble.failures == 0) {
                let (ty, data) = match failing {
                    true => (
                        "tradewind.source.failing",
                        json!({ "source": name, "space": space, "reason": trouble.failure }),
                    ),
                    false => (
                        "tradewind.source.recovered",
                        json!({ "source": name, "space": space }),
                    ),
                };
                if self.say(ty, name, data) {
                    told.failing = failing;
                }
            }
            let since = facts.now_ms.abs_diff(told.refusing_ms);
            if trouble.refused > told.refused && since >= REFUSING_MS {
                let data = json!({
                    "source": name,
                    "space": space,
                    "count": trouble.refused - told.refused,
                    "last": trouble.last,
                });
                if self.say("tradewind.source.refusing", name, data) {
                    told.refused = trouble.refused;
                    told.refusing_ms = facts.now_ms;
                }
            }
            if trouble.handshakes > told.handshakes {
                let data = json!({
                    "source": name,
                    "space": space,
                    "count": trouble.handshakes - told.handshakes,
                });
                if self.say("tradewind.source.handshake-failed", name, data) {
                    told.handshakes = trouble.handshakes;
                }
            }
            self.next.sources.insert(name.clone(), told);
        }
    }

    fn schemas(&mut self, facts: &Facts) {
        for (name, violated) in &facts.schemas {
            let mut told = self.next.schemas.remove(name).unwrap_or_default();
            let since = facts.now_ms.abs_diff(told.told_ms);
            if *violated > told.violated && since >= REFUSING_MS {
                let data = json!({ "schema": name, "count": violated - told.violated });
                if self.say("tradewind.schema.violated", name, data) {
                    told.violated = *violated;
                    told.told_ms = facts.now_ms;
                }
            }
            self.next.schemas.insert(name.clone(), told);
        }
    }
}

#[cfg(test)]
mod tests;
