//! Where events are pulled from.

use crate::{Calendar, Capability, Error, Ground, Permission};
use async_trait::async_trait;
use std::time::Duration;
use tradewind_event::Event;

/// Names one received message to its source until it is settled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token(pub String);

/// One message: its events (usually one), or why it could not be read.
#[derive(Debug)]
pub struct Received {
    /// For [`Source::settle`].
    pub token: Token,
    /// The events, or a decoding error: such a message goes to the dead letters of its source.
    pub events: Result<Vec<Event>, Error>,
    /// Where it could not be read: an event that holds what came as it is, to be kept with the error. `None` where
    /// there is none.
    pub original: Option<Event>,
}

impl Received {
    /// A message that is one event. Where it could not be read, `kept` makes the one that holds it as it came.
    pub fn one(
        token: Token,
        event: Result<Event, Error>,
        kept: impl FnOnce() -> Result<Event, Error>,
    ) -> Self {
        let original = match &event {
            Err(_) => kept().ok(),
            Ok(_) => None,
        };
        Self {
            token,
            events: event.map(|event| vec![event]),
            original,
        }
    }
}

/// What to tell the source of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It is durable here: forget it.
    Ack,
    /// Give it again, not before this long.
    Nack {
        /// Pause before redelivery, where the source can.
        delay: Option<Duration>,
    },
}

/// A source that is asked for messages.
///
/// # Contract
/// - `receive` waits up to `wait`, and may return nothing.
/// - A message is settled only after the durable append; unsettled ones come again.
/// - The loop, batching, backoff and flow control live above the driver.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Lends time, memory and schemas, before the first `receive`. Most sources need none of them.
    fn lend(&self, _ground: Ground) {}
    /// What it knows of its own future; `None` for sources that others feed.
    fn calendar(&self) -> Option<&dyn Calendar> {
        None
    }
    /// Up to `max` messages.
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error>;
    /// Settles messages; a second settlement of one token is no error.
    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error>;
    /// Lends these messages for another lease; asked every half of one while they are stored and settled. Those that
    /// are settled already are no error.
    async fn extend(&self, _tokens: Vec<Token>) -> Result<(), Error> {
        Ok(())
    }
    /// Tokens that the source took away since the last call (a rebalance): not to be settled.
    fn revoked(&self) -> Vec<Token> {
        Vec::new()
    }
    /// What it must be allowed to do at its provider; nothing where that is no matter of policies.
    fn permissions(&self) -> Vec<Permission> {
        Vec::new()
    }
    /// The configured registry of schemas that it opens frames by, with the key that names it.
    fn schema_registry(&self) -> Option<(&'static str, &str)> {
        None
    }
    /// What this source can do.
    fn capability(&self) -> Capability;
    /// Whether the other side can be reached.
    async fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}
