//! Schemas that are read from a registry: asked for where nothing is known of them, kept for the time that the
//! registry is out.

use super::change::stamp;
use super::{Registrar, Subjects};
use crate::run::Gateway;
use bytes::Bytes;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{ErrorKind, Fetch};
use tradewind_config::{Checked, LoadedSchema, SchemaOrigin, SchemaRegistry};
use tradewind_schema::confluent::{self, ANSWER_MAX, DEPTH_MAX};
use tradewind_schema::{
    Compatibility, Definition, REFERENCES_MAX, Reference, Registered, TEXT_MAX,
};
use tradewind_store::Op;

/// Where what was read is kept; `g` comes after all of it.
const COPIES: (&[u8], &[u8]) = (b"f/", b"f0");
/// Most that are looked at for those that nobody names any more.
const COPIES_MAX: usize = 10_000;
/// Longest time of a schema with all that it refers to.
pub(super) const SUBJECT_TIME: Duration = Duration::from_secs(60);

/// A configured schema, as a registry has it.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) copy: Copy,
    pub(crate) registered: Registered,
}

/// What a registry said, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Copy {
    pub(crate) url: String,
    pub(crate) version: u32,
    pub(crate) format: String,
    pub(crate) text: String,
    pub(crate) references: Vec<Reference>,
    pub(crate) fetched_ms: u64,
}

/// How the last question for a schema went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) at_ms: u64,
    /// Why there was no answer to take; `None` where there was.
    pub(crate) failure: Option<String>,
}

/// Why a registry gave nothing.
#[derive(Debug)]
pub(super) struct NotRead {
    pub(super) reason: String,
    /// It would give nothing else either, just now.
    pub(super) out: bool,
}

impl Copy {
    /// Whether both say the same.
    pub(super) fn same(&self, other: &Self) -> bool {
        (self.version, &self.format, &self.text, &self.references)
            == (other.version, &other.format, &other.text, &other.references)
    }

    fn definition(&self, message: Option<&String>) -> Definition {
        Definition {
            text: self.text.clone(),
            message: message.cloned(),
            references: self.references.clone(),
        }
    }
}

/// A configured schema with the version that a registry gave.
pub(super) fn build(
    loaded: &LoadedSchema,
    origin: &SchemaOrigin,
    copy: Copy,
) -> Result<Subject, String> {
    if let Some(format) = origin.format.filter(|format| *format != copy.format) {
        return Err(format!("it is {}, and not {format}", copy.format));
    }
    let said = &loaded.registered;
    let registered = Registered::new(&copy.format, said.compatibility, said.on_failure);
    let mut registered = registered.map_err(|invalid| invalid.to_string())?;
    registered.bindings.clone_from(&said.bindings);
    registered.space.clone_from(&said.space);
    let subject = &origin.subject;
    registered
        .restore(
            copy.version,
            copy.definition(subject.message.as_ref()),
            subject.dataschema.clone(),
        )
        .map_err(|invalid| invalid.to_string())?;
    Ok(Subject { copy, registered })
}

/// The same, where it may take the place of what was known.
pub(super) fn succeed(
    loaded: &LoadedSchema,
    origin: &SchemaOrigin,
    known: Option<&Registered>,
    copy: Copy,
) -> Result<Subject, String> {
    let subject = build(loaded, origin, copy)?;
    let new = subject.registered.versions.last();
    // What is written of compatibility may have changed since.
    let owed = known.zip(new).and_then(|(known, new)| {
        let mut known = known.clone();
        known.compatibility = loaded.registered.compatibility;
        let same = known.format == subject.registered.format;
        let owed = || known.violations(&new.definition).into_iter().next();
        match same || known.compatibility == Compatibility::None {
            true => owed(),
            false => Some("it is in another language".to_owned()),
        }
    });
    match owed {
        Some(owed) => Err(format!("version {}: {owed}", subject.copy.version)),
        None => Ok(subject),
    }
}

/// Reads a subject with all that it refers to.
pub(super) async fn read(
    client: &dyn Fetch,
    settings: &SchemaRegistry,
    origin: &SchemaOrigin,
    now_ms: u64,
) -> Result<Copy, NotRead> {
    let reading = whole(client, settings, origin, now_ms);
    match tokio::time::timeout(SUBJECT_TIME, reading).await {
        Ok(read) => read,
        Err(_) => Err(NotRead {
            reason: format!("not read within {} s", SUBJECT_TIME.as_secs()),
            out: true,
        }),
    }
}

