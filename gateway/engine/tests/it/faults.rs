//! A disk that fails below the engine: publishers are told, and nothing that was acknowledged is
//! missing afterwards.

use crate::support::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tradewind_engine::{Engine, PublishError};
use tradewind_store::testkit::{Fault, SeededRandom, SimDisk};
use tradewind_store::{Embedded, Error, Params};

fn store(disk: &SimDisk, clock: &Arc<SimClock>) -> Result<Arc<Embedded>, Error> {
    let params = Params {
        segment_bytes: 8 << 10,
        chunk_bytes: 4 << 10,
        overlay_bytes: 2 << 10,
        identities: 8,
        reserve_bytes: 8 << 10,
        ..Params::default()
    };
    let random = Arc::new(SeededRandom::new(1));
    let disk = Arc::new(disk.clone());
    let store = Embedded::open_on(disk, "data", clock.clone(), random, params)?;
    Ok(Arc::new(store.inline()))
}

/// Publishes until something fails, at the call number `call`; what was acknowledged. `None` when
/// nothing failed.
async fn broken(
    disk: &SimDisk,
    clock: &Arc<SimClock>,
    call: u64,
    fault: Fault,
) -> Option<BTreeSet<String>> {
    disk.fail_after(call, fault, fastrand::Rng::with_seed(call));
    let mut acknowledged = BTreeSet::new();
    let sink = ScriptedSink::accepting();
    let plan = plan([("s", subscription(&sink))]);
    let Ok(store) = store(disk, clock) else {
        return Some(acknowledged);
    };
    let Ok(engine) = Engine::start(plan, store, clock.clone()).await else {
        return Some(acknowledged);
    };
    let mut told = false;
    for i in 0..20 {
        let id = format!("e{i}");
        match engine.publish("default", &origin(), vec![event(&id)]).await {
            Ok(_) if told => panic!("{fault:?} at {call}: {id} was taken after a failure"),
            Ok(_) => {
                acknowledged.insert(id);
            }
            Err(PublishError::Later { full: true, .. }) => {}
            Err(PublishError::Unavailable(why)) => {
                told = true;
                let health = engine.ready().unwrap_err();
                assert!(health.contains("failed"), "{why}: {health}");
            }
            Err(error) => panic!("{fault:?} at {call}: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    disk.was_struck().then_some(acknowledged)
}

#[tokio::test(start_paused = true)]
async fn publishers_are_told_and_nothing_acknowledged_is_missing() {
    for fault in [
        Fault::Io,
        Fault::IoForever,
        Fault::FullForever,
        Fault::Interrupted,
    ] {
        for call in (0..).step_by(5) {
            let (clock, disk) = (SimClock::new(), SimDisk::new());
            let Some(acknowledged) = broken(&disk, &clock, call, fault).await else {
                assert!(call > 50, "{fault:?}: only {call} calls");
                break;
            };
            disk.crash(&mut fastrand::Rng::with_seed(call));
            let sink = ScriptedSink::accepting();
            let mut all = subscription(&sink);
            all.start = tradewind_engine::Start::Oldest;
            let again = store(&disk, &clock).unwrap();
            let engine = Engine::start(plan([("again", all)]), again, clock.clone())
                .await
                .unwrap();
            engine.quiesced().await;
            let arrived: BTreeSet<String> = sink.ids().into_iter().collect();
            assert!(
                arrived.is_superset(&acknowledged),
                "{fault:?} at {call}: {arrived:?} of {acknowledged:?}"
            );
            assert_eq!(engine.ready(), Ok(()));
        }
    }
}
