//! Events that were published for later: kept durably beside the streams, appended when their time
//! comes.
//!
//! Until then they are in no stream: position, order, age, filters and deduplication are those of the
//! moment at which they are appended. The time is the time of day, so a stop of the gateway makes
//! them late and never early.

use super::notes::Notes;
use crate::engines::Engines;
use crate::system::refused;
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tradewind_config::Period;
use tradewind_engine::{Clock, Engine, Exceeded, Happening, Origin, PublishError, Receipt, SYSTEM};
use tradewind_event::{Event, Timestamp, packed};
use tradewind_policy::{self as policy, Decision, Facts, Principal, Resource};
use tradewind_store::Op;

/// Attribute: when the event is to be appended, RFC 3339.
pub(crate) const DELIVER_AT: &str = "deliverat";
/// Attribute: after what time, a whole number and `ms`, `s`, `m`, `h` or `d`.
pub(crate) const DELIVER_AFTER: &str = "deliverafter";
/// How far ahead the time of an event may lie.
const HORIZON: Duration = Duration::from_secs(366 * 86_400);
/// Most bytes of events that wait; each space has an equal share.
const BYTES_MAX: u64 = 1 << 30;
/// The least share, in bytes: however many spaces there are, a few events of each may wait.
const SHARE_MIN: u64 = 4 << 20;
/// How soon they are looked at again: the time of day may be set.
const LOOK: Duration = Duration::from_secs(1);
/// Most events that are read at once.
const BATCH: usize = 64;
/// Bytes that a look may read in vain, of events that their streams do not take: the next one comes a [`LOOK`] later
/// for each so many.
const IN_VAIN: u64 = 64 << 20;
/// The first byte of their keys; due time and a digest follow.
const TAG: u8 = b'd';
/// Locks that entries share.
const LOCKS: usize = 32;
/// No due time.
const NEVER: u64 = u64::MAX;

/// Takes events for now and for later.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    engine: Engine,
    clock: Arc<dyn Clock>,
    notes: Notes,
    engines: Arc<Engines>,
    held: Arc<Held>,
}

/// What waits, in figures.
#[derive(Debug, Default)]
struct Held {
    events: AtomicU64,
    bytes: AtomicU64,
    next_ms: AtomicU64,
    /// Bytes by stream: which space a stream belongs to, a reload may change.
    of_streams: std::sync::Mutex<HashMap<String, u64>>,
    /// Of an entry that may still be given up, nobody else is told that it waits.
    locks: [Mutex<()>; LOCKS],
}

/// For the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Delayed {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) next_ms: Option<u64>,
}

/// What stands before the packed event.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    stream: String,
    source: String,
    principal: String,
    /// Of an earlier release, nobody is named.
    #[serde(default)]
    who: Option<String>,
    dedupe_window_ms: Option<u64>,
}

impl Front {
    pub(crate) async fn open(
        engine: Engine,
        clock: Arc<dyn Clock>,
        notes: Notes,
        engines: Arc<Engines>,
    ) -> Result<Self, tradewind_store::Error> {
        let front = Self {
            engine,
            clock,
            notes,
            engines,
            held: Arc::default(),
        };
        front.held.next_ms.store(NEVER, Ordering::Relaxed);
        let mut from = key(0, &[]);
        loop {
            let page = front.notes.scan(&from, &[TAG + 1], BATCH).await?;
            let Some((last, _)) = page.last() else {
                return Ok(front);
            };
            from = after(last);
            for (key, value) in &page {
                front.count(key, value);
            }
        }
    }

    pub(crate) fn delayed(&self) -> Delayed {
        let next = self.held.next_ms.load(Ordering::Relaxed);
        Delayed {
            events: self.held.events.load(Ordering::Relaxed),
            bytes: self.held.bytes.load(Ordering::Relaxed),
            next_ms: (next != NEVER).then_some(next),
        }
    }

    fn count(&self, key: &[u8], value: &[u8]) {
        let bytes = value.len() as u64;
        self.held.events.fetch_add(1, Ordering::Relaxed);
        self.held.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.held.next_ms.fetch_min(due_of(key), Ordering::Relaxed);
        *self.held.streams().entry(stream_of(value)).or_default() += bytes;
    }

