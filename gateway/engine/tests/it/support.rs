//! Clock, sinks and plans for the tests.

mod store;

pub(crate) use store::CrashStreams;

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Outcome, Reason, Report, Sink};
use tradewind_engine::{
    Account, Engine, Origin, Plan, Policy, Receipt, Start, StreamPlan, SubscriptionPlan,
};
use tradewind_event::Event;

pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;

/// Tokio's clock, which tests pause.
#[derive(Debug, Clone)]
pub(crate) struct TestClock(Instant, u64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now(), EPOCH_MS))
    }
    /// The same monotonic clock under another wall clock.
    pub(crate) fn shifted(&self, by_ms: i64) -> Arc<Self> {
        Arc::new(Self(self.0, self.1.saturating_add_signed(by_ms)))
    }
    fn elapsed(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}

#[async_trait]
impl tradewind_engine::Clock for TestClock {
    fn unix_ms(&self) -> u64 {
        self.1 + self.elapsed()
    }
    fn monotonic_ms(&self) -> u64 {
        self.elapsed()
    }
    async fn sleep_until(&self, at: u64) {
        tokio::time::sleep_until(self.0 + Duration::from_millis(at)).await;
    }
}

impl tradewind_store::Clock for TestClock {
    fn unix_ms(&self) -> u64 {
        self.1 + self.elapsed()
    }
}

/// What a sink was given.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) delivery: String,
    pub(crate) position: String,
    pub(crate) attempt: u32,
    pub(crate) replay: Option<String>,
    pub(crate) event: Event,
    pub(crate) at: Instant,
}

type Script = dyn Fn(&Delivery) -> Act + Send + Sync;

/// What a scripted sink does with a delivery.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Accept,
    Slow(Duration),
    Retry(Option<Duration>),
    Throttle(Duration),
    Reject,
    Gone,
    Hang,
    Silent,
    Panic,
    Reply(Event),
}

/// A sink that does as it is told, and remembers.
pub(crate) struct ScriptedSink {
    script: Mutex<Arc<Script>>,
    seen: Mutex<Vec<Seen>>,
    under_way: Mutex<(usize, usize)>,
    batch_max: usize,
}

impl fmt::Debug for ScriptedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedSink")
    }
}

impl ScriptedSink {
    pub(crate) fn new(script: impl Fn(&Delivery) -> Act + Send + Sync + 'static) -> Arc<Self> {
        Self::batching(1, script)
    }
    pub(crate) fn batching(
        batch_max: usize,
        script: impl Fn(&Delivery) -> Act + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(Arc::new(script)),
            seen: Mutex::default(),
            under_way: Mutex::default(),
            batch_max,
        })
    }
    pub(crate) fn accepting() -> Arc<Self> {
        Self::new(|_| Act::Accept)
    }
    pub(crate) fn now_does(&self, script: impl Fn(&Delivery) -> Act + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
    pub(crate) fn ids(&self) -> Vec<String> {
        self.seen().into_iter().map(|s| s.id).collect()
    }
    /// Most calls at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.under_way.lock().unwrap().1
    }
}

struct UnderWay<'a>(&'a ScriptedSink);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Ok(mut n) = self.0.under_way.lock() {
            n.0 -= 1;
        }
    }
}

pub(crate) fn retry(after: Option<Duration>, throttled: bool) -> Outcome {
    Outcome::Retry {
        after,
        patience: None,
        throttled,
        reason: Reason::new("http-status", "try later").with_status(503),
    }
}

#[async_trait]
impl Sink for ScriptedSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, _cancel: CancellationToken) {
        {
            let mut n = self.under_way.lock().unwrap();
            n.0 += 1;
            n.1 = n.1.max(n.0);
        }
        let _under_way = UnderWay(self);
        let script = Arc::clone(&self.script.lock().unwrap());
        for (index, delivery) in batch.iter().enumerate() {
            self.seen.lock().unwrap().push(Seen {
                id: delivery.event.id().to_owned(),
                delivery: delivery.id.to_string(),
                position: delivery.position.to_string(),
                attempt: delivery.attempt,
                replay: delivery.replay.as_deref().map(str::to_owned),
                event: delivery.event.clone(),
                at: Instant::now(),
            });
            let accepted = |reply| Outcome::Accepted {
                receipt: None,
                reply,
            };
            let outcome = match script(delivery) {
                Act::Accept => accepted(None),
                Act::Slow(pause) => {
                    tokio::time::sleep(pause).await;
                    accepted(None)
                }
                Act::Retry(after) => retry(after, false),
                Act::Throttle(after) => retry(Some(after), true),
                Act::Reject | Act::Gone => Outcome::Reject {
                    disable: matches!(script(delivery), Act::Gone),
                    reason: Reason::new("http-status", "no").with_status(410),
                },
                Act::Hang => std::future::pending().await,
                Act::Silent => continue,
                Act::Panic => panic!("scripted"),
                Act::Reply(event) => accepted(Some(event)),
            };
            report.settle(index, outcome);
        }
    }
    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(self.batch_max);
        capability
    }
    fn describe(&self) -> String {
        "scripted".into()
    }
}

pub(crate) fn event(id: &str) -> Event {
    Event::builder(id, "/shop", "order.placed")
        .data("text/plain", id.to_owned())
        .build()
        .unwrap()
}

pub(crate) fn keyed(id: &str, key: &str) -> Event {
    Event::builder(id, "/shop", "order.placed")
        .subject(key)
        .build()
        .unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin {
        space: "default".into(),
        source: "test".into(),
        principal: "tester".into(),
        dedupe_window: None,
    }
}

pub(crate) fn subscription(sink: &Arc<ScriptedSink>) -> SubscriptionPlan {
    filtered(sink, serde_json::Value::Null)
}

pub(crate) fn filtered(
    sink: &Arc<ScriptedSink>,
    definition: serde_json::Value,
) -> SubscriptionPlan {
    SubscriptionPlan {
        stream: "default".into(),
        filter: tradewind_filter::compile(&definition).unwrap(),
        definition,
        sink: Arc::clone(sink) as Arc<dyn Sink>,
        start: Start::Tip,
        renamed_from: None,
        policy: Policy::default(),
    }
}

/// A plan with the stream `default` and these subscriptions.
pub(crate) fn plan<const N: usize>(subscriptions: [(&str, SubscriptionPlan); N]) -> Plan {
    Plan {
        streams: BTreeMap::from([("default".to_owned(), StreamPlan::default())]),
        subscriptions: subscriptions
            .into_iter()
            .map(|(name, s)| (name.to_owned(), s))
            .collect(),
    }
}

/// As [`plan`], in order of `subject`.
pub(crate) fn ordered<const N: usize>(subscriptions: [(&str, SubscriptionPlan); N]) -> Plan {
    let mut plan = plan(subscriptions);
    plan.streams.get_mut("default").unwrap().order_by = Some("subject".into());
    plan
}

pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<CrashStreams>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = TestClock::new();
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
