//! Pulled sources: receive, publish, settle only what is durable.

use super::clock::Lent;
use super::delays::Front;
use super::gateway::Gateway;
use super::notes::Notes;
use super::schemas::Shelves;
use crate::admin::Metrics;
use futures_util::future::{Either, select};
use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tradewind_adapter::{BuiltSource, Ground, Received, Settlement, Source, Token};
use tradewind_config::Checked;
use tradewind_engine::{Clock, Engine, Origin, PublishError, SET_ASIDE};
use tradewind_event::Event;
use tradewind_policy::{Kind, Principal};

/// Messages asked for at once.
const BATCH: usize = 100;
/// Longest wait for messages.
const WAIT: Duration = Duration::from_secs(5);
/// Pauses after failures: doubled from the first up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// Pauses while the source's space is above a quota: at least, and at most.
const QUOTA_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(5));

/// The loops that are running; replaced with each configuration.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    running: Mutex<Option<(CancellationToken, TaskTracker)>>,
    /// What sources open frames by.
    shelves: Arc<Shelves>,
}

impl Pulls {
    /// Ends the loops, settles what is durable, and starts those of `checked`.
    pub(super) async fn replace(&self, gateway: &Gateway, checked: &Checked) {
        let around = Around {
            engine: gateway.engine.clone(),
            front: gateway.front.clone(),
            clock: gateway.clock.clone(),
            metrics: gateway.metrics.clone(),
            notes: gateway.notes.clone(),
        };
        self.start(&around, checked).await;
    }

    pub(super) async fn start(&self, around: &Around, checked: &Checked) {
        self.stop().await;
        let there = |name: &str| checked.sources.contains_key(name);
        if let Err(error) = around.notes.keep_sources(there).await {
            tracing::warn!(%error, "what sources remember that are gone is kept");
        }
        self.shelves
            .take(&checked.schema_registries, &around.metrics);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        for (name, source) in &checked.sources {
            let BuiltSource::Pull(driver) = &source.built else {
                continue;
            };
            driver.lend(Ground {
                clock: Arc::new(Lent(around.clock.clone())),
                memory: around.notes.of_source(name),
                frames: Some(self.shelves.clone()),
            });
            let pull = Pull {
                name: name.clone(),
                driver: driver.clone(),
                stream: source.common.stream.clone(),
                around: around.clone(),
            };
            around.metrics.pulls(name);
            let stop = stop.clone();
            tasks.spawn(async move { pull.run(stop).await });
        }
        tasks.close();
        *self.running.lock().await = Some((stop, tasks));
    }

    /// Ends the loops; what they hold is published and settled first.
    pub(super) async fn stop(&self) {
        if let Some((stop, tasks)) = self.running.lock().await.take() {
            stop.cancel();
            tasks.wait().await;
        }
    }
}

/// What every loop uses.
#[derive(Debug, Clone)]
pub(super) struct Around {
    pub(super) engine: Engine,
    pub(super) front: Front,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) notes: Notes,
}

struct Pull {
    name: String,
    driver: Arc<dyn Source>,
    stream: String,
    around: Around,
}

