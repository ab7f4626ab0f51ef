//! Schemas that stand in no file: those that are registered while the gateway runs, and those that are read from
//! registries. Together with the configured ones they are what the engine holds events against. Beside them are those
//! that sources open frames by.

mod change;
mod kept;
mod origin;
mod refresh;
mod register;
mod shelf;

pub(crate) use change::{Deprecation, stamp};
pub(crate) use kept::{Bound, Kept};
pub(crate) use origin::{Asked, Subject};
pub(crate) use register::{Trouble, Wanted};
pub(crate) use shelf::Shelves;

use super::changes::Changes;
use super::notes::Notes;
use kept::{Body, Head};
pub(super) use kept::{HEADS, bodies_of};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use tradewind_config::{Checked, LoadedSchema};
use tradewind_schema::{Registered, Schemas};

/// Its space, `None` where it is for all, and its name.
pub(crate) type Key = (Option<String>, String);
/// What was registered, by whose it is and its name.
pub(super) type Registrations = BTreeMap<Key, Arc<Kept>>;
/// By the name of the schema in the configuration.
pub(crate) type Subjects = BTreeMap<String, Arc<Subject>>;

/// Heads and bodies that are read at once.
const PAGE: usize = 64;

/// What is known of schemas besides the configuration.
#[derive(Debug)]
pub(crate) struct Registrar {
    /// What registries said last.
    notes: Notes,
    /// What was registered.
    changes: Arc<Changes>,
    /// Registrations come one after the other: each is held against what was there before.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: Registrations,
    subjects: Subjects,
    asked: BTreeMap<String, Asked>,
    /// When each registry was asked last.
    rounds: HashMap<String, Instant>,
}

/// One schema, wherever it is from.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) name: String,
    /// `configuration`, `registered` or `registry`.
    pub(crate) from: &'static str,
    pub(crate) registered: Registered,
    pub(crate) owner: Option<String>,
    pub(crate) why: Option<String>,
    /// Of those that are registered.
    pub(crate) kept: Option<Arc<Kept>>,
    /// Of those that are read from a registry.
    pub(crate) subject: Option<Arc<Subject>>,
    /// Another one of this name stands in the configuration, and counts.
    pub(crate) shadowed: bool,
}

