//! Operators, reloads, moody sinks and breakage.

use super::model::{Replayed, State, kinds};
use super::world::World;
use crate::testkit::Act;
use crate::{Start, SubscriptionView};
use fastrand::Rng;
use std::time::Duration;

impl World {
    /// Every sink changes its mind.
    pub(super) fn mood(&mut self) {
        let slots = self.model.slots.iter().flat_map(|slot| slot.sinks());
        for sink in slots.chain(&self.model.shadow) {
            let seed = self.rng.u64(..);
            let trouble = self.rng.u8(..5);
            let clock = self.clock.clone();
            sink.now_does(move |delivery| {
                let mut rng = Rng::with_seed(seed ^ u64::from(delivery.attempt).rotate_left(40));
                for byte in delivery.id.bytes() {
                    rng = Rng::with_seed(rng.u64(..) ^ u64::from(byte));
                }
                match (trouble, rng.u8(..14)) {
                    (0, _) => Act::Accept,
                    // Five seconds up, five seconds down.
                    (1, _) if (clock.elapsed_ms() / 5000).is_multiple_of(2) => Act::Accept,
                    (1, _) => Act::Retry(None),
                    (_, 0..=4) => Act::Accept,
                    (_, 5) => Act::Slow(Duration::from_millis(300)),
                    (2, _) | (_, 6) => Act::Retry(None),
                    (_, 7) => Act::Retry(Some(Duration::from_secs(3))),
                    (_, 8) => Act::Reject,
                    (_, 9) => Act::Hang,
                    (_, 10) => Act::Silent,
                    (_, 11) => Act::Throttle(Duration::from_millis(500)),
                    (3, 12) => Act::Gone,
                    _ => Act::Panic,
                }
            });
        }
    }

    /// Something happens, or nothing. That it fails because something broke is part of the game:
    /// effects are checked at the end.
    pub(super) async fn trouble(&mut self) -> Result<(), String> {
        let dice = self.rng.u8(..20);
        match dice {
            0..=2 => return self.reload().await,
            3..=5 => {
                self.fall().await;
                return Ok(());
            }
            6..=8 => {
                let how = self.ground.break_soon(&mut self.rng);
                self.tell(|| how);
                return Ok(());
            }
            9 => return self.restart().await,
            10 => return self.publish_nonsense().await,
            11 => return self.replay().await,
            12 => return self.discard_one().await,
            13 if self.jumps => {
                let by = self.rng.i64(-3_600_000..3_600_000);
                self.tell(|| format!("wall clock jumps by {by} ms"));
                self.clock.jump(by);
                return Ok(());
            }
            13 => return Ok(()),
            _ => {}
        }
        let configured = self.model.having(State::Configured);
        if configured.is_empty() {
            return Ok(());
        }
        let nth = configured[self.rng.usize(..configured.len())];
        self.model.slots[nth].redriven |= matches!(dice, 17 | 18);
        let name = self.model.slots[nth].name.clone();
        let engine = self.engine().await?;
        let of = name.clone();
        let operation = async move {
            match dice {
                14 | 15 => engine.pause(&of).await,
                16 => engine.resume(&of).await,
                17 | 18 => engine.redrive(&of, None).await.map(drop),
                _ => engine.purge(&of, None).await.map(drop),
            }
        };
        let done = self.patiently(operation).await;
        self.tell(|| {
            let what = [
                "paused", "paused", "resumed", "redrove", "redrove", "purged",
            ];
            format!("{} {name}: {done:?}", what[usize::from(dice) - 14])
        });
        Ok(())
    }

    /// A new generation. Nothing is published meanwhile, so that the oracle knows which one each
    /// event belongs to.
    async fn reload(&mut self) -> Result<(), String> {
        self.engine().await?;
        self.model.generation += 1;
        let generation = self.model.generation;
        let slots = self.model.slots.len();
        match self.rng.u8(..8) {
            0 | 1 => self.model.add_slot(&mut self.rng),
            what => {
                let nth = self.rng.usize(..slots);
                let trims = self.model.trims;
                let fresh = format!("r{generation}");
                let slot = &mut self.model.slots[nth];
                let kinds = kinds(&mut self.rng);
                match (slot.state, what) {
                    (State::Configured, 2) => slot.becomes(generation, None),
                    (State::Configured, 3 | 4) => slot.becomes(generation, Some(kinds)),
                    (State::Configured, 5) if slot.other.is_none() || self.rng.bool() => {
                        slot.redraw(&mut self.rng, trims);
                    }
                    (State::Configured, 5) => slot.resplit(&mut self.rng),
                    (State::Configured, 7) => slot.resplit(&mut self.rng),
                    (State::Configured, _) => {
                        slot.renamed_from = Some(std::mem::replace(&mut slot.name, fresh));
                    }
                    (State::Suspended, _) => slot.becomes(generation, Some(kinds)),
                    (State::Discarded, _) => {}
                }
            }
        }
        self.apply().await
    }

