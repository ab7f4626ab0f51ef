//! Policies and roles: their texts, their bounds, and whether what they name is there.

use super::{Loader, Named};
use crate::checked::{LoadedRoute, LoadedSource, LoadedStream, LoadedSubscription};
use crate::diagnostic::Diagnostic;
use crate::document::{Spot, child};
use crate::load::keys::ApiKeys;
use crate::load::refusal::Refusal;
use crate::model::{May, PolicyText, RoleKeys};
use crate::phrase;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tradewind_policy::{
    Action, Belongings, InvalidPolicy, Kind, Policies, Principal, Role, Text, TooMany,
};

/// What policies may name.
pub(crate) struct There<'a> {
    pub(crate) streams: &'a BTreeMap<String, LoadedStream>,
    pub(crate) subscriptions: &'a BTreeMap<String, LoadedSubscription>,
    pub(crate) sources: &'a BTreeMap<String, LoadedSource>,
    pub(crate) routes: &'a BTreeMap<String, LoadedRoute>,
    pub(crate) keys: &'a ApiKeys,
}

/// Policies and roles that are ready to be in force.
#[derive(Default)]
pub(crate) struct Authority {
    pub(crate) policies: Policies,
    pub(crate) roles: BTreeMap<String, Role>,
}

impl There<'_> {
    /// What belongs to which space.
    fn spaces(&self) -> Belongings {
        let mut spaces = Belongings::default();
        let named = self
            .streams
            .iter()
            .map(|(name, s)| ("Stream", name, &s.space));
        let named = named
            .chain(
                self.subscriptions
                    .iter()
                    .map(|(name, s)| ("Subscription", name, &s.space)),
            )
            .chain(
                self.routes
                    .iter()
                    .map(|(name, r)| ("Route", name, &r.space)),
            )
            .chain(
                self.sources
                    .iter()
                    .map(|(name, s)| ("Source", name, &s.space)),
            );
        for (kind, name, space) in named {
            spaces.insert(kind, name, space);
        }
        for (id, space) in &self.keys.bound() {
            spaces.insert("Key", id, space);
        }
        spaces
    }
}

