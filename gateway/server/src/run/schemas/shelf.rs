//! Schemas by their numbers, for sources that open frames: asked for once, and kept.

use super::origin::{self, NotRead};
use crate::admin::Metrics;
use async_trait::async_trait;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_adapter::{Error, ErrorKind, Fetch, FramedData, Frames, Unframed, Unopened};
use tradewind_config::SchemaRegistry;
use tradewind_schema::confluent::{self, ANSWER_MAX, Frame, HEAD};
use tradewind_schema::{Form, Writer};

/// Most schemas that are kept of one registry, and most bytes of their texts. Those that were used last stay.
const KEPT_MAX: (usize, usize) = (1_000, 16 << 20);
/// Most numbers that are known to have no schema that can be read by, and for how long that counts.
const LACKING_MAX: usize = 10_000;
const LACKING_STAYS: Duration = Duration::from_secs(60);
/// A producer registers its schema just before it writes, and the replica that is asked may learn of it a moment
/// later: a number that is not there is asked for again after this time, once in [`LACKING_STAYS`].
const LATER: Duration = Duration::from_secs(2);
/// What every registry answers.
const ANYTHING: &str = "/schemas/types";

/// One shelf for each registry of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Shelves(Mutex<BTreeMap<String, Arc<Shelf>>>);

impl Shelves {
    /// Takes the registries of a configuration. What is known of those that stay as they are is kept.
    pub(crate) fn take(
        &self,
        registries: &BTreeMap<String, SchemaRegistry>,
        metrics: &Arc<Metrics>,
    ) {
        let mut shelves = locked(&self.0);
        let mut before = std::mem::take(&mut *shelves);
        for (name, settings) in registries {
            let known = before.remove(name);
            let shelf = known.filter(|shelf| shelf.settings == *settings);
            let shelf = shelf.unwrap_or_else(|| {
                Arc::new(Shelf {
                    name: name.clone(),
                    settings: settings.clone(),
                    metrics: Arc::clone(metrics),
                    client: OnceLock::new(),
                    turn: tokio::sync::Mutex::default(),
                    known: Mutex::default(),
                })
            });
            shelves.insert(name.clone(), shelf);
        }
    }
}

#[async_trait]
impl Frames for Shelves {
    async fn open(
        &self,
        registry: &str,
        framed: &Bytes,
        data: FramedData,
        max: usize,
    ) -> Result<Unframed, Unopened> {
        let shelf = locked(&self.0).get(registry).cloned();
        let shelf = shelf.ok_or_else(|| {
            let message = format!("no schema registry is called `{registry}`");
            Unopened::NotNow(Error::new(ErrorKind::ConfigInvalid, "open", message))
        })?;
        let frame =
            Frame::read(framed).map_err(|not| Unopened::Never(format!("no frame: {not}")))?;
        // Nobody is asked for what would not be taken.
        if framed.len() > max.saturating_add(HEAD) {
            let size = frame.body.len();
            let large = format!("{size} bytes, where an event has at most {max}");
            return Err(Unopened::Never(large));
        }
        // Registries count with 31 bits; they refuse to be asked for more.
        if i32::try_from(frame.id).is_err() {
            let never = format!("no frame: {} is no number of a schema", frame.id);
            return Err(Unopened::Never(never));
        }
        let writer = shelf.writer(frame.id).await?;
        let form = match data {
            FramedData::Json => Form::Json,
            FramedData::Bytes => Form::Bytes,
        };
        let read = writer.read(frame.body, form, max).map_err(|violation| {
            Unopened::Never(format!("{}: {violation}", shelf.called(frame.id)))
        })?;
        let mut schema = shelf.url(&confluent::path_of(frame.id));
        if let Some(message) = read.message {
            schema.push('#');
            schema.push_str(&message);
        }
        Ok(Unframed {
            data: match read.bytes {
                Cow::Borrowed(slice) => framed.slice_ref(slice),
                Cow::Owned(made) => made.into(),
            },
            content_type: read.media_type,
            schema,
        })
    }
}

/// What is known of one registry.
#[derive(Debug)]
struct Shelf {
    name: String,
    settings: SchemaRegistry,
    metrics: Arc<Metrics>,
    client: OnceLock<Arc<dyn Fetch>>,
    /// Many frames of one new schema ask for it once.
    turn: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    schemas: HashMap<u32, Kept>,
    /// Bytes of their texts.
    size: usize,
    /// Counts uses.
    uses: u64,
    /// Numbers without one, since when that is known, and why.
    lacking: HashMap<u32, (Instant, String)>,
    /// When a number that is not there was looked into last.
    doubted: Option<Instant>,
}

#[derive(Debug)]
struct Kept {
    writer: Writer,
    size: usize,
    used: u64,
}

/// Why there is no schema of a number.
#[derive(Debug)]
enum Lack {
    Unknown,
    Unreadable(String),
    /// There would be none of another number either.
    Away(String),
}