impl Pull {
    async fn run(&self, stop: CancellationToken) {
        let mut pause = PAUSE.0;
        loop {
            // What is not asked for stays where it is.
            if let Err(full) = self.around.engine.room(&self.stream) {
                let pause = full.after.clamp(QUOTA_PAUSE.0, QUOTA_PAUSE.1);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => continue,
                }
            }
            let received = tokio::select! {
                () = stop.cancelled() => return,
                received = self.driver.receive(BATCH, WAIT) => received,
            };
            let done = match received {
                Ok(messages) => {
                    self.around.metrics.troubles.well(&self.name);
                    self.take(messages).await
                }
                Err(error) => {
                    tracing::warn!(source = self.name, %error, "source gave nothing");
                    self.around.metrics.pull_failed(&self.name);
                    let troubles = &self.around.metrics.troubles;
                    troubles.failed(&self.name, error.to_string());
                    false
                }
            };
            if done {
                pause = PAUSE.0;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// False where something is short and the source is to be left alone for a while.
    async fn take(&self, messages: Vec<Received>) -> bool {
        if messages.is_empty() {
            return true;
        }
        self.around
            .metrics
            .pulled(&self.name, messages.len() as u64);
        let Some(lease) = self.driver.capability().receive_lease else {
            return self.settled(messages).await;
        };
        let tokens: Vec<Token> = messages.iter().map(|m| m.token.clone()).collect();
        self.leased(lease, &tokens, self.settled(messages)).await
    }

    /// Works on messages, and keeps them lent for as long as that takes.
    async fn leased<T>(
        &self,
        lease: Duration,
        tokens: &[Token],
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            let longer = async {
                tokio::time::sleep(lease / 2).await;
                self.driver.extend(tokens.to_vec()).await
            };
            match select(&mut work, pin!(longer)).await {
                Either::Left((done, _)) => return done,
                Either::Right((Ok(()), _)) => {}
                // They may come again, and are recognised as duplicates.
                Either::Right((Err(error), _)) => {
                    tracing::warn!(source = self.name, %error, "messages are not lent for longer");
                }
            }
        }
    }

    /// Stores messages, and says so to the source; false as [`Pull::take`] has it.
    async fn settled(&self, messages: Vec<Received>) -> bool {
        let mut settlements = match self.together(&messages).await {
            Some(settlement) => {
                let tokens = messages.into_iter().map(|message| message.token);
                tokens.map(|token| (token, settlement)).collect()
            }
            None => self.one_by_one(messages).await,
        };
        let mut well = settlements.iter().all(|(_, how)| *how == Settlement::Ack);
        let revoked = self.driver.revoked();
        settlements.retain(|(token, _)| !revoked.contains(token));
        if let Err(error) = self.driver.settle(settlements).await {
            // They come again, and are recognised as duplicates.
            tracing::warn!(source = self.name, %error, "messages are not settled");
            well = false;
        }
        well
    }

    /// All at once, which costs one commit; `None` where they must be told apart.
    async fn together(&self, messages: &[Received]) -> Option<Settlement> {
        if self.driver.capability().receive_own_ids {
            return None;
        }
        let mut events = Vec::with_capacity(messages.len());
        for message in messages {
            events.extend_from_slice(message.events.as_ref().ok()?);
        }
        match self.append(events).await {
            Ok(()) => Some(Settlement::Ack),
            Err(error) if is_final(&error) => None,
            Err(error) => Some(later(&self.name, &error)),
        }
    }

    /// Where order counts, what comes after one that is given back is given back too: it would overtake.
    async fn one_by_one(&self, messages: Vec<Received>) -> Vec<(Token, Settlement)> {
        let ordered = self.driver.capability().receive_ordered;
        let mut held_up = None;
        let mut settlements = Vec::with_capacity(messages.len());
        for message in messages {
            let token = message.token.clone();
            let settlement = match held_up {
                Some(settlement) => settlement,
                None => self.publish(message).await,
            };
            if ordered && settlement != Settlement::Ack {
                held_up = Some(settlement);
            }
            settlements.push((token, settlement));
        }
        settlements
    }

    async fn publish(&self, message: Received) -> Settlement {
        let token = &message.token;
        let events = match message.events {
            Ok(events) => match self.unknown(events).await {
                Ok(events) if events.is_empty() => return Settlement::Ack,
                Ok(events) => events,
                Err(error) => return later(&self.name, &error),
            },
            Err(error) => {
                let original = message.original.as_slice();
                return self.set_aside(token, &error.to_string(), original).await;
            }
        };
        match self.append(events.clone()).await {
            Ok(()) => Settlement::Ack,
            Err(error) if is_final(&error) => self.set_aside(token, &reason(&error), &events).await,
            Err(error) => later(&self.name, &error),
        }
    }

    /// Those that are not in the stream yet. Most sources leave that to deduplication.
    async fn unknown(&self, mut events: Vec<Event>) -> Result<Vec<Event>, PublishError> {
        if !self.driver.capability().receive_own_ids {
            return Ok(events);
        }
        let mut known = HashSet::new();
        for (index, event) in events.iter().enumerate() {
            let engine = &self.around.engine;
            let position = engine
                .position(&self.stream, event.source(), event.id())
                .await;
            match position.map_err(|error| PublishError::Unavailable(error.to_string()))? {
                Some(_) => known.insert(index),
                None => continue,
            };
        }
        let mut index = 0..;
        events.retain(|_| index.next().is_none_or(|index| !known.contains(&index)));
        Ok(events)
    }

    async fn append(&self, events: Vec<Event>) -> Result<(), PublishError> {
        let front = &self.around.front;
        // It was let in when it was asked for: given back, it would only come again.
        front
            .publish_owed(&self.stream, &self.origin(), events)
            .await
            .map(|_| ())
    }

    fn origin(&self) -> Origin {
        Origin {
            source: self.name.as_str().into(),
            principal: format!("{} (pulled)", self.name).into(),
            who: Principal::new(Kind::Source, self.name.as_str()),
            dedupe_window: None,
        }
    }

    /// A message that can never be stored as it is, is stored as a record of itself, so that it
    /// neither vanishes nor comes for ever.
    async fn set_aside(&self, token: &Token, reason: &str, events: &[Event]) -> Settlement {
        tracing::warn!(source = self.name, reason, "message set aside");
        let originals: Vec<_> = events
            .iter()
            .filter_map(|event| crate::codec::to_json(event).ok())
            .collect();
        let data = serde_json::json!({ "reason": reason, "message": token.0, "events": originals });
        let id = format!("{}-{}", self.around.clock.unix_ms(), token.0);
        let record = Event::builder(id, format!("/sources/{}", self.name), SET_ASIDE)
            .data("application/json", data.to_string())
            .build();
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(source = self.name, %error, "message cannot be set aside");
                return Settlement::Nack { delay: None };
            }
        };
        let engine = &self.around.engine;
        let origin = self.origin();
        let told = engine.publish_own(&self.stream, &origin, vec![record]);
        match told.await {
            Ok(_) => Settlement::Ack,
            Err(error) => later(&self.name, &error),
        }
    }
}

/// Whether the same events would be refused again.
fn is_final(error: &PublishError) -> bool {
    matches!(
        error,
        PublishError::Invalid(_)
            | PublishError::Denied(_)
            | PublishError::Schema(_)
            | PublishError::Conflict(_)
    )
}

fn later(source: &str, error: &PublishError) -> Settlement {
    tracing::warn!(source, %error, "messages are given back");
    let delay = match error {
        PublishError::Later { after, .. } => Some(*after),
        _ => None,
    };
    Settlement::Nack { delay }
}

fn reason(error: &PublishError) -> String {
    match error {
        PublishError::Invalid(events)
        | PublishError::Denied(events)
        | PublishError::Schema(events)
        | PublishError::Conflict(events) => {
            let parts: Vec<_> = events
                .iter()
                .map(|(index, what)| format!("event {index}: {what}"))
                .collect();
            format!("{error}: {}", parts.join("; "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod ground;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod quota;
#[cfg(test)]
mod tests;
