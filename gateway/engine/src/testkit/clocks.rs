//! Wall clocks that jump, run slow and step, while the gateway runs and between two runs.

use super::scene::publish;
use super::{Act, EPOCH_MS, Scene, ScriptedSink, SimClock, in_simulated_time, plan, subscription};
use crate::{Plan, SubscriptionPlan};
use std::sync::Arc;
use std::time::Duration;
use tradewind_event::{Attribute, Event, Timestamp};

const HOUR_MS: i64 = 3_600_000;
/// Events in one run.
pub const EVENTS: u64 = 240;
/// How long `late` waits on purpose.
const DELAY: Duration = Duration::from_secs(20);

/// What the wall clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jump {
    None,
    Once(i64),
    /// A leap second, spread out: a thousandth too slow.
    Smear,
    /// Half a second forth and back, four times a second.
    Steps,
}

const JUMPS: [(&str, Jump); 5] = [
    ("-1 h", Jump::Once(-HOUR_MS)),
    ("+24 h", Jump::Once(24 * HOUR_MS)),
    ("+1 y", Jump::Once(365 * 24 * HOUR_MS)),
    ("leap smear", Jump::Smear),
    ("NTP steps", Jump::Steps),
];

/// What the runs showed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Runs, the undisturbed ones left out.
    pub runs: u64,
    /// Deliveries that were neither made nor rightly refused.
    pub lost: u64,
    /// Deliveries given up, dead letters purged and waits ended before their time.
    pub early: u64,
    /// Most attempts in a second after the jump, over the most without one.
    pub burst: f64,
}

/// Every jump, while the gateway runs and across a restart.
///
/// # Errors
/// The engine fails.
pub fn clocks(seed: u64) -> Result<Figures, String> {
    let mut figures = Figures::default();
    for restart in [false, true] {
        let calm = in_simulated_time(run(seed, Jump::None, restart))?;
        for (name, jump) in JUMPS {
            let ran = in_simulated_time(run(seed, jump, restart));
            let ran = ran.map_err(|error| format!("{name}, restart {restart}: {error}"))?;
            figures.runs += 1;
            figures.lost += ran.lost;
            figures.early += ran.early;
            figures.burst = figures.burst.max(ran.most as f64 / calm.most.max(1) as f64);
        }
    }
    Ok(figures)
}

struct Ran {
    lost: u64,
    early: u64,
    most: u64,
}

struct Sinks {
    steady: Arc<ScriptedSink>,
    failing: Arc<ScriptedSink>,
    waiting: Arc<ScriptedSink>,
    late: Arc<ScriptedSink>,
    refusing: Arc<ScriptedSink>,
}

impl Sinks {
    fn new() -> Self {
        Self {
            steady: ScriptedSink::accepting(),
            failing: ScriptedSink::new(|_| Act::Retry(None)),
            waiting: ScriptedSink::accepting(),
            late: ScriptedSink::accepting(),
            refusing: ScriptedSink::new(|_| Act::Reject),
        }
    }

    fn plan(&self) -> Plan {
        let aging = |sink: &Arc<ScriptedSink>| {
            let mut s: SubscriptionPlan = subscription(sink);
            s.policy.max_age = Duration::from_secs(1800);
            s.policy.retry.max_age = Duration::from_secs(1800);
            s.policy.retry.max_attempts = 1000;
            // Retries are to be seen, not held back.
            s.policy.breaker.failures = 0;
            s
        };
        let mut late = aging(&self.late);
        late.policy.delay = DELAY;
        let mut refusing = aging(&self.refusing);
        refusing.policy.dead_letter_retention = Duration::from_secs(1800);
        plan([
            ("steady", aging(&self.steady)),
            ("failing", aging(&self.failing)),
            ("waiting", aging(&self.waiting)),
            ("late", late),
            ("refusing", refusing),
        ])
    }
}

