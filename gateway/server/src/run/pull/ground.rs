//! What tests of pulled sources stand on: an engine and its surroundings over a store in memory, in simulated time.

use super::*;
use crate::engines::{Engines, Places};
use tradewind_config::System;
use tradewind_engine::testkit::{CrashStreams, SimClock};
use tradewind_store::Durability;

pub(super) fn checked(text: &str) -> Checked {
    tradewind_config::load_str("a.yaml", text, &crate::registry(), &System).unwrap()
}

/// One process on what the processes before have left.
pub(super) async fn around(
    checked: &Checked,
    streams: &Arc<CrashStreams>,
    clock: &Arc<SimClock>,
) -> Around {
    let clock: Arc<dyn Clock> = clock.clone();
    let plan = crate::run::planned(checked);
    let engine = Engine::start(plan, streams.clone(), clock.clone())
        .await
        .unwrap();
    let notes = Notes::open(streams.as_ref(), Durability::Fsync)
        .await
        .unwrap();
    let node = ("node".to_owned(), std::path::Path::new("."));
    let engines = Arc::new(Engines::new(streams.clone(), node, Places::new()));
    let front = Front::open(engine.clone(), clock.clone(), notes.clone(), engines)
        .await
        .unwrap();
    Around {
        engine,
        front,
        clock,
        metrics: Arc::default(),
        notes,
    }
}

/// Pulls from a source into the stream `acme` for a minute: how many events that has then.
pub(super) async fn a_minute(text: &str, driver: Arc<dyn Source>) -> u64 {
    let clock = SimClock::new();
    let streams = CrashStreams::new(clock.clone());
    let around = around(&checked(text), &streams, &clock).await;
    let engine = around.engine.clone();
    let pull = Pull {
        name: "queue".into(),
        driver,
        stream: "acme".into(),
        around,
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { pull.run(stop).await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    stop.cancel();
    running.await.unwrap();
    engine.streams().await["acme"].appended
}