    fn discount(&self, value: &[u8]) {
        let bytes = value.len() as u64;
        less(&self.held.events, 1);
        less(&self.held.bytes, bytes);
        let (stream, mut streams) = (stream_of(value), self.held.streams());
        if let Some(held) = streams.get_mut(&stream) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                streams.remove(&stream);
            }
        }
    }

    /// Whether so many bytes more fit into the share of the stream's space. What waits already stays, also where
    /// shares have become smaller.
    fn fits(&self, stream: &str, bytes: u64) -> Result<(), PublishError> {
        let spaces = self.engine.space_count().max(1) as u64;
        let share = (BYTES_MAX / spaces).max(SHARE_MIN);
        let space = self.engine.space_of(stream);
        let streams = self.held.streams();
        let own = streams
            .iter()
            .filter(|(name, _)| self.engine.space_of(name) == space);
        let held: u64 = own.map(|(_, bytes)| *bytes).sum();
        match held.saturating_add(bytes) <= share {
            true => Ok(()),
            false => Err(PublishError::Later {
                reason: format!("too many events of the space `{space}` wait for their time"),
                after: Duration::from_secs(60),
                full: false,
            }),
        }
    }

    async fn lock(&self, entries: &[(Bytes, Bytes)]) -> Vec<MutexGuard<'_, ()>> {
        // The digest ends the key.
        let number = |key: &Bytes| key.last().map_or(0, |byte| usize::from(*byte) % LOCKS);
        let wanted: HashSet<usize> = entries.iter().map(|(key, _)| number(key)).collect();
        let mut guards = Vec::with_capacity(wanted.len());
        // In one order, so that no two batches wait for each other.
        for (number, lock) in self.held.locks.iter().enumerate() {
            if wanted.contains(&number) {
                guards.push(lock.lock().await);
            }
        }
        guards
    }

    /// Appends what is due, and holds what is not. Nothing of the batch is taken where something of
    /// it cannot be.
    pub(crate) async fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        self.take(stream, origin, events, false).await
    }

    /// As [`Front::publish`], for what was let in before: see [`Engine::publish_owed`].
    pub(crate) async fn publish_owed(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        self.take(stream, origin, events, true).await
    }

    async fn append(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
        owed: bool,
    ) -> Result<Vec<Receipt>, PublishError> {
        match owed {
            true => self.engine.publish_owed(stream, origin, events).await,
            false => self.engine.publish(stream, origin, events).await,
        }
    }

    async fn take(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
        owed: bool,
    ) -> Result<Vec<Receipt>, PublishError> {
        if !events.iter().any(asks) {
            return self.append(stream, origin, events, owed).await;
        }
        let now = self.clock.unix_ms();
        let mut dues = Vec::with_capacity(events.len());
        let mut invalid = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let due = match event.validate() {
                Ok(()) => due(event, now),
                Err(error) => Err(error.to_string()),
            };
            match due.map(|due| due.filter(|due| *due > now)) {
                Ok(Some(_)) if !self.waits(stream) => {
                    invalid.push((index, format!(
                        "is for later, and nothing would keep it as safely as the stream `{stream}` is kept: publish it \
                         when it is due, or to a stream in the data directory"
                    )));
                }
                Ok(due) => dues.push(due),
                Err(reason) => invalid.push((index, reason)),
            }
        }
        if !invalid.is_empty() {
            return Err(PublishError::Invalid(invalid));
        }
        self.engine.takes(stream, origin, &events)?;
        let mut at_once = Vec::new();
        let mut later = Vec::new();
        for (event, due) in events.into_iter().zip(&dues) {
            match due {
                Some(due) => later.push(entry(*due, stream, origin, &event)?),
                None => at_once.push(event),
            }
        }
        let receipts = match later.is_empty() {
            true => self.append(stream, origin, at_once, owed).await?,
            false => {
                let (front, stream, origin) = (self.clone(), stream.to_owned(), origin.clone());
                // To its end, also when whoever asked goes away: what is written is counted.
                let both = tokio::spawn(async move {
                    front.both(&stream, &origin, at_once, &later, owed).await
                });
                both.await
                    .map_err(|error| PublishError::Unavailable(error.to_string()))??
            }
        };
        let mut receipts = receipts.into_iter();
        let waits = |due: u64| Receipt {
            position: String::new(),
            duplicate: false,
            matched: 0,
            due_ms: Some(due),
        };
        Ok(dues
            .iter()
            .filter_map(|due| due.map(waits).or_else(|| receipts.next()))
            .collect())
    }

    /// Whether events of a stream may wait here: what waits is as safe as the data directory, and no safer.
    fn waits(&self, stream: &str) -> bool {
        let engine = self.engines.of(stream);
        engine.is_none_or(|engine| engine.capability().delays)
    }

    /// Holds the one part of a batch and appends the other, or neither.
    async fn both(
        &self,
        stream: &str,
        origin: &Origin,
        at_once: Vec<Event>,
        later: &[(Bytes, Bytes)],
        owed: bool,
    ) -> Result<Vec<Receipt>, PublishError> {
        let size = |entries: &[(Bytes, Bytes)]| -> usize {
            entries.iter().map(|(_, value)| value.len()).sum()
        };
        // Counted now that it is accepted, and not when its time comes.
        let charge = match owed {
            true => self.engine.owe(stream, later.len(), size(later)),
            false => {
                let charge = self.engine.charge(stream, later.len(), size(later));
                charge.map_err(PublishError::Quota)?
            }
        };
        let _alone = self.lock(later).await;
        let fresh = self.hold(stream, later).await?;
        let receipts = match at_once.is_empty() {
            true => Ok(Vec::new()),
            // One batch is asked for once: what it has just taken does not keep the rest of it out.
            false => self.append(stream, origin, at_once, true).await,
        };
        match receipts {
            Ok(receipts) => {
                charge.keep(fresh.len(), size(&fresh));
                Ok(receipts)
            }
            Err(error) => {
                self.give_up(&fresh).await;
                Err(error)
            }
        }
    }

    /// Those of them that did not wait already.
    async fn hold(
        &self,
        stream: &str,
        entries: &[(Bytes, Bytes)],
    ) -> Result<Vec<(Bytes, Bytes)>, PublishError> {
        let mut seen = HashSet::new();
        let mut fresh = Vec::new();
        for (key, value) in entries {
            // The same request again: it waits already.
            if seen.insert(key) && self.notes.get(key).await.map_err(refusal)?.is_none() {
                fresh.push((key.clone(), value.clone()));
            }
        }
        self.fits(
            stream,
            fresh.iter().map(|(_, value)| value.len() as u64).sum(),
        )?;
        let ops = fresh.iter().map(|(k, v)| Op::Put(k.clone(), v.clone()));
        self.notes.write(ops.collect()).await.map_err(refusal)?;
        for (key, value) in &fresh {
            self.count(key, value);
        }
        Ok(fresh)
    }

    async fn give_up(&self, entries: &[(Bytes, Bytes)]) {
        let ops = entries
            .iter()
            .map(|(key, _)| Op::Delete(key.clone()))
            .collect();
        match self.notes.write(ops).await {
            Ok(()) => entries.iter().for_each(|(_, value)| self.discount(value)),
            Err(error) => tracing::warn!(%error, "events of a refused batch wait for their time"),
        }
    }

    /// Appends events as their time comes, for as long as the gateway runs. Never returns.
    pub(super) async fn release(&self) {
        loop {
            let now = self.clock.unix_ms();
            let mut in_vain = 0;
            if self.held.next_ms.load(Ordering::Relaxed) <= now {
                match self.release_until(now).await {
                    Ok(bytes) => in_vain = bytes,
                    Err(error) => tracing::warn!(%error, "delayed events wait on"),
                }
            }
            let longer = u32::try_from(in_vain / IN_VAIN).unwrap_or(u32::MAX);
            tokio::time::sleep(LOOK * longer.saturating_add(1)).await;
        }
    }

    /// All that are due; gives the bytes of those that their streams do not take now, for which no other stream's
    /// wait. Of each stream, they are appended in the order of their times.
    async fn release_until(&self, now: u64) -> Result<u64, PublishError> {
        // Before the look, so that what is held meanwhile counts.
        self.held.next_ms.store(NEVER, Ordering::Relaxed);
        let done = self.each_due(now).await;
        if done.is_err() {
            self.held.next_ms.fetch_min(now, Ordering::Relaxed);
        }
        done
    }

    async fn each_due(&self, now: u64) -> Result<u64, PublishError> {
        let (mut from, mut in_vain) = (key(0, &[]), 0);
        let mut stuck = HashSet::new();
        loop {
            let page = self.notes.scan(&from, &[TAG + 1], BATCH).await;
            let page = page.map_err(refusal)?;
            for (key, value) in &page {
                if due_of(key) > now {
                    self.held.next_ms.fetch_min(due_of(key), Ordering::Relaxed);
                    return Ok(in_vain);
                }
                let stream = stream_of(value);
                if !stuck.contains(&stream) {
                    match self.let_go(value).await {
                        Ok(()) => {
                            let gone = vec![Op::Delete(key.clone())];
                            self.notes.write(gone).await.map_err(refusal)?;
                            self.discount(value);
                            continue;
                        }
                        Err(error) => {
                            tracing::warn!(stream, %error, "delayed events of a stream wait on");
                            stuck.insert(stream);
                        }
                    }
                }
                self.held.next_ms.fetch_min(due_of(key), Ordering::Relaxed);
                in_vain += value.len() as u64;
            }
            match page.last() {
                Some((last, _)) if page.len() == BATCH => from = after(last),
                _ => return Ok(in_vain),
            }
        }
    }

    /// Appends one, unless a crash came between its append and the end of its wait.
    async fn let_go(&self, value: &Bytes) -> Result<(), PublishError> {
        let Some((head, event)) = open(value) else {
            tracing::error!("a delayed event cannot be read");
            return Ok(());
        };
        let origin = Origin {
            source: head.source.into(),
            principal: head.principal.into(),
            who: head
                .who
                .and_then(|who| who.parse().ok())
                .unwrap_or_else(Principal::anonymous),
            dedupe_window: head.dedupe_window_ms.map(Duration::from_millis),
        };
        let known = self.known(&head.stream, &event).await?;
        let reason = match known {
            Some(true) => return Ok(()),
            Some(false) => "another event has its source and id".to_owned(),
            None => {
                let events = vec![event.clone()];
                let appended = self.engine.publish_charged(&head.stream, &origin, events);
                match appended.await {
                    Ok(_) => return Ok(()),
                    Err(error) if error.is_temporary() => return Err(error),
                    Err(error) => error.to_string(),
                }
            }
        };
        tracing::warn!(reason, id = event.id(), "a delayed event is refused");
        if let Some(told) = refused(&head.stream, &reason, &event, self.clock.unix_ms()) {
            self.engine.publish_own(SYSTEM, &origin, vec![told]).await?;
        }
        Ok(())
    }

    /// Whether an event with its source and id is in the stream, and whether it is this one.
    async fn known(&self, stream: &str, event: &Event) -> Result<Option<bool>, PublishError> {
        let unavailable = |e: tradewind_engine::Error| PublishError::Unavailable(e.to_string());
        let position = match self
            .engine
            .position(stream, event.source(), event.id())
            .await
        {
            Ok(Some(position)) => position,
            Ok(None) | Err(tradewind_engine::Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let there = self
            .engine
            .event(stream, &position)
            .await
            .map_err(unavailable)?;
        let bytes = |event: &Event| {
            let mut out = Vec::new();
            packed::pack(event, &mut out);
            out
        };
        Ok(Some(bytes(&there) == bytes(event)))
    }
}

#[async_trait]
impl crate::ingress::Publisher for Front {
    async fn publish(
        &self,
        stream: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        Front::publish(self, stream, origin, events).await
    }
    fn room(&self, stream: &str) -> Result<(), Exceeded> {
        self.engine.room(stream)
    }
    fn decide(&self, who: &Principal, action: policy::Action, resource: Resource<'_>) -> Decision {
        self.engine.decide(who, action, resource, Facts::default())
    }
    fn count_denied(&self, action: policy::Action, decision: &Decision) {
        self.engine.count_denied(action, decision);
    }
    fn listened(&self) -> bool {
        self.engine.listened()
    }
    fn report(&self, happening: Happening) {
        self.engine.report(happening);
    }
}

fn less(figure: &AtomicU64, by: u64) {
    let less = |n: u64| Some(n.saturating_sub(by));
    figure
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .ok();
}

/// Whether it says anything of a time.
fn asks(event: &Event) -> bool {
    event.attribute(DELIVER_AT).is_some() || event.attribute(DELIVER_AFTER).is_some()
}

/// When it is due, milliseconds since the Unix epoch.
fn due(event: &Event, now: u64) -> Result<Option<u64>, String> {
    let text = |name| {
        event
            .attribute(name)
            .map(|value| value.to_canonical().into_owned())
    };
    let due = match (text(DELIVER_AT), text(DELIVER_AFTER)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(format!(
                "has both `{DELIVER_AT}` and `{DELIVER_AFTER}`: leave one out"
            ));
        }
        (Some(at), None) => {
            let time = Timestamp::parse(&at)
                .map_err(|error| format!("`{DELIVER_AT}` is no RFC 3339 time: {error}"))?;
            let ms = i128::from(time.seconds) * 1000 + i128::from(time.nanos) / 1_000_000;
            u64::try_from(ms.max(0)).unwrap_or(NEVER)
        }
        (None, Some(after)) => {
            let after: Period = after
                .parse()
                .map_err(|error| format!("`{DELIVER_AFTER}`: {error}"))?;
            now.saturating_add(u64::try_from(after.0.as_millis()).unwrap_or(NEVER))
        }
    };
    let last = now.saturating_add(u64::try_from(HORIZON.as_millis()).unwrap_or(NEVER));
    match due > last {
        true => Err(format!("is to wait longer than {}", Period(HORIZON))),
        false => Ok(Some(due)),
    }
}