async fn run(seed: u64, jump: Jump, restart: bool) -> Result<Ran, String> {
    let mut scene = Scene::new(seed);
    let sinks = Sinks::new();
    let mut engine = scene.start(sinks.plan()).await?;
    engine.pause("waiting").await.map_err(|e| e.to_string())?;
    let tick = Duration::from_millis(250);
    let mut born = Vec::new();
    let mut jumped_ms = 0;
    for step in 0..4 * 60 {
        if step < 4 * 30 {
            let batch = (0..EVENTS / 120).map(|n| event(step * 100 + n, jump, restart));
            let batch: Vec<Event> = batch.collect::<Result<_, _>>()?;
            let at = scene.clock.elapsed_ms();
            born.extend(batch.iter().map(|event| (event.id().to_owned(), at)));
            publish(&engine, batch).await?;
        }
        if step == 4 * 15 {
            jumped_ms = scene.clock.elapsed_ms();
            if restart {
                drop(engine);
                scene.stop().await;
            }
            if let Jump::Once(by) = jump {
                scene.clock.jump(by);
            }
            engine = scene.start_again(restart, &sinks).await?;
        }
        drift(&scene.clock, jump, step);
        scene.wait(tick).await;
    }
    let most = most_per_second(&scene.clock, &sinks.failing, jumped_ms);
    sinks.failing.now_does(|_| Act::Accept);
    engine.resume("waiting").await.map_err(|e| e.to_string())?;
    // Longer than the longest pause between attempts, which is 10 minutes, and than any note of the
    // time is old.
    scene.wait(Duration::from_secs(660)).await;
    let mut ran = Ran {
        lost: 0,
        early: 0,
        most,
    };
    for view in engine.subscriptions().await {
        let a = view.account;
        let right = match view.name.as_str() {
            "refusing" => a.dead_lettered,
            _ => a.accepted,
        };
        ran.lost += EVENTS.saturating_sub(right);
        ran.early += a.expired + a.purged;
        ran.early += if view.name == "refusing" {
            0
        } else {
            a.dead_lettered
        };
    }
    let seen = sinks.late.seen();
    for (id, at) in born {
        let first = seen
            .iter()
            .find(|s| s.id == id)
            .map(|s| scene.clock.ms_of(s.at));
        ran.early += u64::from(first.is_some_and(|first| first < at + DELAY.as_millis() as u64));
    }
    Ok(ran)
}

impl Scene {
    async fn start_again(&mut self, restart: bool, sinks: &Sinks) -> Result<crate::Engine, String> {
        match &self.running() {
            Some(engine) if !restart => Ok(engine.clone()),
            _ => self.start(sinks.plan()).await,
        }
    }
}

/// An event; where its time to live can be judged, by a clock that was not set while nobody looked,
/// it has one.
fn event(n: u64, jump: Jump, restart: bool) -> Result<Event, String> {
    let id = format!("event-{n:05}");
    let mut event = Event::builder(id.as_str(), "/clocks", "tick");
    let judged = !restart || !matches!(jump, Jump::Once(_));
    if judged && n.is_multiple_of(3) {
        let time = Timestamp {
            seconds: (EPOCH_MS / 1000 + 1200) as i64,
            nanos: 0,
        };
        event = event.extension("expirytime", Attribute::String(&time.to_string()));
    }
    event.build().map_err(|error| error.to_string())
}

fn drift(clock: &SimClock, jump: Jump, step: u64) {
    match jump {
        Jump::Smear if step.is_multiple_of(4) => clock.jump(-1),
        Jump::Steps => clock.jump(if step.is_multiple_of(2) { 500 } else { -500 }),
        _ => {}
    }
}

/// Most attempts in any second from `from` on.
fn most_per_second(clock: &SimClock, sink: &ScriptedSink, from: u64) -> u64 {
    let mut buckets = std::collections::BTreeMap::<u64, u64>::new();
    let seen = sink.seen();
    let times = seen
        .iter()
        .map(|s| clock.ms_of(s.at))
        .filter(|at| *at >= from);
    for at in times {
        *buckets.entry(at / 1000).or_default() += 1;
    }
    buckets.into_values().max().unwrap_or(0)
}