async fn whole(
    client: &dyn Fetch,
    settings: &SchemaRegistry,
    origin: &SchemaOrigin,
    now_ms: u64,
) -> Result<Copy, NotRead> {
    let wanted = &origin.subject;
    let version = wanted.version.number();
    let subject = one(client, &settings.url, &wanted.subject, version).await?;
    let (format, definition) = gather(client, &settings.url, subject.schema).await?;
    Ok(Copy {
        url: settings.url.clone(),
        version: subject.version,
        format: format.into(),
        text: definition.text,
        references: definition.references,
        fetched_ms: now_ms,
    })
}

async fn one(
    client: &dyn Fetch,
    url: &str,
    subject: &str,
    version: Option<u32>,
) -> Result<confluent::Subject, NotRead> {
    let url = format!("{url}{}", confluent::path(subject, version));
    let answer = client.get(&url, ANSWER_MAX).await;
    let answer = answer.map_err(|error| NotRead {
        out: !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unexpected),
        reason: error.message().to_owned(),
    })?;
    let read = confluent::Subject::read(&answer.body);
    read.map_err(|reason| NotRead { reason, out: false })
}

/// A schema that the registry at this address gave, with its language and all that it refers to.
pub(super) async fn gather(
    client: &dyn Fetch,
    url: &str,
    first: confluent::Schema,
) -> Result<(&'static str, Definition), NotRead> {
    let wrong = |reason: String| NotRead { reason, out: false };
    let format = first.format().map_err(wrong)?;
    let mut definition = Definition {
        text: first.text,
        ..Definition::default()
    };
    let mut size = definition.text.len();
    let mut seen = HashSet::new();
    let referred = first.references.into_iter().flatten();
    let mut waiting: VecDeque<_> = referred.map(|referred| (referred, 1)).collect();
    while let Some((referred, depth)) = waiting.pop_front() {
        let which = (referred.subject.clone(), referred.version);
        if definition
            .references
            .iter()
            .any(|known| known.name == referred.name)
        {
            match seen.contains(&(referred.name.clone(), which)) {
                true => continue,
                false => {
                    let name = referred.name;
                    return Err(wrong(format!("two documents are called `{name}` in it")));
                }
            }
        }
        if depth > DEPTH_MAX || definition.references.len() == REFERENCES_MAX {
            return Err(wrong(format!(
                "it refers to more than {REFERENCES_MAX} documents, or deeper than {DEPTH_MAX}"
            )));
        }
        let subject = one(client, url, &referred.subject, Some(referred.version)).await;
        let schema = subject
            .map(|subject| subject.schema)
            .map_err(|not| NotRead {
                reason: format!(
                    "its reference {}/{}: {}",
                    referred.subject, referred.version, not.reason
                ),
                ..not
            })?;
        if schema.format().map_err(wrong)? != format {
            let reason = format!("its reference {} is in another language", referred.subject);
            return Err(wrong(reason));
        }
        size += schema.text.len();
        if size > TEXT_MAX {
            let reason = format!(
                "with what it refers to, it is larger than {} KiB",
                TEXT_MAX >> 10
            );
            return Err(wrong(reason));
        }
        let next = schema.references.into_iter().flatten();
        waiting.extend(next.map(|referred| (referred, depth + 1)));
        seen.insert((referred.name.clone(), which));
        definition.references.push(Reference {
            name: referred.name,
            text: schema.text,
        });
    }
    Ok((format, definition))
}

/// What asks a registry.
pub(super) fn client(settings: &SchemaRegistry) -> Result<Arc<dyn Fetch>, String> {
    crate::registry::of_schemas(settings).map_err(|error| error.message().to_owned())
}

impl Registrar {
    /// What registries have of all schemas that name one. A registry is asked where nothing is known, and, with
    /// `afresh`, for the latest versions; what was known stands in for one that gives nothing.
    ///
    /// # Errors
    /// A schema cannot be had, with its name.
    pub(crate) async fn resolve(
        &self,
        checked: &Checked,
        now_ms: u64,
        afresh: bool,
    ) -> Result<Subjects, String> {
        let mut by_registry: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (name, loaded) in &checked.schemas {
            if let Some(origin) = &loaded.from {
                let of = by_registry.entry(&origin.subject.name).or_default();
                of.push((name, loaded, origin));
            }
        }
        let all = by_registry.into_iter().filter_map(|(registry, schemas)| {
            let settings = checked.schema_registries.get(registry)?;
            Some(self.resolve_of(settings, schemas, now_ms, afresh))
        });
        let mut subjects = Subjects::new();
        for resolved in join_all(all).await {
            subjects.append(&mut resolved?);
        }
        Ok(subjects)
    }

