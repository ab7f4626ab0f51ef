//! A pulled source of a space that is above its quota is slowed down, and nothing of it is given back.

use super::*;
use crate::run::assemble::plan;
use async_trait::async_trait;
use std::sync::Mutex as StdMutex;
use tradewind_adapter::{Capability, Error};
use tradewind_config::System;
use tradewind_engine::testkit::{CrashStreams, SimClock, event, in_simulated_time};
use tradewind_store::Durability;

/// It has as much as is asked for.
#[derive(Debug, Default)]
struct Endless {
    given: StdMutex<u64>,
    settled: StdMutex<Vec<Settlement>>,
}

#[async_trait]
impl Source for Endless {
    async fn receive(&self, max: usize, _: Duration) -> Result<Vec<Received>, Error> {
        let mut given = self.given.lock().unwrap();
        let first = *given;
        *given += max as u64;
        let received = (first..*given).map(|n| Received {
            token: Token(n.to_string()),
            events: Ok(vec![event(&n.to_string())]),
            original: None,
        });
        Ok(received.collect())
    }
    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let how = settlements.into_iter().map(|(_, how)| how);
        self.settled.lock().unwrap().extend(how);
        Ok(())
    }
    fn capability(&self) -> Capability {
        Capability::default()
    }
}

#[test]
fn what_is_above_a_quota_is_not_asked_for() {
    in_simulated_time(slowed()).unwrap();
}

async fn slowed() -> Result<(), String> {
    let text = "spaces: { acme: { quotas: { events-per-second: 50 } } }\n\
                streams: { acme: { space: acme } }\n";
    let checked = tradewind_config::load_str("a.yaml", text, &crate::registry(), &System).unwrap();
    let clock = SimClock::new();
    let streams = CrashStreams::new(clock.clone());
    let shared: Arc<dyn Clock> = clock.clone();
    let engine = Engine::start(
        plan(&checked, None, &Default::default()),
        streams.clone(),
        shared.clone(),
    )
    .await
    .unwrap();
    let notes = Notes::open(streams.as_ref(), Durability::Fsync)
        .await
        .unwrap();
    let front = Front::open(engine.clone(), shared.clone(), notes.clone())
        .await
        .unwrap();
    let source = Arc::new(Endless::default());
    let pull = Pull {
        name: "queue".into(),
        driver: source.clone(),
        stream: "acme".into(),
        around: Around {
            engine: engine.clone(),
            front,
            clock: shared,
            metrics: Arc::default(),
            notes,
        },
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { pull.run(stop).await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    stop.cancel();
    running.await.unwrap();
    let appended = engine.streams().await["acme"].appended;
    assert!((50 * 59..=50 * 61 + 100).contains(&appended), "{appended}");
    let settled = source.settled.lock().unwrap();
    assert_eq!(settled.len() as u64, appended);
    assert!(settled.iter().all(|how| *how == Settlement::Ack));
    assert_eq!(*source.given.lock().unwrap(), appended);
    Ok(())
}
