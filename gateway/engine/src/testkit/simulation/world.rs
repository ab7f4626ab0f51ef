//! The process that comes and goes, and the time it has.

use super::ground::{Ground, On};
use super::model::Model;
use super::{Figures, settle};
use crate::Engine;
use crate::testkit::SimClock;
use fastrand::Rng;
use std::sync::Arc;
use std::time::Duration;
use tradewind_store::Position;

/// Steps of a schedule.
const STEPS: usize = 14;
/// How long operators wait.
const PATIENCE: Duration = Duration::from_secs(10);
/// Starts that may fail one after the other.
const REFUSED_MAX: usize = 200;

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) rng: Rng,
    pub(super) clock: Arc<SimClock>,
    pub(super) ground: Ground,
    pub(super) model: Model,
    pub(super) engine: Option<Engine>,
    pub(super) figures: Figures,
    /// All is to be well: nothing breaks any more.
    pub(super) settling: bool,
    /// The wall clock jumps, a little.
    pub(super) jumps: bool,
    /// Streams go from one store to another.
    moves: bool,
    refused: usize,
    told: Option<fn(&str)>,
}

impl World {
    pub(super) fn new(seed: u64, on: On, told: Option<fn(&str)>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let clock = SimClock::new();
        Self {
            seed,
            ground: Ground::new(on, &clock),
            moves: on == On::Moving,
            clock,
            model: Model::new(&mut rng),
            engine: None,
            figures: Figures::default(),
            settling: false,
            jumps: rng.u8(..4) == 0,
            refused: 0,
            told,
            rng,
        }
    }

    pub(super) async fn run(mut self) -> Result<Figures, String> {
        for _ in 0..STEPS {
            if self.rng.u8(..3) == 0 {
                self.mood();
            }
            self.publish().await?;
            let longest = if self.model.trims { 20_000 } else { 3_000 };
            let pause = self.rng.u64(..longest);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.trouble().await?;
        }
        settle::settle(&mut self).await?;
        self.check().await?;
        self.figures.schedules = 1;
        Ok(self.figures)
    }

    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if let Some(told) = self.told {
            told(&format!("{:>9} ms  {}", self.clock.elapsed_ms(), what()));
        }
    }

    /// The engine, started if need be.
    pub(super) async fn engine(&mut self) -> Result<Engine, String> {
        loop {
            if let Some(engine) = &self.engine {
                return Ok(engine.clone());
            }
            // It may break while it starts, too.
            let started = match self.ground.open(&self.clock, self.seed) {
                Ok(store) => {
                    let start = Engine::start(self.model.plan(), store, self.clock.clone());
                    // What a plan has begun waits for room on the disk.
                    match self.patiently(start).await {
                        Some(started) => started,
                        None => continue,
                    }
                }
                Err(error) => Err(error.into()),
            };
            match started {
                Ok(engine) => {
                    self.tell(|| "started".into());
                    self.figures.starts += 1;
                    self.refused = 0;
                    self.engine = Some(engine);
                }
                Err(error) => {
                    self.tell(|| format!("start failed: {error}"));
                    self.refused += 1;
                    if self.refused > REFUSED_MAX {
                        return Err(format!("it cannot start: {error}"));
                    }
                    self.fall().await;
                }
            }
        }
    }

    /// What an operator asks may have to wait for room on the disk. `None` when it took too long, and
    /// the operator restarted the gateway.
    pub(super) async fn patiently<T>(&mut self, done: impl Future<Output = T>) -> Option<T> {
        let done = tokio::time::timeout(PATIENCE, done).await.ok();
        if done.is_none() {
            self.tell(|| "took too long".into());
            self.fall().await;
        }
        done
    }

    /// The process ends at once, with or without the machine.
    pub(super) async fn fall(&mut self) {
        self.engine = None;
        self.ground.leave();
        if self.rng.bool() {
            self.tell(|| "killed".into());
            // Full disks too, or the actors would wait for room for ever.
            self.ground.heal();
            self.actors_end().await;
            self.ground.killed().await;
        } else {
            self.tell(|| "lost power".into());
            self.ground.lose_power(&mut self.rng).await;
            self.actors_end().await;
        }
        // What was trimmed is not there to be recognised elsewhere.
        if self.moves && !self.model.trims && self.rng.bool() {
            self.relocate().await;
        }
        if self.settling {
            return;
        }
        if self.jumps && self.rng.bool() {
            let by = self.rng.i64(-3_600_000..3_600_000);
            self.tell(|| format!("wall clock jumps by {by} ms"));
            self.clock.jump(by);
        }
        if self.rng.u8(..3) == 0 {
            let how = self.ground.break_soon(&mut self.rng);
            self.tell(|| how);
        }
    }

    async fn relocate(&mut self) {
        let Some(relocated) = self.ground.relocate(&mut self.rng).await else {
            return;
        };
        let moved = |at: Position| relocated("default/default", at);
        for sent in self.model.sent.values_mut() {
            let known = sent.position;
            let known = known.map(|(shard, offset)| Position { shard, offset });
            if let Some(at) = known.and_then(moved) {
                sent.position = Some((at.shard, at.offset));
            }
        }
        let slots = self.model.slots.iter().flat_map(|slot| slot.sinks());
        for sink in slots.chain(&self.model.shadow) {
            sink.relocate(|at| Some(moved(at.parse().ok()?)?.to_string()));
        }
        self.figures.moves += 1;
        self.tell(|| "moved to another store".into());
    }

    /// The actors notice that nobody holds the engine, at the latest after a wait for room.
    async fn actors_end(&self) {
        tokio::time::sleep(Duration::from_millis(2 * crate::shard::FULL_PAUSE_MS)).await;
    }
}