    async fn resolve_of(
        &self,
        settings: &SchemaRegistry,
        schemas: Vec<(&String, &LoadedSchema, &SchemaOrigin)>,
        now_ms: u64,
        afresh: bool,
    ) -> Result<Subjects, String> {
        let mut subjects = Subjects::new();
        let mut client = None;
        let mut out: Option<String> = None;
        for (name, loaded, origin) in schemas {
            let told = |reason: String| {
                let subject = &origin.subject;
                format!(
                    "schema `{name}`: the registry `{}` does not give subject `{}`: {reason}",
                    subject.name, subject.subject
                )
            };
            let known = self.known(settings, origin).await?;
            let latest = origin.subject.version.number().is_none();
            let mut failure = None;
            let mut found = None;
            if known.is_none() || (afresh && latest) {
                if client.is_none() {
                    client = Some(self::client(settings).map_err(told)?);
                }
                let read = match (&client, out.clone()) {
                    (Some(client), None) => read(&**client, settings, origin, now_ms).await,
                    (_, reason) => Err(NotRead {
                        reason: reason.unwrap_or_default(),
                        out: true,
                    }),
                };
                let read = read.map_err(|not| {
                    out = not.out.then(|| not.reason.clone());
                    not.reason
                });
                let before = known
                    .clone()
                    .and_then(|copy| build(loaded, origin, copy).ok());
                let before = before.as_ref().map(|before| &before.registered);
                match read.and_then(|copy| succeed(loaded, origin, before, copy)) {
                    Ok(subject) => found = Some(subject),
                    Err(reason) => failure = Some(reason),
                }
            }
            let subject = match (found, known) {
                (Some(subject), known) => {
                    if !known.is_some_and(|known| known.same(&subject.copy)) {
                        self.keep(origin, &subject.copy).await?;
                    }
                    subject
                }
                (None, Some(copy)) => {
                    if let Some(reason) = &failure {
                        let since = stamp(copy.fetched_ms);
                        tracing::warn!(schema = %name, reason, since, "what the registry said last stands");
                    }
                    build(loaded, origin, copy).map_err(told)?
                }
                (None, None) => return Err(told(failure.unwrap_or_default())),
            };
            let asked = Asked {
                at_ms: now_ms,
                failure,
            };
            self.state().asked.insert(name.clone(), asked);
            subjects.insert(name.clone(), Arc::new(subject));
        }
        Ok(subjects)
    }

    /// What was read before from this very address.
    async fn known(
        &self,
        settings: &SchemaRegistry,
        origin: &SchemaOrigin,
    ) -> Result<Option<Copy>, String> {
        let kept = self.notes.get(&copy_key(origin)).await;
        let kept = kept.map_err(|error| error.to_string())?;
        let copy = kept.and_then(|kept| serde_json::from_slice::<Copy>(&kept).ok());
        Ok(copy.filter(|copy| copy.url == settings.url))
    }

    /// Durable when it returns.
    pub(super) async fn keep(&self, origin: &SchemaOrigin, copy: &Copy) -> Result<(), String> {
        let value = serde_json::to_vec(copy).map_err(|error| error.to_string())?;
        let put = Op::Put(copy_key(origin), value.into());
        let kept = self.notes.write(vec![put]).await;
        kept.map_err(|error| error.to_string())
    }

    /// Puts subjects in force that [`Registrar::resolve`] gave.
    pub(crate) fn adopt(&self, subjects: Subjects) {
        self.state().subjects = subjects;
    }

    /// Forgets what was read for schemas that are not there any more.
    pub(crate) async fn keep_named(&self, checked: &Checked) -> Result<(), tradewind_store::Error> {
        let named = checked
            .schemas
            .values()
            .filter_map(|schema| schema.from.as_ref());
        let named: HashSet<Bytes> = named.map(copy_key).collect();
        let all = self.notes.scan(COPIES.0, COPIES.1, COPIES_MAX).await?;
        let gone = all.into_iter().filter(|(key, _)| !named.contains(key));
        let gone: Vec<Op> = gone.map(|(key, _)| Op::Delete(key)).collect();
        match gone.is_empty() {
            true => Ok(()),
            false => self.notes.write(gone).await,
        }
    }
}

fn copy_key(origin: &SchemaOrigin) -> Bytes {
    let subject = &origin.subject;
    let version = match subject.version.number() {
        Some(number) => number.to_string(),
        None => "latest".into(),
    };
    format!("f/{}/{version}/{}", subject.name, subject.subject).into()
}

impl Gateway {
    /// The configured schema as it is now, where it is still read from there.
    pub(super) fn reads(&self, name: &str, origin: &SchemaOrigin) -> Option<LoadedSchema> {
        let config = self.config.load();
        let now = config.checked.schemas.get(name)?;
        (now.from.as_ref() == Some(origin)).then(|| now.clone())
    }
}
