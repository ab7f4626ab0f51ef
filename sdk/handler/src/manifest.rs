//! What a program declares, for those that package it: its handlers, and what a host cannot express of them.

use crate::describe::{Description, Kind, Replies, Takes};
use crate::testing::{TIMERS, WAYS};
use crate::worker::Worker;
use crate::{Handler, Host};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The manifest's own version.
const VERSION: u32 = 1;

/// What a host makes of one kind of trigger.
#[derive(Debug, Clone, Copy)]
struct Door {
    kind: Kind,
    /// A reply has to go elsewhere, whichever trigger of the kind it is.
    one_way: bool,
    /// Failures within a batch are told one by one.
    each: bool,
    /// A reply that nobody waits for goes where the handler declares.
    binds: bool,
}

/// The manifest as a document.
pub(crate) fn document(handler: &dyn Handler, workers: &[Arc<dyn Worker>]) -> Value {
    let handlers = handler.describe();
    let mut hosts = Map::new();
    for host in Host::ALL {
        hosts.insert(host.name().into(), at(&handlers, &doors(host)));
    }
    for worker in workers {
        let door = Door {
            kind: worker.kind(),
            one_way: true,
            each: true,
            binds: false,
        };
        hosts.insert(worker.name().into(), at(&handlers, &[door]));
    }
    let settings = handlers
        .iter()
        .flat_map(|one| &one.settings)
        .map(|one| json!({ "name": one.name, "secret": one.secret, "required": one.required }));
    let needs = handlers
        .iter()
        .flat_map(|one| &one.needs)
        .map(|one| json!({ "access": one.access, "kind": one.kind, "name": one.name }));
    json!({
        "manifest": VERSION,
        "sdk": env!("CARGO_PKG_VERSION"),
        "name": handler.name(),
        "handlers": handlers.iter().map(described).collect::<Vec<_>>(),
        "settings": once(settings),
        "needs": once(needs),
        "hosts": hosts,
    })
}

/// What several handlers say alike is said once.
fn once(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut all = Vec::new();
    for value in values {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

fn described(one: &Description) -> Value {
    let triggers = one.triggers.iter();
    let triggers: Vec<Value> = triggers
        .map(|trigger| {
            let mut told = json!({ "kind": trigger.kind.name(), "name": trigger.name });
            if let Some(schedule) = &trigger.schedule {
                told["schedule"] = schedule.as_str().into();
            }
            told
        })
        .collect();
    let replies_to = one.replies_to.as_ref();
    json!({
        "name": one.name,
        "types": one.types,
        "sources": one.sources,
        "triggers": triggers,
        "takes": match one.takes {
            Takes::Event => "event",
            Takes::Batch => "batch",
            Takes::Request => "request",
        },
        "replies": match one.replies {
            Replies::Never => "never",
            Replies::May => "may",
            Replies::Responds => "responds",
        },
        "replies_to": replies_to.map(|to| json!({ "kind": to.kind, "name": to.name })),
        "batch_max": (one.takes == Takes::Batch).then_some(one.batch_max),
        "timeout_seconds": one.timeout.map(|time| time.as_secs_f64().ceil() as u64),
        "memory_mib": one.memory_mib,
    })
}

fn doors(host: Host) -> Vec<Door> {
    let mut doors: Vec<Door> = Vec::new();
    let ways = WAYS.iter().chain(TIMERS);
    for way in ways.filter(|way| way.host == host) {
        match doors.iter_mut().find(|door| door.kind == way.kind) {
            Some(door) => {
                door.one_way &= way.one_way;
                door.each |= way.each;
            }
            None => doors.push(Door {
                kind: way.kind,
                one_way: way.one_way,
                each: way.each,
                binds: host == Host::Azure,
            }),
        }
    }
    doors.sort_by_key(|door| door.kind);
    doors
}

fn at(handlers: &[Description], doors: &[Door]) -> Value {
    let kinds: Vec<_> = doors.iter().map(|door| door.kind.name()).collect();
    let mut problems = Vec::new();
    for one in handlers {
        let http = doors.iter().any(|door| door.kind == Kind::Http);
        if one.takes == Takes::Request && one.triggers.is_empty() && !http {
            problems.push(problem(one, None, NO_REQUEST));
        }
        for trigger in &one.triggers {
            let kind = trigger.kind;
            match doors.iter().find(|door| door.kind == kind) {
                None => problems.push(problem(one, Some(kind), NO_TRIGGER)),
                Some(door) => {
                    let found = lacks(one, *door).into_iter();
                    problems.extend(found.map(|what| problem(one, Some(kind), what)));
                }
            }
        }
    }
    json!({ "triggers": kinds, "problems": problems })
}

/// Severity, code, what is wrong, and what to do.
type Lack = (&'static str, &'static str, &'static str, &'static str);

const NO_TRIGGER: Lack = (
    "error",
    "no-trigger",
    "the host has no trigger of this kind",
    "choose another host, or another trigger",
);
const NO_REQUEST: Lack = (
    "error",
    "no-request",
    "the handler takes the HTTP request, and this trigger brings none",
    "give it the trigger http, or let it take an event",
);
const NO_RESPONSE: Lack = (
    "error",
    "no-response",
    "the handler answers with a response, and nobody waits for one at this trigger",
    "give it the trigger http, or let it reply with an event",
);
const NO_REPLY: Lack = (
    "warning",
    "no-reply",
    "nobody waits for a reply at this trigger: it goes to TRADEWIND_REPLY_URL, and without that the event fails",
    "set TRADEWIND_REPLY_URL to where replies go; on Azure `.replies_to(\"queue\", \"…\")` does, too",
);
const NO_PARTIAL_FAILURE: Lack = (
    "warning",
    "no-partial-failure",
    "the handler takes batches, and this host takes a batch as a whole: one failure brings all of it again",
    "let the trigger bring one at a time",
);

fn lacks(one: &Description, door: Door) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if one.takes == Takes::Request && door.kind != Kind::Http {
        lacks.push(NO_REQUEST);
    }
    match one.replies {
        Replies::Responds if door.one_way => lacks.push(NO_RESPONSE),
        Replies::May if door.one_way && !(door.binds && one.replies_to.is_some()) => {
            lacks.push(NO_REPLY)
        }
        _ => {}
    }
    if one.takes == Takes::Batch && !door.each && door.one_way {
        lacks.push(NO_PARTIAL_FAILURE);
    }
    lacks
}

fn problem(one: &Description, kind: Option<Kind>, lack: Lack) -> Value {
    let (severity, code, text, hint) = lack;
    json!({
        "severity": severity, "code": code, "handler": one.name, "trigger": kind.map(Kind::name),
        "text": text, "hint": hint,
    })
}
