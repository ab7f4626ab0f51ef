//! A sink that does as it is told.

use async_trait::async_trait;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Outcome, Reason, Report, Sink};
use tradewind_event::Event;

/// What a sink was given.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The event's id.
    pub id: String,
    /// Delivery id.
    pub delivery: String,
    /// Position.
    pub position: String,
    /// 1 for the first.
    pub attempt: u32,
    /// Id of the replay it belongs to.
    pub replay: Option<String>,
    /// The event.
    pub event: Event,
    /// When.
    pub at: Instant,
    /// The sink accepts it, if it is let.
    pub accepted: bool,
    /// Counts what any sink was given.
    pub nth: u64,
    /// When it was done with it: it told the outcome, or its call ended.
    pub ended: Option<Instant>,
    /// Its call was given up before it had told the outcome: the other side may not have noticed.
    pub cut_off: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

type Script = dyn Fn(&Delivery) -> Act + Send + Sync;

/// What a scripted sink does with a delivery.
#[derive(Debug, Clone)]
pub enum Act {
    /// Takes it.
    Accept,
    /// Takes it after a pause.
    Slow(Duration),
    /// Fails; perhaps says when to come back.
    Retry(Option<Duration>),
    /// Wants to be left alone.
    Throttle(Duration),
    /// Will never take it.
    Reject,
    /// Will never take anything again.
    Gone,
    /// Never answers.
    Hang,
    /// Returns without an outcome.
    Silent,
    /// Panics.
    Panic,
    /// Takes it, and answers with an event.
    Reply(Event),
}

/// A sink that does as it is told, and remembers.
pub struct ScriptedSink {
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
    /// A sink for one delivery at a time.
    pub fn new(script: impl Fn(&Delivery) -> Act + Send + Sync + 'static) -> Arc<Self> {
        Self::batching(1, script)
    }
    /// A sink for several deliveries at a time.
    pub fn batching(
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
    /// A sink that takes everything.
    pub fn accepting() -> Arc<Self> {
        Self::new(|_| Act::Accept)
    }
    /// From now on it does this.
    pub fn now_does(&self, script: impl Fn(&Delivery) -> Act + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }
    /// What it was given so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
    /// What it was given lies elsewhere now, as far as `moved` says.
    pub fn relocate(&self, moved: impl Fn(&str) -> Option<String>) {
        for seen in self.seen.lock().unwrap().iter_mut() {
            if let Some(position) = moved(&seen.position) {
                seen.position = position;
            }
        }
    }
    /// How many such it was given.
    pub fn count(&self, such: impl Fn(&Seen) -> bool) -> usize {
        self.seen.lock().unwrap().iter().filter(|s| such(s)).count()
    }
    /// Ids of the events it was given.
    pub fn ids(&self) -> Vec<String> {
        self.seen().into_iter().map(|s| s.id).collect()
    }
    /// Most calls at once.
    pub fn most_at_once(&self) -> usize {
        self.under_way.lock().unwrap().1
    }
}

struct UnderWay<'a> {
    sink: &'a ScriptedSink,
    given: Range<usize>,
    returned: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Ok(mut n) = self.sink.under_way.lock() {
            n.0 -= 1;
        }
        if let Ok(mut seen) = self.sink.seen.lock() {
            let open = seen[self.given.clone()].iter_mut();
            for seen in open.filter(|seen| seen.ended.is_none()) {
                seen.ended = Some(Instant::now());
                // Who panics has ended, too.
                seen.cut_off = !self.returned && !std::thread::panicking();
            }
        }
    }
}

/// A failure that may pass.
pub fn retry(after: Option<Duration>, throttled: bool) -> Outcome {
    Outcome::Retry {
        after,
        patience: None,
        throttled,
        reason: Reason::new("http-status", "try later").with_status(503),
    }
}

fn given(delivery: &Delivery) -> Seen {
    Seen {
        id: delivery.event.id().to_owned(),
        delivery: delivery.id.to_string(),
        position: delivery.position.to_string(),
        attempt: delivery.attempt,
        replay: delivery.replay.as_deref().map(str::to_owned),
        event: delivery.event.clone(),
        at: Instant::now(),
        accepted: false,
        nth: NEXT.fetch_add(1, Ordering::Relaxed),
        ended: None,
        cut_off: false,
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
        let script = Arc::clone(&self.script.lock().unwrap());
        // All of a call was given, however far it comes.
        let first = {
            let mut seen = self.seen.lock().unwrap();
            let first = seen.len();
            seen.extend(batch.iter().map(given));
            first
        };
        let mut under_way = UnderWay {
            sink: self,
            given: first..first + batch.len(),
            returned: false,
        };
        for (index, delivery) in batch.iter().enumerate() {
            let act = script(delivery);
            let accepts = matches!(act, Act::Accept | Act::Slow(_) | Act::Reply(_));
            self.seen.lock().unwrap()[first + index].accepted = accepts;
            let accepted = |reply| Outcome::Accepted {
                receipt: None,
                reply,
            };
            let outcome = match act {
                Act::Accept => accepted(None),
                Act::Slow(pause) => {
                    tokio::time::sleep(pause).await;
                    accepted(None)
                }
                Act::Retry(after) => retry(after, false),
                Act::Throttle(after) => retry(Some(after), true),
                Act::Reject | Act::Gone => Outcome::Reject {
                    disable: matches!(act, Act::Gone),
                    reason: Reason::new("http-status", "no").with_status(410),
                },
                Act::Hang => std::future::pending().await,
                Act::Silent => continue,
                Act::Panic => panic!("scripted"),
                Act::Reply(event) => accepted(Some(event)),
            };
            self.seen.lock().unwrap()[first + index].ended = Some(Instant::now());
            report.settle(index, outcome);
        }
        under_way.returned = true;
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
