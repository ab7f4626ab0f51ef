//! A version is registered: checked first, kept second, in force third.

use super::kept::{Body, Bound, Head, Kept};
use super::{Key, Registrar, configured_as};
use crate::run::Gateway;
use crate::run::changes::TRIES;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use tradewind_config::{Checked, is_name};
use tradewind_schema::{Action, Compatibility, Definition, InvalidSchema};
use tradewind_store::Error as Store;

/// Most schemas of a space, or of the gateway itself.
const SCHEMAS_MAX: usize = 1000;
/// Most versions of a schema.
const VERSIONS_MAX: usize = 100;
/// Most bytes of text of a space, or of the gateway itself.
const SPACE_BYTES_MAX: usize = 16 << 20;
/// Most bytes of text of all.
const BYTES_MAX: usize = 256 << 20;
/// Most entries of `events`.
const EVENTS_MAX: usize = 100;
/// Longest value of a key, in bytes.
const TEXT_MAX: usize = 1024;

/// What is asked for: a version, and what is said of a schema with its first one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Wanted {
    /// Its text, or the schema itself as a value.
    pub(crate) schema: Box<RawValue>,
    pub(crate) message: Option<String>,
    pub(crate) dataschema: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) compatibility: Option<Compatibility>,
    pub(crate) events: Option<Vec<Bound>>,
    pub(crate) on_failure: Option<Action>,
    pub(crate) owner: Option<String>,
    pub(crate) why: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The version.
    pub(crate) version: u32,
    /// Whether it is new; else the newest one is the same.
    pub(crate) created: bool,
}