fn key(due: u64, digest: &[u8]) -> Bytes {
    [&[TAG][..], &due.to_be_bytes(), digest].concat().into()
}

/// The first key behind this one.
fn after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

fn due_of(key: &[u8]) -> u64 {
    let due = key.get(1..9).and_then(|bytes| bytes.try_into().ok());
    due.map_or(0, u64::from_be_bytes)
}

/// Key and value. The same event for the same time is one entry.
fn entry(
    due: u64,
    stream: &str,
    origin: &Origin,
    event: &Event,
) -> Result<(Bytes, Bytes), PublishError> {
    let window = origin
        .dedupe_window
        .and_then(|w| u64::try_from(w.as_millis()).ok());
    let head = Head {
        stream: stream.to_owned(),
        source: origin.source.to_string(),
        principal: origin.principal.to_string(),
        who: Some(origin.who.to_string()),
        dedupe_window_ms: window,
    };
    let head = serde_json::to_vec(&head).map_err(|e| PublishError::Unavailable(e.to_string()))?;
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    let mut value = length.to_be_bytes().to_vec();
    value.extend_from_slice(&head);
    packed::pack(event, &mut value);
    let digest = Sha256::digest(&value);
    Ok((key(due, digest.get(..16).unwrap_or_default()), value.into()))
}

impl Held {
    fn streams(&self) -> std::sync::MutexGuard<'_, HashMap<String, u64>> {
        self.of_streams
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The head of an entry, and where its event begins.
fn head(value: &[u8]) -> Option<(Head, usize)> {
    let length = u32::from_be_bytes(value.get(..4)?.try_into().ok()?) as usize;
    let end = length.checked_add(4)?;
    let head = serde_json::from_slice(value.get(4..end)?).ok()?;
    Some((head, end))
}

/// The stream that an entry is for; empty for what cannot be read.
fn stream_of(value: &[u8]) -> String {
    head(value).map(|(head, _)| head.stream).unwrap_or_default()
}

fn open(value: &Bytes) -> Option<(Head, Event)> {
    let (head, end) = head(value)?;
    let event = packed::unpack(value.slice(end..)).ok()?;
    Some((head, event))
}

fn refusal(error: tradewind_store::Error) -> PublishError {
    match error {
        error if error.is_temporary() => PublishError::Later {
            reason: error.to_string(),
            after: Duration::from_secs(5),
            full: matches!(error, tradewind_store::Error::Full),
        },
        error => PublishError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
