//! Publishers: patient and impatient, forgetful, wrong.

use super::model::{KINDS, Sent};
use super::world::World;
use crate::PublishError;
use crate::testkit::{EPOCH_MS, origin};
use std::time::Duration;
use tradewind_event::{Attribute, Event, Timestamp};

impl World {
    pub(super) async fn publish(&mut self) -> Result<(), String> {
        let mut batch = Vec::new();
        for _ in 0..self.rng.usize(1..12) {
            batch.push(self.event()?);
        }
        if self.rng.u8(..4) == 0 {
            // Something once more, perhaps from this very batch.
            let known = self.model.sent.values();
            let mut again: Vec<Event> = known
                .filter(|s| s.position.is_some())
                .map(|s| s.event.clone())
                .collect();
            again.extend(batch.iter().cloned());
            batch.push(again.swap_remove(self.rng.usize(..again.len())));
        }
        let patient = self.rng.u8(..6) > 0;
        self.until_acknowledged(batch, patient).await
    }

    /// Tries until it is told that all is durable; an impatient one tries once.
    pub(super) async fn until_acknowledged(
        &mut self,
        batch: Vec<Event>,
        patient: bool,
    ) -> Result<(), String> {
        loop {
            let engine = self.engine().await?;
            let done = engine.publish("default", &origin(), batch.clone()).await;
            drop(engine);
            match done {
                Ok(receipts) => {
                    self.tell(|| {
                        let at = receipts.iter().map(|r| r.position.as_str());
                        format!("published {}", at.collect::<Vec<_>>().join(" "))
                    });
                    return self.model.acknowledge(&batch, &receipts);
                }
                Err(PublishError::Later { reason, after, .. }) => {
                    self.tell(|| format!("publisher told to come later: {reason}"));
                    tokio::time::sleep(after).await;
                    if self.settling || self.rng.bool() {
                        self.ground.heal();
                    }
                }
                Err(PublishError::Unavailable(reason)) => {
                    self.tell(|| format!("publish failed: {reason}"));
                    self.fall().await;
                }
                Err(error) => return Err(format!("refused without a reason: {error:?}")),
            }
            if !patient {
                return Ok(());
            }
        }
    }

    fn event(&mut self) -> Result<Event, String> {
        let id = format!("event-{:05}", self.model.minted);
        self.model.minted += 1;
        let kind = self.rng.usize(..KINDS);
        let key = format!("key-{}", self.rng.u8(..5));
        let length = match self.model.trims {
            true => self.rng.usize(100..1500),
            false => self.rng.usize(..60),
        };
        let mut event = Event::builder(id.as_str(), "/sim", "sim")
            .subject(key.as_str())
            .extension("kind", Attribute::String(&kind.to_string()))
            .data(
                "application/octet-stream",
                format!("{id}:{}", "x".repeat(length)),
            );
        let mut expires_ms = None;
        if !self.jumps && self.rng.u8(..12) == 0 {
            let at = EPOCH_MS + self.clock.elapsed_ms() + self.rng.u64(1000..60_000);
            let time = Timestamp {
                seconds: (at / 1000) as i64,
                nanos: 0,
            };
            event = event.extension("expirytime", Attribute::String(&time.to_string()));
            expires_ms = Some(at / 1000 * 1000);
        }
        let event = event.build().map_err(|error| error.to_string())?;
        let sent = Sent {
            event: event.clone(),
            key,
            kind,
            generation: self.model.generation,
            position: None,
            expires_ms,
        };
        self.model.sent.insert(id, sent);
        Ok(event)
    }

    /// A batch that must be refused as a whole: an id that is known with other content, or two
    /// contents of one id in the same batch.
    pub(super) async fn publish_nonsense(&mut self) -> Result<(), String> {
        let known: Vec<Event> = self
            .model
            .sent
            .values()
            .filter(|s| s.position.is_some())
            .map(|s| s.event.clone())
            .collect();
        let fresh = self.event()?;
        self.model.sent.remove(fresh.id());
        self.model.refused.insert(fresh.id().to_owned());
        let itself = self.rng.bool();
        let twin_of = match itself {
            true => &fresh,
            false if known.is_empty() => return Ok(()),
            false => &known[self.rng.usize(..known.len())],
        };
        let twin = Event::builder(twin_of.id(), "/sim", "sim")
            .subject(twin_of.subject().unwrap_or_default())
            .data("text/plain", "something else")
            .build()
            .map_err(|error| error.to_string())?;
        // Over several shards, content that was retired cannot be compared beforehand.
        let batch = match !itself && self.model.trims && self.model.settings().shards > 1 {
            true => vec![twin],
            false => vec![fresh, twin],
        };
        let last = batch.len() - 1;
        let engine = self.engine().await?;
        match engine.publish("default", &origin(), batch).await {
            Err(PublishError::Conflict(which)) if !itself => {
                let expected = which.iter().map(|(index, _)| *index).eq([last]);
                expected
                    .then_some(())
                    .ok_or_else(|| format!("conflict at {which:?}"))
            }
            Err(PublishError::Invalid(which)) if itself => {
                let expected = which.iter().map(|(index, _)| *index).eq([last]);
                expected
                    .then_some(())
                    .ok_or_else(|| format!("invalid at {which:?}"))
            }
            Err(PublishError::Later { .. }) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.ground.heal();
                Ok(())
            }
            Err(PublishError::Unavailable(_)) => {
                drop(engine);
                self.fall().await;
                Ok(())
            }
            other => Err(format!("nonsense was answered with {other:?}")),
        }
    }
}
