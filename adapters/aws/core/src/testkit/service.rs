//! The conformance suite of sinks, with moto where it accepts and canned answers where it does not.

use super::{Answer, Moto, SECRET, Wire, canned, nobody};
use async_trait::async_trait;
use std::sync::Arc;
use tradewind_adapter::Sink;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness};
use tradewind_event::Event;

/// A service, as the suite sees it.
#[async_trait]
pub trait Service: Send + Sync {
    const WIRE: Wire;

    /// A sink at this server, where nothing is prepared.
    fn sink(&self, endpoint: &str) -> Arc<dyn Sink>;

    /// A sink to something new at moto.
    async fn target(&self, endpoint: &str) -> Arc<dyn Sink>;

    /// What the latest target has taken.
    async fn received(&self, endpoint: &str) -> Vec<Event>;

    /// An answer that refuses the one entry of a call for good.
    fn refusal(&self) -> Answer {
        Answer::Failure(400, "ValidationException", "no")
    }

    /// Whether the service has a form for this event at all.
    fn carries(&self, event: &Event) -> bool {
        let _ = event;
        true
    }
}

struct Harness<S> {
    service: S,
    moto: Moto,
}

#[async_trait]
impl<S: Service> SinkHarness for Harness<S> {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let answer = match behaviour {
            Behaviour::Accept => return Some(self.service.target(&self.moto.endpoint).await),
            Behaviour::Fail => Answer::Failure(500, "InternalFailure", "oops"),
            Behaviour::Throttle => Answer::Failure(400, "ThrottlingException", "slow"),
            Behaviour::Refuse => self.service.refusal(),
            Behaviour::Hang => Answer::Never,
            Behaviour::Endless => Answer::Endless,
            Behaviour::Unreachable => return Some(self.service.sink(&nobody().await)),
            _ => return None,
        };
        let origin = canned(S::WIRE, answer).await;
        Some(self.service.sink(&origin))
    }

    async fn received(&self) -> Vec<Event> {
        self.service.received(&self.moto.endpoint).await
    }

    fn carries(&self, event: &Event) -> bool {
        self.service.carries(event)
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }
}

/// Runs the suite; `skipped` is what does not apply.
pub async fn conformance(service: impl Service, skipped: &[&str]) {
    let moto = Moto::start().await;
    let summary = testkit::sink(&Harness { service, moto }).await;
    assert_eq!(summary.skipped, skipped);
    summary.assert();
}
