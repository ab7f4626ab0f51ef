//! A pulled source that lends messages for a while is asked to lend them for longer, for as long as work is pending.

use super::ground::a_minute;
use super::*;
use async_trait::async_trait;
use std::sync::Mutex as StdMutex;
use tradewind_adapter::{Capability, Error, ErrorKind};
use tradewind_engine::testkit::{event, in_simulated_time};

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
    let source = Arc::new(Slow::default());
    let appended = a_minute("streams: { acme: {} }\n", source.clone()).await;
    assert_eq!(appended, 2);
    let said = source.said.lock().unwrap();
    let expected = ["longer a b", "longer a b", "longer a b", "settled a b"];
    assert_eq!(*said, expected);
    Ok(())
}
