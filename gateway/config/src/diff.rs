//! What changes between two configurations, and what follows from it.

mod effect;

use crate::checked::{Checked, DEFAULT_SPACE};
use crate::document::dotted;
use crate::snapshot::{Leaf, Snapshot};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Parts of the file that hold objects by name; everything else is the gateway's own.
const SECTIONS: [&str; 10] = [
    "spaces",
    "streams",
    "api-keys",
    "schema-registries",
    "schemas",
    "policies",
    "roles",
    "sources",
    "routes",
    "subscriptions",
];

/// A change of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `gateway`, `space`, `stream`, `api-key`, `schema-registry`, `schema`, `policy`, `role`, `source`, `route` or `subscription`.
    pub object: &'static str,
    /// Its name; empty for the gateway.
    pub name: String,
    /// Who answers for it, by the new configuration where it is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What happens to it.
    #[serde(flatten)]
    pub action: Action,
    /// The keys that differ, where it is changed or renamed.
    pub keys: Vec<KeyChange>,
    /// What follows, in words.
    pub effects: Vec<String>,
    /// It cannot be applied as long as the stream holds events.
    pub blocked: bool,
}

/// What happens to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It stays, with other settings.
    Changed,
    /// It takes over from another one.
    Renamed {
        /// The name that it had before.
        from: String,
    },
}

/// A key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// The key, for instance `retry.max-attempts`.
    pub key: String,
    /// As it was written; `None` where it was not there, or is a secret.
    pub old: Option<String>,
    /// As it is written; `None` where it is not there, or is a secret.
    pub new: Option<String>,
    /// It is a secret, or what its reference stands for has changed: not shown.
    pub hidden: bool,
}

/// The changes that `new` makes to `old`, sorted by object. What references stand for and secrets
/// are compared, never shown.
pub fn diff(old: &Checked, new: &Checked) -> Vec<Change> {
    let (before, after) = (objects(&old.snapshot), objects(&new.snapshot));
    let nothing = BTreeMap::new();
    let mut changes = Vec::new();
    let mut renamed = BTreeSet::new();
    for name in new
        .subscriptions
        .values()
        .filter_map(|s| s.renamed_from.as_deref())
    {
        if old.subscriptions.contains_key(name) {
            renamed.insert(name);
        }
    }
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for id in names {
        let (section, name) = *id;
        // The gateway itself and the stream `default` are there, written or not.
        let always = section.is_empty()
            || (section, name) == ("streams", "default")
            || (section, name) == ("streams", "system")
            || (section, name) == ("spaces", "default");
        let was = before.get(id).or_else(|| always.then_some(&nothing));
        let is = after.get(id).or_else(|| always.then_some(&nothing));
        let origin = new
            .subscriptions
            .get(name)
            .and_then(|s| s.renamed_from.as_deref());
        let (action, keys) = match (was, is) {
            (Some(was), Some(is)) => (Action::Changed, compare(was, is)),
            (None, Some(is)) => match origin.filter(|from| renamed.contains(from)) {
                Some(from) if section == "subscriptions" => {
                    let was = before.get(&(section, from)).unwrap_or(&nothing);
                    (Action::Renamed { from: from.into() }, compare(was, is))
                }
                _ => (Action::Added, Vec::new()),
            },
            (Some(_), None) if section == "subscriptions" && renamed.contains(name) => continue,
            _ => (Action::Removed, Vec::new()),
        };
        if action == Action::Changed && keys.is_empty() {
            continue;
        }
        let told = after.get(id).or_else(|| before.get(id));
        let mut change = Change {
            object: object(section),
            name: name.into(),
            owner: told.and_then(|keys| said(keys, "/owner")),
            why: told.and_then(|keys| said(keys, "/why")),
            action,
            keys,
            effects: Vec::new(),
            blocked: false,
        };
        effect::explain(&mut change, old, new);
        changes.push(change);
    }
    changes
}

/// An object of a configuration, and who answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Object {
    /// `space`, `stream`, `api-key`, `schema`, `policy`, `role`, `source`, `route` or `subscription`.
    pub object: &'static str,
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub why: Option<String>,
    /// The space that it belongs to; `None` where it is the gateway's.
    pub space: Option<String>,
}

