//! A pulled source of a space that is above its quota is slowed down, and nothing of it is given back.

use super::ground::a_minute;
use super::*;
use async_trait::async_trait;
use std::sync::Mutex as StdMutex;
use tradewind_adapter::{Capability, Error};
use tradewind_engine::testkit::{event, in_simulated_time};

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
    let source = Arc::new(Endless::default());
    let appended = a_minute(text, source.clone()).await;
    assert!((50 * 59..=50 * 61 + 100).contains(&appended), "{appended}");
    let settled = source.settled.lock().unwrap();
    assert_eq!(settled.len() as u64, appended);
    assert!(settled.iter().all(|how| *how == Settlement::Ack));
    assert_eq!(*source.given.lock().unwrap(), appended);
    Ok(())
}
