//! What follows from a change.

use super::{Action, Change};
use crate::checked::{Checked, LoadedRoute};
use crate::document::child;
use crate::model::{Moment, Period, STREAM_KEYS};

/// Whether a key of a stream is none of the gateway's own.
fn is_of_engine(key: &str) -> bool {
    let first = key.split(['.', '[']).next().unwrap_or_default();
    !STREAM_KEYS.contains(&first)
}

/// A path as it is written: what a reference in it stands for is not for who reads of a change.
fn written(checked: &Checked, section: &str, name: &str, path: &impl ToString) -> String {
    let place = child(&child(&child("", section), name), "path");
    let leaf = checked.snapshot.leaves.get(&place);
    match leaf {
        Some(leaf) => leaf.shown.clone().unwrap_or_else(|| "its path".into()),
        None => path.to_string(),
    }
}

/// Methods and path of a route, for people.
fn described(checked: &Checked, name: &str, route: &LoadedRoute) -> String {
    let methods: Vec<&str> = route.methods.iter().map(|verb| verb.as_str()).collect();
    let path = written(checked, "routes", name, &route.path);
    format!("{} {path}", methods.join(", "))
}

/// Fills in the effects of a change.
pub(crate) fn explain(change: &mut Change, old: &Checked, new: &Checked) {
    let touches = |key: &str| {
        change.keys.iter().any(|k| {
            let rest = k.key.strip_prefix(key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    };
    let mut effects: Vec<String> = Vec::new();
    let mut say = |effect: &str| effects.push(effect.into());
    let mut blocked = false;
    match (change.object, &change.action) {
        ("gateway", _) => {
            if ["listen", "admin", "data-dir", "durability"]
                .iter()
                .any(|key| touches(key))
            {
                say("takes effect at the next start");
            }
            if touches("admin-tls") {
                say(
                    "applies to new connections; a listener that has TLS keeps it until the next start",
                );
            }
            if touches("limits") {
                say("applies to new requests");
            }
            if ["policies", "roles"].iter().any(|key| touches(key)) {
                say(match new.policies.in_force() {
                    true => "what no policy permits is denied",
                    false => "nothing is denied by policies any more",
                });
            }
            if touches("check") {
                say("changes only what `check` says");
            }
            if touches("trusted-proxies") {
                say("applies to new connections");
            }
        }
        ("space", Action::Removed) => say("its quotas hold no longer"),
        ("space", _) if touches("quotas") => {
            say("holds from now on; what is used up stays used up");
        }
        ("stream", Action::Removed) => {
            say("the stream is suspended with its events; it goes on once it is back in the file");
        }
        ("stream", Action::Changed) => {
            let key = |checked: &Checked| {
                checked
                    .streams
                    .get(&change.name)
                    .map(|s| (s.order_by.clone(), s.settings.shards))
            };
            let engine = |checked: &Checked| {
                let stream = checked.streams.get(&change.name);
                stream.and_then(|s| Some(s.engine.as_ref()?.name.clone()))
            };
            if engine(old) != engine(new) {
                say("engine cannot change while the stream holds events");
                blocked = true;
            } else if engine(new).is_some() && change.keys.iter().any(|key| is_of_engine(&key.key))
            {
                say("where the stream lies takes effect at the next start");
            }
            if let (Some(was), Some(is)) = (key(old), key(new)) {
                if was.0 != is.0 {
                    say("order-by cannot change while the stream holds events");
                    blocked = true;
                }
                if was.1 != is.1 {
                    say("shards cannot change while the stream holds events");
                    blocked = true;
                }
            }
            let retention = |checked: &Checked| {
                checked
                    .streams
                    .get(&change.name)
                    .map(|s| s.settings.retention)
            };
            if let (Some(was), Some(is)) = (retention(old), retention(new))
                && is < was
                && !blocked
            {
                say(&format!(
                    "events older than {} are removed soon",
                    Period(is)
                ));
            }
        }
        ("api-key", Action::Added) => say("senders may show it where a source names it"),
        ("api-key", Action::Removed) => say("senders that show it are refused"),
        ("api-key", _) => say("senders need the new key at once"),
        ("source", Action::Added) => {
            if let Some(path) = new
                .sources
                .get(&change.name)
                .and_then(|s| s.common.path.as_ref())
            {
                let path = written(new, "sources", &change.name, path);
                say(&format!("takes events at {path}"));
            }
        }
        ("source", Action::Removed) => {
            say("takes no more events; those it brought are delivered as before");
        }
        ("source", _) => {
            if touches("path")
                && let Some(path) = old
                    .sources
                    .get(&change.name)
                    .and_then(|s| s.common.path.as_ref())
            {
                let path = written(old, "sources", &change.name, path);
                say(&format!("requests to {path} are answered 404"));
            }
            if touches("stream") {
                say("new events go to the other stream; those in the old one stay there");
            }
        }
        ("route", Action::Added) => {
            if let Some(route) = new.routes.get(&change.name) {
                say(&format!("answers {}", described(new, &change.name, route)));
            }
        }
        ("route", Action::Removed) => {
            if let Some(route) = old.routes.get(&change.name) {
                say(&format!(
                    "{} is no longer answered; requests under way are",
                    described(old, &change.name, route)
                ));
            }
        }
        ("route", _) => say("holds for new requests; those under way end as they began"),
        ("subscription", Action::Added) => {
            let start = new
                .subscriptions
                .get(&change.name)
                .map(|s| s.start)
                .unwrap_or_default();
            match start {
                Moment::Tip => say(
                    "new subscription starts at the tip: earlier events are not delivered to it; one that was suspended goes on where it was",
                ),
                Moment::Oldest => say("new subscription starts with the oldest event that is kept"),
                time => say(&format!(
                    "new subscription starts with the events from {time} on"
                )),
            }
        }
        ("subscription", Action::Removed) => {
            say("removed subscription is suspended with its backlog until it is discarded");
        }
        ("subscription", action) => {
            if let Action::Renamed { from } = action {
                let space = |checked: &Checked, name: &str| {
                    checked.subscriptions.get(name).map(|s| s.space.clone())
                };
                match space(old, from) == space(new, &change.name) {
                    true => say(&format!("keeps the cursor, backlog and counters of {from}")),
                    false => say(&format!(
                        "begins anew: {from} belongs to another space, and its backlog is suspended"
                    )),
                }
            }
            if touches("stream") {
                say(
                    "reads the other stream from `start` on; its backlog in the old one is suspended",
                );
            }
            if touches("filter") {
                say("the new filter holds for events appended from now on");
            }
            if touches("transform") {
                say("the next attempts send what it makes now, waiting events included");
            }
            let grouped = |checked: &Checked| {
                let subscription = checked.subscriptions.get(&change.name);
                subscription.is_some_and(|subscription| subscription.group.is_some())
            };
            if touches("sink") && grouped(old) && grouped(new) {
                say(
                    "events appended from now on go to the members by the new weights; what is pending stays with its member, unless that is gone",
                );
            } else if touches("sink") {
                say("the next attempts go to the new sink, waiting events included");
            }
            if touches("start") && *action == Action::Changed {
                say("start has no effect: the subscription exists");
            }
            if touches("shadow") {
                say(
                    match new
                        .subscriptions
                        .get(&change.name)
                        .is_some_and(|s| s.shadow.is_some())
                    {
                        true => {
                            "it only looks on: no replies are published, failures are no dead letters"
                        }
                        false => {
                            "it is in charge: replies are published, failures are dead letters; what was compared is forgotten"
                        }
                    },
                );
            }
            if touches("retry") || touches("timeout") || touches("max-age") {
                say("waiting events are retried by the new policy");
            }
        }
        _ => {}
    }
    change.effects = effects;
    change.blocked = blocked;
}