impl Checked {
    /// Every object that the file names, sorted.
    pub fn objects(&self) -> Vec<Object> {
        let all = objects(&self.snapshot).into_iter();
        all.filter(|((section, _), _)| !section.is_empty())
            .map(|((section, name), keys)| Object {
                object: object(section),
                name: name.into(),
                owner: said(&keys, "/owner"),
                why: said(&keys, "/why"),
                space: belongs(section, name, &keys),
            })
            .collect()
    }
}

fn object(section: &str) -> &'static str {
    match section {
        "spaces" => "space",
        "streams" => "stream",
        "api-keys" => "api-key",
        "schema-registries" => "schema-registry",
        "schemas" => "schema",
        "policies" => "policy",
        "roles" => "role",
        "sources" => "source",
        "routes" => "route",
        "subscriptions" => "subscription",
        _ => "gateway",
    }
}

/// The space of an object.
fn belongs(section: &str, name: &str, keys: &BTreeMap<&str, &Leaf>) -> Option<String> {
    match section {
        "spaces" => Some(name.to_owned()),
        "schema-registries" | "policies" | "roles" => None,
        // One that names no space is nobody's.
        "api-keys" | "schemas" => said(keys, "/space"),
        _ => said(keys, "/space").or_else(|| Some(DEFAULT_SPACE.to_owned())),
    }
}

fn said(keys: &BTreeMap<&str, &Leaf>, key: &str) -> Option<String> {
    keys.get(key)?.shown.clone()
}

type Objects<'a> = BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, &'a Leaf>>;

/// The leaves of a file by object.
fn objects(snapshot: &Snapshot) -> Objects<'_> {
    let mut objects = Objects::new();
    for (pointer, leaf) in &snapshot.leaves {
        let mut steps = pointer.splitn(4, '/').skip(1);
        let (section, name) = (steps.next().unwrap_or_default(), steps.next());
        match (SECTIONS.contains(&section), name) {
            // There, and empty: what no policy permits is denied.
            (true, None) if matches!(section, "policies" | "roles") => {
                objects.entry(("", "")).or_default().insert(pointer, leaf);
            }
            (true, None) => {}
            (true, Some(name)) => {
                let start = section.len() + name.len() + 2;
                let keys = objects.entry((section, name)).or_default();
                keys.insert(&pointer[start..], leaf);
            }
            (false, _) => {
                objects.entry(("", "")).or_default().insert(pointer, leaf);
            }
        }
    }
    objects
}

fn compare(was: &BTreeMap<&str, &Leaf>, is: &BTreeMap<&str, &Leaf>) -> Vec<KeyChange> {
    let keys: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    keys.into_iter()
        .filter(|key| was.get(*key) != is.get(*key))
        .map(|key| {
            let shown = |side: &BTreeMap<&str, &Leaf>| side.get(key).map(|leaf| leaf.shown.clone());
            let (old, new) = (shown(was), shown(is));
            KeyChange {
                key: dotted(key),
                hidden: old == new || old == Some(None) || new == Some(None),
                old: old.flatten(),
                new: new.flatten(),
            }
        })
        .collect()
}

/// For a screen: what, which keys, what follows.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.action {
            Action::Added => '+',
            Action::Removed => '-',
            Action::Changed | Action::Renamed { .. } => '~',
        };
        write!(f, "{sign} {}", self.object)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        if let Action::Renamed { from } = &self.action {
            write!(f, " (was {from})")?;
        }
        match (&self.owner, &self.why) {
            (Some(owner), Some(why)) => write!(f, " (owner {owner}: {why})")?,
            (Some(owner), None) => write!(f, " (owner {owner})")?,
            (None, Some(why)) => write!(f, " ({why})")?,
            (None, None) => {}
        }
        for key in &self.keys {
            write!(f, "\n    {key}")?;
        }
        for effect in &self.effects {
            write!(
                f,
                "\n    {}: {effect}",
                if self.blocked { "refused" } else { "effect" }
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for KeyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "(default)".into());
        match (self.hidden, &self.new) {
            (true, Some(reference)) => {
                write!(f, "{}: {reference} stands for something else", self.key)
            }
            (true, None) => write!(f, "{}: changed (not shown)", self.key),
            (false, _) => write!(f, "{}: {} -> {}", self.key, or(&self.old), or(&self.new)),
        }
    }
}
