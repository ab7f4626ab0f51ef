//! An engine on the embedded store, on a simulated disk, in simulated time.

use super::{SimClock, origin};
use crate::{Engine, Plan};
use std::sync::Arc;
use std::time::Duration;
use tradewind_event::Event;
use tradewind_store::testkit::{SeededRandom, SimDisk};
use tradewind_store::{Embedded, Params};

/// What a proof measured, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// For people.
    pub figures: String,
    /// Whether it is as promised.
    pub holds: bool,
}

/// Runs on one thread, with a clock that moves when nothing else does; a month at most.
///
/// # Errors
/// What `run` says, or that it never ends.
pub fn in_simulated_time<T>(run: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let month = Duration::from_secs(30 * 86_400);
        let run = tokio::time::timeout(month, run);
        run.await.map_err(|_| "it never comes to rest".to_owned())?
    })
}

/// A gateway without doors.
#[derive(Debug)]
pub struct Scene {
    /// Its clock.
    pub clock: Arc<SimClock>,
    disk: SimDisk,
    seed: u64,
    open: Option<(Engine, Arc<Embedded>)>,
}

impl Scene {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        Self {
            clock: SimClock::new(),
            disk: SimDisk::new(),
            seed,
            open: None,
        }
    }

    /// Starts, or starts again.
    ///
    /// # Errors
    /// The engine's, as text.
    pub async fn start(&mut self, plan: Plan) -> Result<Engine, String> {
        self.stop().await;
        let disk = Arc::new(self.disk.clone());
        let random = Arc::new(SeededRandom::new(self.seed));
        let params = Params {
            reserve_bytes: 0,
            ..Params::default()
        };
        let store = Embedded::open_on(disk, "data", self.clock.held(), random, params);
        let store = Arc::new(store.map_err(|error| error.to_string())?.inline());
        let engine = Engine::start(plan, store.clone(), self.clock.clone()).await;
        let engine = engine.map_err(|error| error.to_string())?;
        self.open = Some((engine.clone(), store));
        Ok(engine)
    }

    /// The process is gone; all other handles of its engine must be dropped.
    pub async fn stop(&mut self) {
        if self.open.take().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The engine, if it runs.
    pub fn running(&self) -> Option<Engine> {
        self.open.as_ref().map(|(engine, _)| engine.clone())
    }

    /// Lets time pass.
    pub async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Publishes and waits until it is durable.
///
/// # Errors
/// The engine's, as text.
pub(super) async fn publish(engine: &Engine, events: Vec<Event>) -> Result<(), String> {
    let published = engine.publish("default", &origin(), events).await;
    published.map(drop).map_err(|error| error.to_string())
}