impl Shelf {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.url)
    }

    fn called(&self, id: u32) -> String {
        format!("schema {id} of the registry `{}`", self.name)
    }

    async fn writer(&self, id: u32) -> Result<Writer, Unopened> {
        if let Some(known) = self.known(id) {
            return known;
        }
        let _turn = self.turn.lock().await;
        if let Some(known) = self.known(id) {
            return known;
        }
        let asked = tokio::time::timeout(origin::SUBJECT_TIME, self.ask(id)).await;
        let asked = asked.unwrap_or_else(|_| Err(Lack::Away("no answer in time".into())));
        let outcome = match &asked {
            Ok(_) => "found",
            Err(Lack::Unreadable(_)) => "unreadable",
            Err(Lack::Unknown) => "unknown",
            Err(Lack::Away(_)) => "failed",
        };
        self.metrics.schema_asked(&self.name, outcome);
        let why = match asked {
            Ok((writer, size)) => {
                locked(&self.known).keep(id, writer.clone(), size);
                return Ok(writer);
            }
            Err(Lack::Away(reason)) => return Err(self.not_now(reason)),
            Err(Lack::Unknown) => "is not there".into(),
            Err(Lack::Unreadable(reason)) => format!("cannot be read by: {reason}"),
        };
        let never = self.never(id, &why);
        locked(&self.known).keep_lacking(id, why);
        Err(never)
    }

    /// What is known without a question.
    fn known(&self, id: u32) -> Option<Result<Writer, Unopened>> {
        let mut known = locked(&self.known);
        if let Some(why) = known.lacks(id) {
            return Some(Err(self.never(id, why)));
        }
        known.find(id).map(Ok)
    }

    fn never(&self, id: u32, why: &str) -> Unopened {
        Unopened::Never(format!("{} {why}", self.called(id)))
    }

    fn not_now(&self, reason: String) -> Unopened {
        let message = format!("the registry `{}` gives no schemas: {reason}", self.name);
        Unopened::NotNow(Error::new(ErrorKind::Unavailable, "open", message))
    }

    /// Asks for a schema. Gives the bytes of its text, too.
    async fn ask(&self, id: u32) -> Result<(Writer, usize), Lack> {
        let client = self.client().map_err(Lack::Away)?;
        let mut found = self.get(&*client, id).await;
        match &found {
            Err(Lack::Unknown) if !locked(&self.known).has_doubted() => {
                self.answers(&*client).await?;
                tokio::time::sleep(LATER).await;
                locked(&self.known).doubted = Some(Instant::now());
                found = self.get(&*client, id).await;
            }
            Err(Lack::Unreadable(_)) => self.answers(&*client).await?,
            _ => {}
        }
        let gathered = origin::gather(&*client, &self.settings.url, found?).await;
        let (format, definition) = gathered.map_err(|not| match not {
            NotRead { reason, out: true } => Lack::Away(reason),
            NotRead { reason, .. } => Lack::Unreadable(reason),
        })?;
        let size = definition.size();
        let made = tokio::task::spawn_blocking(move || Writer::new(format, &definition)).await;
        let made = made.map_err(|error| Lack::Away(error.to_string()))?;
        let writer = made.map_err(|invalid| Lack::Unreadable(invalid.to_string()))?;
        Ok((writer, size))
    }

    /// Whether it is a registry that has nothing for a number: where another server answers, or nobody is let in, it is
    /// not for the records to suffer for.
    async fn answers(&self, client: &dyn Fetch) -> Result<(), Lack> {
        let answer = client.get(&self.url(ANYTHING), ANSWER_MAX).await;
        let read = answer
            .map_err(|error| error.message().to_owned())
            .and_then(|answer| {
                let read = serde_json::from_slice::<Vec<String>>(&answer.body);
                read.map_err(|error| error.to_string())
            });
        read.map(drop)
            .map_err(|reason| Lack::Away(format!("it does not answer {ANYTHING}: {reason}")))
    }

    async fn get(&self, client: &dyn Fetch, id: u32) -> Result<confluent::Schema, Lack> {
        let url = self.url(&confluent::path_of(id));
        let answer = client.get(&url, ANSWER_MAX).await.map_err(|error| {
            let reason = error.message().to_owned();
            match error.kind() {
                ErrorKind::NotFound => Lack::Unknown,
                // Refused, or more than is taken of an answer.
                ErrorKind::Unexpected => Lack::Unreadable(reason),
                _ => Lack::Away(reason),
            }
        })?;
        confluent::Schema::read(&answer.body).map_err(Lack::Unreadable)
    }

    fn client(&self) -> Result<Arc<dyn Fetch>, String> {
        if let Some(client) = self.client.get() {
            return Ok(Arc::clone(client));
        }
        let client = origin::client(&self.settings)?;
        Ok(Arc::clone(self.client.get_or_init(|| client)))
    }
}

impl Known {
    fn find(&mut self, id: u32) -> Option<Writer> {
        self.uses += 1;
        let kept = self.schemas.get_mut(&id)?;
        kept.used = self.uses;
        Some(kept.writer.clone())
    }

    fn keep(&mut self, id: u32, writer: Writer, size: usize) {
        let (most, bytes) = KEPT_MAX;
        while self.schemas.len() >= most || (self.size + size > bytes && !self.schemas.is_empty()) {
            let oldest = self.schemas.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            if let Some(gone) = self.schemas.remove(&oldest) {
                self.size -= gone.size;
            }
        }
        self.size += size;
        let used = self.uses;
        let kept = Kept { writer, size, used };
        if let Some(before) = self.schemas.insert(id, kept) {
            self.size -= before.size;
        }
    }

    /// Why there is none of a number, where that is known.
    fn lacks(&self, id: u32) -> Option<&str> {
        let (since, why) = self.lacking.get(&id)?;
        (since.elapsed() < LACKING_STAYS).then_some(why)
    }

    fn keep_lacking(&mut self, id: u32, why: String) {
        if self.lacking.len() >= LACKING_MAX {
            self.lacking
                .retain(|_, (since, _)| since.elapsed() < LACKING_STAYS);
        }
        if self.lacking.len() >= LACKING_MAX {
            self.lacking.clear();
        }
        self.lacking.insert(id, (Instant::now(), why));
    }

    /// Whether a number that is not there was looked into a short while ago.
    fn has_doubted(&self) -> bool {
        self.doubted.is_some_and(|at| at.elapsed() < LACKING_STAYS)
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(feature = "http")]
mod tests;
