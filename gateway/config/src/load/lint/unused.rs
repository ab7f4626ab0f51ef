//! What is there and never used.

use super::super::Loader;
use super::super::authority::{Authority, There};
use super::super::streams::SYSTEM;
use super::OPEN;
use crate::document::{Spot, child};
use serde_json::Value;
use std::collections::BTreeSet;
use tradewind_adapter::Action as Scope;
use tradewind_policy::{Action, Kind, Principal};

/// What the doors of the gateway ask for.
#[derive(Default)]
struct Doors {
    /// Ids of API keys.
    keys: BTreeSet<String>,
    tokens: bool,
    certificates: bool,
    open: bool,
}

impl Loader<'_> {
    pub(super) fn unused(&mut self, there: &There<'_>, authority: &Authority) {
        let doors = self.doors(there);
        for (name, id) in &there.keys.ids {
            if !doors.keys.contains(id) {
                let message = format!("no place takes the key `{name}`");
                let hint =
                    "name it under `auth` of a source or route or under `admin-auth`, or remove it";
                self.warn(
                    &child("/api-keys", name),
                    Spot::Key,
                    "unused-key",
                    message,
                    hint,
                );
            }
        }
        self.idle_keys(there);
        self.unused_roles(there, authority, &doors);
        self.unused_policies(there, authority, &doors);
        self.unused_streams(there, authority);
    }

    fn doors(&self, there: &There<'_>) -> Doors {
        let mut doors = Doors::default();
        let value = &self.document.value;
        let entries = ["sources", "routes"].into_iter().flat_map(|section| {
            let entries = value.get(section).and_then(Value::as_object);
            entries
                .into_iter()
                .flatten()
                .map(|(_, entry)| &entry["auth"])
        });
        for auth in entries.chain([&value["admin-auth"]]) {
            doors.open |= auth.as_str() == Some(OPEN);
            doors.tokens |= !auth["jwt"].is_null();
            doors.certificates |= !auth["certificates"].is_null();
            let named = ["api-keys", "basic"].into_iter();
            let named = named.filter_map(|kind| auth[kind].as_array()).flatten();
            let ids = named.filter_map(|name| there.keys.ids.get(name.as_str()?));
            doors.keys.extend(ids.cloned());
        }
        doors
    }

    /// Keys that are named where their scopes let them do nothing.
    fn idle_keys(&mut self, there: &There<'_>) {
        let mut idle = Vec::new();
        for section in ["sources", "routes"] {
            let entries = self.document.value.get(section).and_then(Value::as_object);
            for (entry, settings) in entries.into_iter().flatten() {
                for proof in ["api-keys", "basic"] {
                    let names = settings["auth"][proof].as_array().into_iter().flatten();
                    for (index, name) in names.enumerate() {
                        let id = name.as_str().and_then(|name| there.keys.ids.get(name));
                        let key = id.and_then(|id| there.keys.keys.get(id));
                        let scopes = key.and_then(|key| key.scopes.as_ref());
                        if scopes.is_some_and(|scopes| !scopes.contains(&Scope::Publish)) {
                            let door = child(&child("", section), entry);
                            idle.push(format!("{door}/auth/{proof}/{index}"));
                        }
                    }
                }
            }
        }
        for place in idle {
            let message = "the scopes of this key do not let it publish: it is always refused here";
            let hint = "add `publish` to its `scopes`, or take another key";
            self.warn(&place, Spot::Value, "no-effect", message.into(), hint);
        }
    }

    fn unused_roles(&mut self, there: &There<'_>, authority: &Authority, doors: &Doors) {
        for (name, role) in &authority.roles {
            let idle = role.may == [Action::Invoke] && there.routes.is_empty();
            let nobody = role
                .members
                .iter()
                .all(|member| shut_out(member, there, doors));
            let message = match (idle, nobody) {
                (true, _) => format!("role `{name}` is for calling routes, and there are none"),
                (_, true) => format!("no door lets in who has the role `{name}`"),
                _ => continue,
            };
            let hint = "open a door for its members, or remove it";
            self.warn(
                &child("/roles", name),
                Spot::Key,
                "unused-role",
                message,
                hint,
            );
        }
    }

    fn unused_policies(&mut self, there: &There<'_>, authority: &Authority, doors: &Doors) {
        let scopes = authority.policies.scopes();
        let texts = self
            .document
            .value
            .get("policies")
            .and_then(Value::as_object);
        let texts: Vec<String> = texts
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect();
        for name in texts {
            let lead = format!("{name}/");
            let mut own = scopes
                .iter()
                .filter(|scope| scope.policy.starts_with(&lead))
                .peekable();
            let message = match own.peek() {
                None => format!("the text of `{name}` holds no policy"),
                Some(_) => {
                    let shut = |who: &Principal| shut_out(&who.to_string(), there, doors);
                    match own.all(|scope| scope.only.as_ref().is_some_and(shut)) {
                        true => format!("no door lets in whom the policies of `{name}` are for"),
                        false => continue,
                    }
                }
            };
            let hint = "open a door for them, or remove it";
            self.warn(
                &child("/policies", &name),
                Spot::Key,
                "unused-policy",
                message,
                hint,
            );
        }
    }

    /// Who is permitted to publish to a stream or to read it may do so by the admin API, which needs no source and no
    /// subscription.
    fn unused_streams(&mut self, there: &There<'_>, authority: &Authority) {
        let mut permitted: BTreeSet<String> = authority
            .policies
            .scopes()
            .into_iter()
            .filter_map(|scope| scope.stream)
            .collect();
        let by_roles = authority
            .roles
            .values()
            .filter_map(|role| role.streams.as_ref());
        permitted.extend(by_roles.flatten().cloned());
        for name in there.streams.keys() {
            let place = child("/streams", name);
            let used = name == SYSTEM
                || permitted.contains(name)
                || there.sources.values().any(|s| s.common.stream == *name)
                || there
                    .routes
                    .values()
                    .any(|r| r.record.as_ref() == Some(name))
                || there
                    .subscriptions
                    .values()
                    .any(|s| s.stream == *name || s.policy.reply_to.as_ref() == Some(name));
            if self.document.has(&place) && !used {
                let message =
                    format!("no source or route appends to `{name}`, and no subscription reads it");
                let hint = "name it in a source, a subscription or a role, or remove it";
                self.note(&place, Spot::Key, "unused-stream", message, hint);
            }
        }
    }
}

/// Whether nobody who is called so can come. Names that are not there are told of elsewhere.
fn shut_out(principal: &str, there: &There<'_>, doors: &Doors) -> bool {
    if principal == "anonymous" {
        return !doors.open;
    }
    let Some((word, id)) = principal.split_once(':') else {
        return false;
    };
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
    let (id, beginning) = match id.strip_suffix('*') {
        Some(id) => (id, true),
        None => (id, false),
    };
    match kind {
        Some(Kind::Key) if beginning => !doors.keys.iter().any(|key| key.starts_with(id)),
        Some(Kind::Key) => there.keys.keys.contains_key(id) && !doors.keys.contains(id),
        Some(Kind::Token) => !doors.tokens,
        Some(Kind::Certificate) => !doors.certificates,
        _ => false,
    }
}