    /// Puts the model's plan in force, by a reload or by a restart.
    pub(super) async fn apply(&mut self) -> Result<(), String> {
        let engine = self.engine().await?;
        let plan = self.model.plan();
        let applied = self
            .patiently(async move { engine.apply(plan).await })
            .await;
        self.tell(|| format!("reloaded: {applied:?}, {}", self.model.shown()));
        if applied.is_some_and(|applied| applied.is_err()) {
            self.fall().await;
        }
        self.engine().await?;
        Ok(())
    }

    /// A stop in good order, with or without patience.
    async fn restart(&mut self) -> Result<(), String> {
        let engine = self.engine().await?;
        let grace = Duration::from_millis(self.rng.u64(..3000));
        let drained = self
            .patiently(async move { engine.drain(grace).await })
            .await;
        self.tell(|| format!("drained: {drained:?}"));
        match drained {
            None => {}
            Some(Ok(())) => {
                self.engine = None;
                self.ground.leave();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Some(Err(_)) => self.fall().await,
        }
        Ok(())
    }

    async fn replay(&mut self) -> Result<(), String> {
        let configured = self.model.having(State::Configured);
        if configured.is_empty() {
            return Ok(());
        }
        let nth = configured[self.rng.usize(..configured.len())];
        let engine = self.engine().await?;
        let name = self.model.slots[nth].name.clone();
        let rate = self.rng.bool().then_some(100.0);
        let cancel = self.rng.u8(..4) == 0;
        let pause = Duration::from_millis(self.rng.u64(..500));
        let replay = async move {
            let view = engine.replay(&name, Start::Oldest, rate).await?;
            if cancel {
                tokio::time::sleep(pause).await;
                engine.cancel_replay(&view.id).await?;
            }
            Ok::<_, crate::Error>(view)
        };
        let started = self.patiently(replay).await;
        self.tell(|| format!("replay, cancelled {cancel}: {started:?}"));
        let Some(Ok(view)) = started else {
            return Ok(());
        };
        if cancel {
            return Ok(());
        }
        let slot = &self.model.slots[nth];
        let kinds = slot.kinds().unwrap_or_default();
        let sent = self.model.sent.iter();
        let wanted = sent.filter(|(_, s)| s.position.is_some() && kinds[s.kind]);
        self.model.replays.push(Replayed {
            id: view.id,
            slot: nth,
            wanted: wanted.map(|(id, _)| id.clone()).collect(),
        });
        Ok(())
    }

    async fn discard_one(&mut self) -> Result<(), String> {
        let suspended = self.model.having(State::Suspended);
        if suspended.is_empty() {
            return Ok(());
        }
        let nth = suspended[self.rng.usize(..suspended.len())];
        self.discard(nth).await
    }

    /// Until it is done.
    pub(super) async fn discard(&mut self, nth: usize) -> Result<(), String> {
        let name = self.model.slots[nth].name.clone();
        loop {
            let engine = self.engine().await?;
            let of = name.clone();
            let discarded = self
                .patiently(async move { engine.discard(&of).await })
                .await;
            self.tell(|| format!("discarded {name}: {discarded:?}"));
            match discarded {
                // An earlier try went further than it could tell.
                Some(Ok(_) | Err(crate::Error::NotFound(_))) => break,
                Some(Err(_)) => self.fall().await,
                None => {}
            }
        }
        self.model.slots[nth].state = State::Discarded;
        Ok(())
    }

    pub(super) async fn views(&mut self) -> Result<Vec<SubscriptionView>, String> {
        Ok(self.engine().await?.subscriptions().await)
    }
}
