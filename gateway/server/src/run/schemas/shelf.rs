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
/// Most numbers that are known to have no schema, and for how long that counts.
const UNKNOWN_MAX: usize = 10_000;
const UNKNOWN_STAYS: Duration = Duration::from_secs(60);
/// A producer registers its schema just before it writes, and the replica that is asked may learn of it a moment
/// later: a number that is not there is asked for again after this time, once in [`UNKNOWN_STAYS`].
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
    unknown: HashMap<u32, Instant>,
    /// When a number without a schema was looked into last.
    doubted: Option<Instant>,
}

#[derive(Debug)]
struct Kept {
    /// What reads by it; else, why it is none that can be read by.
    writer: Result<Writer, String>,
    size: usize,
    used: u64,
}

/// Why there is no schema of a number.
#[derive(Debug)]
enum Lack {
    Unknown,
    Unreadable(String),
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
        let asked = asked.unwrap_or_else(|_| Err(self.not_now("no answer in time".into())));
        let outcome = match &asked {
            Ok(Some((Ok(_), _))) => "found",
            Ok(Some((Err(_), _))) => "unreadable",
            Ok(None) => "unknown",
            Err(_) => "failed",
        };
        self.metrics.schema_asked(&self.name, outcome);
        match asked? {
            Some((writer, size)) => locked(&self.known).keep(id, writer, size),
            None => locked(&self.known).keep_unknown(id),
        }
        self.known(id)
            .unwrap_or_else(|| Err(self.not_now("it was forgotten at once".into())))
    }

    /// What is known without a question.
    fn known(&self, id: u32) -> Option<Result<Writer, Unopened>> {
        let mut known = locked(&self.known);
        if known.is_unknown(id) {
            let never = format!("{} is not there", self.called(id));
            return Some(Err(Unopened::Never(never)));
        }
        let writer = known.find(id)?;
        Some(writer.map_err(|reason| {
            Unopened::Never(format!("{} cannot be read by: {reason}", self.called(id)))
        }))
    }

    fn not_now(&self, reason: String) -> Unopened {
        let message = format!("the registry `{}` gives no schemas: {reason}", self.name);
        Unopened::NotNow(Error::new(ErrorKind::Unavailable, "open", message))
    }

    /// Asks for a schema; `None` where the registry has none of this number. Gives the bytes of its text, too.
    async fn ask(&self, id: u32) -> Result<Option<(Result<Writer, String>, usize)>, Unopened> {
        let client = self.client().map_err(|reason| self.not_now(reason))?;
        let mut found = self.get(&*client, id).await;
        if matches!(found, Err(Lack::Unknown)) && !locked(&self.known).has_doubted() {
            // Where another server answers, it is not for the records to suffer for.
            let there = client.get(&self.url(ANYTHING), ANSWER_MAX).await;
            there.map_err(|error| {
                let reason = format!("it does not answer {ANYTHING}: {}", error.message());
                self.not_now(reason)
            })?;
            tokio::time::sleep(LATER).await;
            locked(&self.known).doubted = Some(Instant::now());
            found = self.get(&*client, id).await;
        }
        let first = match found {
            Ok(first) => first,
            Err(Lack::Unknown) => return Ok(None),
            Err(Lack::Unreadable(reason)) => return Ok(Some((Err(reason), 0))),
            Err(Lack::Away(reason)) => return Err(self.not_now(reason)),
        };
        let gathered = origin::gather(&*client, &self.settings.url, first).await;
        let (format, definition) = match gathered {
            Ok(gathered) => gathered,
            Err(NotRead { reason, out: true }) => return Err(self.not_now(reason)),
            Err(NotRead { reason, .. }) => return Ok(Some((Err(reason), 0))),
        };
        let size = definition.size();
        let made = tokio::task::spawn_blocking(move || Writer::new(format, &definition)).await;
        let made = made.map_err(|error| self.not_now(error.to_string()))?;
        Ok(Some((made.map_err(|invalid| invalid.to_string()), size)))
    }

    async fn get(&self, client: &dyn Fetch, id: u32) -> Result<confluent::Schema, Lack> {
        let url = self.url(&confluent::path_of(id));
        let answer = client.get(&url, ANSWER_MAX).await.map_err(|error| {
            let reason = error.message().to_owned();
            match error.kind() {
                ErrorKind::NotFound => Lack::Unknown,
                // More than is taken of an answer.
                ErrorKind::Unexpected => Lack::Unreadable(reason),
                _ => Lack::Away(reason),
            }
        })?;
        confluent::Schema::read(&answer.body).map_err(Lack::Away)
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
    fn find(&mut self, id: u32) -> Option<Result<Writer, String>> {
        self.uses += 1;
        let kept = self.schemas.get_mut(&id)?;
        kept.used = self.uses;
        Some(kept.writer.clone())
    }

    fn keep(&mut self, id: u32, writer: Result<Writer, String>, size: usize) {
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

    fn is_unknown(&self, id: u32) -> bool {
        let since = self.unknown.get(&id);
        since.is_some_and(|since| since.elapsed() < UNKNOWN_STAYS)
    }

    fn keep_unknown(&mut self, id: u32) {
        if self.unknown.len() >= UNKNOWN_MAX {
            self.unknown
                .retain(|_, since| since.elapsed() < UNKNOWN_STAYS);
        }
        if self.unknown.len() >= UNKNOWN_MAX {
            self.unknown.clear();
        }
        self.unknown.insert(id, Instant::now());
    }

    /// Whether a number without a schema was looked into a short while ago.
    fn has_doubted(&self) -> bool {
        self.doubted.is_some_and(|at| at.elapsed() < UNKNOWN_STAYS)
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(feature = "http")]
mod tests;
