//! A pulled source that lends messages for a while is asked to lend them for longer, for as long as work is pending.

use super::*;
use crate::run::assemble::plan;
use async_trait::async_trait;
use std::sync::Mutex as StdMutex;
use tradewind_adapter::{Capability, Error, ErrorKind};
use tradewind_config::System;
use tradewind_engine::testkit::{CrashStreams, SimClock, event, in_simulated_time};
use tradewind_store::Durability;

const LEASE: Duration = Duration::from_secs(2);

/// Two messages, whose settlement takes several leases.
#[derive(Debug, Default)]
struct Slow {
    given: StdMutex<bool>,
    said: StdMutex<Vec<String>>,
}

impl Slow {
    fn say(&self, what: &str, tokens: &[&Token]) {
        let tokens: Vec<&str> = tokens.iter().map(|token| token.0.as_str()).collect();
        let mut said = self.said.lock().unwrap();
        said.push(format!("{what} {}", tokens.join(" ")));
    }
}

#[async_trait]
impl Source for Slow {
    async fn receive(&self, _: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        if std::mem::replace(&mut *self.given.lock().unwrap(), true) {
            tokio::time::sleep(wait).await;
            return Ok(Vec::new());
        }
        let received = ["a", "b"].map(|id| Received {
            token: Token(id.into()),
            events: Ok(vec![event(id)]),
            original: None,
        });
        Ok(received.into())
    }
    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        tokio::time::sleep(LEASE * 7 / 4).await;
        let tokens: Vec<&Token> = settlements.iter().map(|(token, _)| token).collect();
        self.say("settled", &tokens);
        Ok(())
    }
    async fn extend(&self, tokens: Vec<Token>) -> Result<(), Error> {
        self.say("longer", &tokens.iter().collect::<Vec<_>>());
        match self.said.lock().unwrap().len() {
            // What fails once is asked for again.
            1 => Err(Error::new(ErrorKind::Unavailable, "extend", "busy")),
            _ => Ok(()),
        }
    }
    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_lease = Some(LEASE);
        capability
    }
}

#[test]
fn messages_stay_lent_while_work_is_pending() {
    in_simulated_time(lent()).unwrap();
}

async fn lent() -> Result<(), String> {
    let text = "streams: { acme: {} }\n";
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
    let source = Arc::new(Slow::default());
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
    assert_eq!(engine.streams().await["acme"].appended, 2);
    let said = source.said.lock().unwrap();
    let expected = ["longer a b", "longer a b", "longer a b", "settled a b"];
    assert_eq!(*said, expected);
    Ok(())
}