/// Why nothing was changed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no such thing.
    NotFound(String),
    /// The configuration says it.
    ReadOnly(&'static str),
    /// The key says something else than it did with the first version.
    Differs(&'static str),
    /// The version breaks what it owes to earlier ones.
    Incompatible(Vec<String>),
    /// Another version has this `dataschema`.
    Taken(String),
    /// There are too many already.
    Full(String),
    /// The schema does not compile, or costs too much.
    Invalid(InvalidSchema),
    /// The request makes no sense.
    Wrong(String),
    /// It is not kept, and not in force.
    Store(tradewind_store::Error),
    /// Something of ours failed.
    Failed(String),
}

impl From<tradewind_store::Error> for Trouble {
    fn from(error: tradewind_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Registrar {
    /// Registers a version. It is durable and in force when this returns.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) async fn register(
        &self,
        gateway: &Gateway,
        key: &Key,
        wanted: Wanted,
    ) -> Result<Outcome, Trouble> {
        let _turn = self.turn.lock().await;
        sound(key, &wanted)?;
        let mut left = TRIES;
        loop {
            match self.try_register(gateway, key, wanted.clone()).await {
                Err(Trouble::Store(Store::Outdated)) if left > 0 => catch_up(gateway).await?,
                done => return done,
            }
            left -= 1;
        }
    }

    async fn try_register(
        &self,
        gateway: &Gateway,
        key: &Key,
        wanted: Wanted,
    ) -> Result<Outcome, Trouble> {
        let before = {
            let config = gateway.config.load();
            writable(&config.checked, key)?;
            self.state().kept.get(key).cloned()
        };
        let (of, now_ms) = (key.clone(), gateway.clock.unix_ms());
        // Compiling takes up to 50 ms, and a comparison with each earlier version as long.
        let known = before.clone();
        // What is there already needs no room; what has none is not worth that time.
        let room = self.room(key);
        let made =
            tokio::task::spawn_blocking(move || make(before.as_deref(), &of, wanted, now_ms, room));
        let made = made.await.map_err(|e| Trouble::Failed(e.to_string()))??;
        let (kept, body, number) = match made {
            Made::Same(version) => {
                return Ok(Outcome {
                    version,
                    created: false,
                });
            }
            Made::New(kept, body, number) => (kept, body, number),
        };
        let _alone = gateway.reloading.lock().await;
        self.unchanged(key, known.as_ref())?;
        {
            let config = gateway.config.load();
            writable(&config.checked, key)?;
            self.own_id(&config.checked, key, body.dataschema.as_deref())?;
        }
        let ops = vec![kept.head.put(key)?, body.put(key, number)?];
        self.changes.write(ops).await?;
        self.state().kept.insert(key.clone(), Arc::new(*kept));
        self.put_in_force(gateway);
        Ok(Outcome {
            version: number,
            created: true,
        })
    }

    /// Refuses to go on from what is not in force any more.
    pub(super) fn unchanged(&self, key: &Key, known: Option<&Arc<Kept>>) -> Result<(), Trouble> {
        let state = self.state();
        let same = match (state.kept.get(key), known) {
            (Some(now), Some(known)) => Arc::ptr_eq(now, known),
            (None, None) => true,
            _ => false,
        };
        match same {
            true => Ok(()),
            false => Err(Trouble::Store(Store::Outdated)),
        }
    }

    /// From now on events are held against what is known here. The caller has the lock of reloads.
    pub(in crate::run) fn put_in_force(&self, gateway: &Gateway) {
        let held = self.held(&gateway.config.load().checked);
        gateway.engine.hold_against(held);
    }

    fn room(&self, key: &Key) -> Result<(), Trouble> {
        let state = self.state();
        let full = |what: String| Err(Trouble::Full(what));
        if let Some(kept) = state.kept.get(key)
            && kept.registered.versions.len() >= VERSIONS_MAX
        {
            return full(format!("the schema has {VERSIONS_MAX} versions already"));
        }
        let own = || state.kept.iter().filter(|((space, _), _)| *space == key.0);
        if !state.kept.contains_key(key) && own().count() >= SCHEMAS_MAX {
            return full(format!("there are {SCHEMAS_MAX} schemas already"));
        }
        let sizes = own().map(|(_, kept)| kept.size());
        if sizes.sum::<usize>() + tradewind_schema::TEXT_MAX > SPACE_BYTES_MAX {
            return full(format!(
                "the schemas have {} MiB of text already",
                SPACE_BYTES_MAX >> 20
            ));
        }
        let sizes = state.kept.values().map(|kept| kept.size());
        if sizes.sum::<usize>() + tradewind_schema::TEXT_MAX > BYTES_MAX {
            return full("the gateway has no room for more schemas".into());
        }
        Ok(())
    }

    /// Of one `dataschema` there is one version, among those that an event can be held against.
    fn own_id(&self, checked: &Checked, key: &Key, id: Option<&str>) -> Result<(), Trouble> {
        let Some(id) = id else { return Ok(()) };
        for shown in self.all(checked) {
            let apart = match (&shown.registered.space, &key.0) {
                (Some(theirs), Some(ours)) => theirs != ours,
                // What belongs to a space is nobody else's to know.
                (Some(_), None) => true,
                (None, _) => false,
            };
            let mut versions = shown.registered.versions.iter();
            let has = versions.find(|version| version.dataschema.as_deref() == Some(id));
            if let Some(version) = has.filter(|_| !apart) {
                let (name, number) = (&shown.name, version.number);
                return Err(Trouble::Taken(format!(
                    "`{id}` is the dataschema of {name}/{number} already"
                )));
            }
        }
        Ok(())
    }
}

/// Puts in force what other nodes have changed, before something is tried again.
pub(super) async fn catch_up(gateway: &Gateway) -> Result<(), Trouble> {
    let caught_up = gateway.catch_up().await;
    caught_up.map_err(|error| Trouble::Failed(error.to_string()))
}

/// What the configuration says is changed there.
pub(super) fn writable(checked: &Checked, key: &Key) -> Result<(), Trouble> {
    match configured_as(checked, key) {
        Some(loaded) if loaded.from.is_some() => Err(Trouble::ReadOnly("registry")),
        Some(_) => Err(Trouble::ReadOnly("configuration")),
        None => Ok(()),
    }
}

fn sound((_, name): &Key, wanted: &Wanted) -> Result<(), Trouble> {
    if !is_name(name) {
        return Err(Trouble::Wrong(format!(
            "`{name}` cannot be the name of a schema: names have 1 to 63 characters out of a-z, 0-9 and -"
        )));
    }
    let events = wanted.events.as_deref().unwrap_or_default();
    if events.len() > EVENTS_MAX {
        return Err(Trouble::Wrong(format!(
            "`events` has more than {EVENTS_MAX} entries"
        )));
    }
    let of_events = events.iter().flat_map(|bound| {
        [
            ("events.type", Some(&bound.ty)),
            ("events.source", bound.source.as_ref()),
        ]
    });
    let own = [
        ("message", wanted.message.as_ref()),
        ("dataschema", wanted.dataschema.as_ref()),
        ("owner", wanted.owner.as_ref()),
        ("why", wanted.why.as_ref()),
    ];
    for (key, text) in own.into_iter().chain(of_events) {
        let Some(text) = text else { continue };
        if text.is_empty() || text.len() > TEXT_MAX || text.contains(char::is_control) {
            return Err(Trouble::Wrong(format!(
                "`{key}` is a line of 1 to {TEXT_MAX} bytes"
            )));
        }
    }
    Ok(())
}

enum Made {
    /// The newest version is the same.
    Same(u32),
    New(Box<Kept>, Body, u32),
}

fn make(
    before: Option<&Kept>,
    key: &Key,
    wanted: Wanted,
    now_ms: u64,
    room: Result<(), Trouble>,
) -> Result<Made, Trouble> {
    let text = match serde_json::from_str::<String>(wanted.schema.get()) {
        Ok(text) => text,
        Err(_) => wanted.schema.get().to_owned(),
    };
    let definition = Definition {
        text,
        message: wanted.message.clone(),
        ..Definition::default()
    };
    let mut kept = match before {
        Some(before) => {
            same(&before.head, &wanted)?;
            before.clone()
        }
        None => {
            let head = Head {
                format: wanted.format.unwrap_or_else(|| "json-schema".into()),
                compatibility: wanted.compatibility.unwrap_or_default(),
                on_failure: wanted.on_failure.unwrap_or_default(),
                events: wanted.events.unwrap_or_default(),
                owner: wanted.owner,
                why: wanted.why,
                next: 1,
                epoch: 0,
                modified_ms: now_ms,
                deprecated: None,
            };
            let registered = head.begin(key.0.as_deref()).map_err(Trouble::Wrong)?;
            Kept {
                head,
                registered,
                created_ms: Vec::new(),
            }
        }
    };
    let newest = kept.registered.versions.last();
    if let Some(newest) = newest
        && *newest.definition == definition
        && newest.dataschema == wanted.dataschema
    {
        return Ok(Made::Same(newest.number));
    }
    room?;
    let compiled = kept.registered.compiles(&definition);
    compiled.map_err(Trouble::Invalid)?;
    let violations = kept.registered.violations(&definition);
    if !violations.is_empty() {
        return Err(Trouble::Incompatible(violations));
    }
    let number = kept.head.next;
    let body = Body {
        text: definition.text.clone(),
        message: definition.message.clone(),
        references: Vec::new(),
        dataschema: wanted.dataschema.clone(),
        created_ms: now_ms,
    };
    let added = kept
        .registered
        .restore(number, definition, wanted.dataschema);
    added.map_err(Trouble::Invalid)?;
    kept.created_ms.push(now_ms);
    kept.head.next = number.saturating_add(1);
    kept.head.epoch += 1;
    kept.head.modified_ms = now_ms;
    Ok(Made::New(Box::new(kept), body, number))
}

/// What a schema says of itself is said with its first version: who relies on it is not surprised by a later one.
fn same(head: &Head, wanted: &Wanted) -> Result<(), Trouble> {
    let differs = [
        (
            "format",
            wanted.format.as_ref().is_some_and(|it| *it != head.format),
        ),
        (
            "compatibility",
            wanted
                .compatibility
                .is_some_and(|it| it != head.compatibility),
        ),
        (
            "events",
            wanted.events.as_ref().is_some_and(|it| *it != head.events),
        ),
        (
            "on-failure",
            wanted.on_failure.is_some_and(|it| it != head.on_failure),
        ),
        (
            "owner",
            wanted.owner.is_some() && wanted.owner != head.owner,
        ),
        ("why", wanted.why.is_some() && wanted.why != head.why),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((key, _)) => Err(Trouble::Differs(key)),
        None => Ok(()),
    }
}