impl Loader<'_> {
    /// A section that is there puts policies in force, also an empty one: who comments the last policy out has not
    /// opened every door.
    pub(crate) fn authority(
        &mut self,
        policies: BTreeMap<String, Value>,
        roles: BTreeMap<String, Value>,
        there: &There<'_>,
    ) -> Authority {
        let section = ["/policies", "/roles"]
            .into_iter()
            .find(|at| self.document.has(at));
        let Some(section) = section else {
            self.identities_without_policies(there);
            return Authority::default();
        };
        if policies.is_empty() && roles.is_empty() {
            let message =
                "no policy and no role: everything is denied to everybody but the operator";
            let found = self
                .document
                .warning(section, Spot::Key, "no-policy", message);
            self.out
                .push(found.hint("write a policy or a role, or remove this key"));
        }
        let mut texts = Vec::new();
        for entry in self.named("policies", policies) {
            texts.extend(self.text(entry));
        }
        let mut read = Vec::new();
        for entry in self.named("roles", roles) {
            let keys: Option<RoleKeys> = self.decode(&entry.base, entry.value);
            let Some(keys) = keys else { continue };
            let role = role(keys);
            self.members_exist(&entry.base, &role, there);
            read.push((entry.name, role));
        }
        let made = Policies::new_in(texts, &read, there.spaces());
        let policies = match made {
            Ok(policies) => policies,
            Err(TooMany::Role(name, wrong)) => {
                let place = format!("/roles/{name}/{}", wrong.key);
                let found = self
                    .document
                    .error(&place, Spot::Value, "invalid-role", wrong.reason);
                self.out.push(found.hint(wrong.hint));
                return Authority::default();
            }
            Err(TooMany::All(wrong)) => {
                let found = self
                    .document
                    .error(section, Spot::Key, "invalid-policy", wrong.reason);
                self.out.push(found.hint(wrong.hint.unwrap_or_default()));
                return Authority::default();
            }
        };
        self.names_exist(&policies, &read, there);
        Authority {
            policies,
            roles: read.into_iter().collect(),
        }
    }

    fn text(&mut self, entry: Named) -> Option<Text> {
        let base = &entry.base;
        let keys: PolicyText = self.decode(base, entry.value)?;
        let (at, file, text) = match (keys.file, keys.cedar) {
            (Some(path), None) => {
                let at = child(base, "file");
                match self.open(&at, &path) {
                    Ok((file, text)) => (at, Some(file), text),
                    Err(error) => {
                        let message =
                            format!("cannot read `{}`: {error}", path.display()).to_lowercase();
                        let found =
                            self.document
                                .error(&at, Spot::Value, "unreadable-file", message);
                        self.out
                            .push(found.hint("the path is relative to the folder of this file"));
                        return None;
                    }
                }
            }
            (None, Some(text)) => (child(base, "cedar"), None, text),
            _ => {
                let message = "policies are either in a `file` or written under `cedar`";
                let found = self
                    .document
                    .error(base, Spot::Key, "invalid-value", message);
                self.out.push(found.hint("file: policies/shop.cedar"));
                return None;
            }
        };
        match Text::read(&entry.name, &text) {
            Ok(read) => Some(read),
            Err(wrong) => {
                for wrong in wrong {
                    let found = match &file {
                        Some(file) => in_file(&file.display().to_string(), &text, wrong),
                        None => Refusal {
                            code: "invalid-policy",
                            place: at.clone(),
                            spot: Spot::Value,
                            offset: wrong.offset,
                            reason: &wrong.reason,
                            hint: wrong.hint,
                        }
                        .locate(self.document),
                    };
                    self.out.push(found);
                }
                None
            }
        }
    }

    /// A member that cannot be there is a slip of the pen, or somebody who is gone.
    fn members_exist(&mut self, base: &str, role: &Role, there: &There<'_>) {
        for (index, member) in role.members.iter().enumerate() {
            let Ok(who) = member.parse::<Principal>() else {
                continue;
            };
            if member.ends_with('*') {
                continue;
            }
            let kind = match who.kind {
                Kind::Key => "Key",
                Kind::Source => "Source",
                Kind::Subscription => "Subscription",
                Kind::Identity => "Identity",
                _ => continue,
            };
            let place = format!("{base}/members/{index}");
            self.exists(&place, Spot::Value, (kind, &who.id), &[], there);
        }
    }

    fn names_exist(&mut self, policies: &Policies, roles: &[(String, Role)], there: &There<'_>) {
        let roles: Vec<String> = roles.iter().map(|(name, _)| name.clone()).collect();
        let mut seen = BTreeSet::new();
        for named in policies.named() {
            let place = match named.policy.strip_prefix("role ") {
                Some(name) => format!("/roles/{name}"),
                None => format!(
                    "/policies/{}",
                    named.policy.split('/').next().unwrap_or_default()
                ),
            };
            // Many policies of one text may name the same.
            if seen.insert((place.clone(), named.kind.clone(), named.id.clone())) {
                self.exists(&place, Spot::Key, (&named.kind, &named.id), &roles, there);
            }
        }
    }

    fn exists(
        &mut self,
        place: &str,
        spot: Spot,
        (kind, id): (&str, &str),
        roles: &[String],
        there: &There<'_>,
    ) {
        let (what, known): (&str, Vec<String>) = match kind {
            "Stream" => ("stream", there.streams.keys().cloned().collect()),
            "Subscription" => (
                "subscription",
                there.subscriptions.keys().cloned().collect(),
            ),
            "Route" => ("route", there.routes.keys().cloned().collect()),
            "Source" => ("source", there.sources.keys().cloned().collect()),
            "Key" => ("API key", there.keys.keys.keys().cloned().collect()),
            "Role" => ("role", roles.to_vec()),
            "Identity" => (
                "identity",
                identities(there).into_iter().map(str::to_owned).collect(),
            ),
            "Space" => ("space", self.spaces.keys().cloned().collect()),
            "Gateway" => ("gateway", vec!["this".into()]),
            _ => return,
        };
        if known.iter().any(|name| name == id) {
            return;
        }
        let message = format!("there is no {what} `{id}`");
        let found = self.document.warning(place, spot, "unknown-name", message);
        self.out
            .push(found.hint(phrase::choose(id, &known, "names of that kind")));
    }

    fn identities_without_policies(&mut self, there: &There<'_>) {
        for (name, subscription) in there.subscriptions {
            if subscription.identity.is_some() {
                let place = format!("/subscriptions/{name}/as");
                let message = "there are no policies, so that nobody is asked what it may see";
                let found = self
                    .document
                    .warning(&place, Spot::Key, "no-effect", message);
                self.out
                    .push(found.hint("write `policies` or `roles`, or remove this key"));
            }
        }
    }
}

fn identities<'a>(there: &There<'a>) -> BTreeSet<&'a str> {
    let identities = there.subscriptions.values();
    identities.filter_map(|s| s.identity.as_deref()).collect()
}

/// A finding in a file of policies.
fn in_file(file: &str, text: &str, wrong: InvalidPolicy) -> Diagnostic {
    let found = match wrong.offset {
        Some(offset) => Diagnostic::in_text(file, text, offset, "invalid-policy", wrong.reason),
        None => Diagnostic::of_file(file, "invalid-policy", wrong.reason),
    };
    match wrong.hint {
        Some(hint) => found.hint(hint),
        None => found,
    }
}

fn role(keys: RoleKeys) -> Role {
    Role {
        members: keys.members,
        may: keys.may.into_iter().map(action).collect(),
        spaces: keys.spaces,
        streams: keys.streams,
        subscriptions: keys.subscriptions,
        routes: keys.routes,
        types: keys.types,
        sources: keys.sources,
        subjects: keys.subjects,
    }
}

fn action(may: May) -> Action {
    match may {
        May::Publish => Action::Publish,
        May::Subscribe => Action::Subscribe,
        May::ReadPayload => Action::ReadPayload,
        May::Replay => Action::Replay,
        May::Redrive => Action::Redrive,
        May::Configure => Action::Configure,
        May::Invoke => Action::Invoke,
    }
}
