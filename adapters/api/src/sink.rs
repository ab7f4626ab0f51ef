//! Where events go.

use crate::{Capability, Error, Invoke, Permission, Report, TraceContext};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_event::Event;

/// One attempt to hand an event to a sink.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Stable over all attempts of this event for this subscription; an idempotency key within one data directory. What
    /// is to recognise repetitions beyond it takes [`Delivery::identity`].
    pub id: Arc<str>,
    /// The event as it is to be sent.
    pub event: Event,
    /// The subscription.
    pub subscription: Arc<str>,
    /// The stream and the position in it, for instance `default` and `0/18231`.
    pub stream: Arc<str>,
    /// Position within the stream.
    pub position: Arc<str>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Time left for this attempt; the engine also cancels when it is over.
    pub timeout: Duration,
    /// Id of the replay job, when this is a replay.
    pub replay: Option<Arc<str>>,
    /// The span of this attempt, where there is one; else the event's own trace context holds.
    pub trace: Option<TraceContext>,
}

/// Bytes of an identity.
const IDENTITY: usize = 16;

impl Delivery {
    /// Tells this delivery from all others, whichever data directory they come from; the same on every attempt. 32
    /// hexadecimal digits.
    ///
    /// The id names a place in a log: after a restore, or from another gateway, another event has it.
    pub fn identity(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&*self.id, self.event.source(), self.event.id()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let mut identity = [0; IDENTITY];
        identity.copy_from_slice(&hash.finalize()[..IDENTITY]);
        format!("{:032x}", u128::from_be_bytes(identity))
    }
}

/// A configured destination.
///
/// # Contract
/// - One outcome per delivery, reported as it completes.
/// - Never retries, never follows redirects, never sleeps: `Retry` says when.
/// - Keeps `data` byte-exact.
/// - Stops soon after `cancel` fires; what it had not finished it reports as `Retry` or not at all.
/// - Bounded memory whatever the other side sends.
#[async_trait]
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Attempts a batch (of one, unless [`Capability::deliver_batch_max`] allows more).
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken);
    /// What it must be allowed to do at its provider; nothing where that is no matter of policies.
    fn permissions(&self) -> Vec<Permission> {
        Vec::new()
    }
    /// What this sink can do.
    fn capability(&self) -> Capability;
    /// Where it goes, for people: no secrets.
    fn describe(&self) -> String;
    /// The sink as a function that answers, for routes; `None` where it only takes events.
    fn invoke(&self) -> Option<&dyn Invoke> {
        None
    }
    /// Whether the destination looks alive; used by checks, never before each delivery.
    async fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, source: &str, event: &str) -> Delivery {
        Delivery {
            id: id.into(),
            event: Event::builder(event, source, "t").build().unwrap(),
            subscription: "s".into(),
            stream: "default".into(),
            position: "0/1".into(),
            attempt: 1,
            timeout: Duration::from_secs(1),
            replay: None,
            trace: None,
        }
    }

    #[test]
    fn an_identity_is_that_of_one_delivery_of_one_event() {
        let all = [
            delivery("default-0-1-s", "/shop", "1"),
            delivery("default-0-1-s", "/shop", "2"),
            delivery("default-0-1-s", "/till", "1"),
            delivery("default-0-2-s", "/shop", "1"),
            // The same letters, otherwise parted.
            delivery("default-0-1-s", "/sho", "p1"),
        ];
        let identities: std::collections::BTreeSet<_> =
            all.iter().map(Delivery::identity).collect();
        assert_eq!(identities.len(), all.len());
        for one in all {
            let again = Delivery {
                attempt: 2,
                timeout: Duration::from_secs(9),
                ..one.clone()
            };
            assert_eq!(again.identity(), one.identity());
            assert!(
                again.identity().len() == 32
                    && again.identity().bytes().all(|b| b.is_ascii_hexdigit())
            );
        }
    }
}