impl Registrar {
    /// Reads what is kept.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn open(
        notes: Notes,
        changes: Arc<Changes>,
    ) -> Result<Self, tradewind_store::Error> {
        let registrar = Self {
            notes,
            changes,
            turn: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        };
        let registered = loop {
            let revision = registrar.changes.revision();
            let registered = registrar.read().await?;
            if registrar.changes.has_read(revision) {
                break registered;
            }
        };
        registrar.take(registered);
        Ok(registrar)
    }

    /// Makes what was read what is known; says whether it is otherwise than before.
    pub(super) fn take(&self, registered: Registrations) -> bool {
        let mut state = self.state();
        let same = |(key, kept): (&Key, &Arc<Kept>)| {
            let before = state.kept.get(key);
            before.is_some_and(|before| Arc::ptr_eq(before, kept))
        };
        let changed = registered.len() != state.kept.len() || !registered.iter().all(same);
        state.kept = registered;
        changed
    }

    /// What was registered, here or by other nodes.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn read(&self) -> Result<Registrations, tradewind_store::Error> {
        let mut found = Registrations::new();
        let mut from = HEADS.0.to_vec();
        loop {
            let page = self.changes.scan(&from, HEADS.1, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(found);
            };
            from = [last, &[0][..]].concat();
            for (key, head) in &page {
                let Some(key) = kept::key_of(key) else {
                    continue;
                };
                let head: Head = match serde_json::from_slice(head) {
                    Ok(head) => head,
                    Err(error) => {
                        unreadable(&key, &error.to_string());
                        continue;
                    }
                };
                // Every change of a schema changes its head.
                let known = self.state().kept.get(&key).cloned();
                let kept = match known.filter(|known| known.head == head) {
                    Some(known) => Some(known),
                    None => self.restore(&key, head).await?,
                };
                found.extend(kept.map(|kept| (key, kept)));
            }
        }
    }

    async fn restore(
        &self,
        key: &Key,
        head: Head,
    ) -> Result<Option<Arc<Kept>>, tradewind_store::Error> {
        let mut registered = match head.begin(key.0.as_deref()) {
            Ok(registered) => registered,
            Err(reason) => {
                unreadable(key, &reason);
                return Ok(None);
            }
        };
        let mut created_ms = Vec::new();
        let (mut from, to) = kept::bodies(key);
        loop {
            let page = self.changes.scan(&from, &to, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            from = [last, &[0][..]].concat().into();
            for (at, body) in &page {
                let body = serde_json::from_slice::<Body>(body).map_err(|e| e.to_string());
                let restored = body.and_then(|body| {
                    let number = kept::number_of(at).ok_or("no number")?;
                    registered
                        .restore(number, body.definition(), body.dataschema.clone())
                        .map_err(|invalid| invalid.to_string())?;
                    created_ms.push(body.created_ms);
                    Ok(())
                });
                // It stays where it is: a release that reads it finds it again.
                if let Err(reason) = restored {
                    unreadable(key, &reason);
                }
            }
        }
        Ok(Some(Arc::new(Kept {
            head,
            registered,
            created_ms,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All schemas, the configured ones first.
    pub(crate) fn all(&self, checked: &Checked) -> Vec<Shown> {
        let state = self.state();
        let configured = checked.schemas.iter().map(|(name, loaded)| {
            let subject = state.subjects.get(name).filter(|_| loaded.from.is_some());
            Shown {
                name: name.clone(),
                from: match loaded.from {
                    Some(_) => "registry",
                    None => "configuration",
                },
                registered: subject
                    .map_or(&loaded.registered, |s| &s.registered)
                    .clone(),
                owner: loaded.owner.clone(),
                why: loaded.why.clone(),
                kept: None,
                subject: subject.cloned(),
                shadowed: false,
            }
        });
        let registered = state.kept.iter().map(|(key, kept)| Shown {
            name: key.1.clone(),
            from: "registered",
            registered: kept.registered.clone(),
            owner: kept.head.owner.clone(),
            why: kept.head.why.clone(),
            kept: Some(Arc::clone(kept)),
            subject: None,
            shadowed: configured_as(checked, key).is_some(),
        });
        configured.chain(registered).collect()
    }

    /// What events are held against, with these subjects in place of those that are known.
    pub(super) fn held_with(&self, checked: &Checked, subjects: &Subjects) -> Arc<Schemas> {
        let kept = self.state().kept.clone();
        let configured = checked.schemas.iter().map(|(name, loaded)| {
            let subject = subjects.get(name).filter(|_| loaded.from.is_some());
            (name, subject.map_or(&loaded.registered, |s| &s.registered))
        });
        let registered = kept
            .iter()
            .filter(|(key, _)| configured_as(checked, key).is_none())
            .map(|(key, kept)| (&key.1, &kept.registered));
        Arc::new(Schemas::new(configured.chain(registered)))
    }

    /// What events are held against.
    pub(super) fn held(&self, checked: &Checked) -> Arc<Schemas> {
        let subjects = self.state().subjects.clone();
        self.held_with(checked, &subjects)
    }

    /// How the last question for a configured schema went.
    pub(crate) fn asked(&self, name: &str) -> Option<Asked> {
        self.state().asked.get(name).cloned()
    }
}

/// The configured schema that has this name in this space.
fn configured_as<'c>(checked: &'c Checked, (space, name): &Key) -> Option<&'c LoadedSchema> {
    let loaded = checked.schemas.get(name)?;
    (loaded.registered.space == *space).then_some(loaded)
}

fn unreadable((space, name): &Key, reason: &str) {
    let space = space.as_deref().unwrap_or_default();
    tracing::error!(
        space,
        schema = name,
        reason,
        "a registered schema is not in force: it cannot be read"
    );
}
