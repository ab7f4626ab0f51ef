//! The kit, and a world in memory.

pub(crate) use tradewind_engine::testkit::*;

use std::sync::Arc;
use tradewind_engine::{Account, Engine, Plan, Receipt};
use tradewind_event::Event;

pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) store: Arc<CrashStreams>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = SimClock::new();
        Self {
            store: CrashStreams::new(clock.clone()),
            clock,
        }
    }
    pub(crate) async fn start(&self, plan: Plan) -> Engine {
        Engine::start(plan, self.store.clone(), self.clock.clone())
            .await
            .unwrap()
    }
}

pub(crate) async fn publish(
    engine: &Engine,
    events: impl IntoIterator<Item = Event>,
) -> Vec<Receipt> {
    engine
        .publish("default", &origin(), events.into_iter().collect())
        .await
        .unwrap()
}

/// The account of a subscription, which must balance.
pub(crate) async fn account(engine: &Engine, name: &str) -> Account {
    let views = engine.subscriptions().await;
    let account = views.iter().find(|v| v.name == name).unwrap().account;
    assert!(account.balances(), "{name}: {account:?}");
    account
}
