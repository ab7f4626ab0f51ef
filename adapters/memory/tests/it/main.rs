//! The conformance suite and the adapter's own promises.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use async_trait::async_trait;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness, SourceHarness};
use tradewind_adapter::{
    Build, BuiltSource, Delivery, Outcome, Reason, Registry, Report, Settlement, Sink, Source,
};
use tradewind_event::Event;
use tradewind_memory::{Full, MemorySink, MemorySource, Queue};

#[derive(Default)]
struct Harness {
    sink: Mutex<Option<MemorySink>>,
    queue: Mutex<Option<Arc<Queue>>>,
}

fn retry(throttled: bool) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: None,
        throttled,
        reason: Reason::new("scripted", ""),
    }
}

#[async_trait]
impl SinkHarness for Harness {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let sink = MemorySink::scripted(move |_| match &behaviour {
            Behaviour::Accept | Behaviour::Endless => Some(Outcome::Accepted {
                receipt: None,
                reply: None,
            }),
            Behaviour::Reply(event) => Some(Outcome::Accepted {
                receipt: None,
                reply: Some(event.clone()),
            }),
            Behaviour::Fail | Behaviour::Unreachable => Some(retry(false)),
            Behaviour::Throttle => Some(retry(true)),
            Behaviour::Refuse => Some(Outcome::Reject {
                disable: false,
                reason: Reason::new("scripted", ""),
            }),
            _ => None,
        });
        *self.sink.lock().unwrap() = Some(sink.clone());
        Some(Arc::new(sink))
    }
    async fn received(&self) -> Vec<Event> {
        let sink = self.sink.lock().unwrap().clone().unwrap();
        sink.deliveries().into_iter().map(|d| d.event).collect()
    }
}

#[async_trait]
impl SourceHarness for Harness {
    async fn source(&self) -> Arc<dyn Source> {
        let queue = Queue::new(1000, Queue::LEASE);
        *self.queue.lock().unwrap() = Some(Arc::clone(&queue));
        Arc::new(MemorySource::new(queue))
    }
    async fn send(&self, events: Vec<Event>) {
        let queue = self.queue.lock().unwrap().clone().unwrap();
        for event in events {
            queue.push(event).unwrap();
        }
    }
    async fn send_garbage(&self) -> bool {
        let queue = self.queue.lock().unwrap().clone().unwrap();
        queue.push_garbage().is_ok()
    }
    async fn lose_leases(&self, source: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        tokio::time::advance(Queue::LEASE).await;
        Some(source)
    }
}

#[tokio::test(start_paused = true)]
async fn sink_conforms() {
    let summary = testkit::sink(&Harness::default()).await;
    assert_eq!(summary.skipped, ["too_large_an_event_is_rejected"]);
    summary.assert();
}

#[tokio::test(start_paused = true)]
async fn source_conforms() {
    let summary = testkit::source(&Harness::default()).await;
    assert_eq!(summary.skipped, [""; 0]);
    summary.assert();
}

/// Accepts whatever happens, and keeps only the beginning of the data.
#[derive(Default)]
struct Liar(Harness);

#[async_trait]
impl SinkHarness for Liar {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        match behaviour {
            Behaviour::Hang => self.0.sink(Behaviour::Refuse).await,
            _ => self.0.sink(Behaviour::Accept).await,
        }
    }
    async fn received(&self) -> Vec<Event> {
        let cut = |event: Event| {
            let event = Event::builder(event.id(), event.source(), event.ty());
            event.data("text/plain", "x").build().unwrap()
        };
        self.0.received().await.into_iter().map(cut).collect()
    }
    fn secrets(&self) -> Vec<String> {
        vec!["MemorySink".into()]
    }
}

/// Acknowledges nothing and loses what was not settled.
#[async_trait]
impl SourceHarness for Liar {
    async fn source(&self) -> Arc<dyn Source> {
        self.0.source().await
    }
    async fn send(&self, events: Vec<Event>) {
        // In the wrong order, and with a duplicate.
        SourceHarness::send(&self.0, events.iter().rev().cloned().collect()).await;
        SourceHarness::send(&self.0, events.into_iter().take(1).collect()).await;
    }
    async fn lose_leases(&self, _: Arc<dyn Source>) -> Option<Arc<dyn Source>> {
        Some(self.0.source().await)
    }
}

#[tokio::test(start_paused = true)]
async fn the_suite_finds_what_is_wrong() {
    let names = |summary: &testkit::Summary| -> Vec<&str> {
        summary.failed.iter().map(|(name, _)| *name).collect()
    };
    let sink = testkit::sink(&Liar::default()).await;
    let expected = [
        "keeps_data_and_attributes",
        "reports_each_delivery_once",
        "takes_a_whole_batch",
        "serves_concurrent_deliveries",
        "returns_the_reply",
        "a_passing_failure_is_retried",
        "a_throttled_sink_says_so",
        "a_final_refusal_is_rejected",
        "an_unreachable_target_is_retried",
        "cancellation_stops",
        "the_deadline_stops",
        "shows_no_secrets",
    ];
    assert_eq!(names(&sink), expected, "{sink}");
    let source = testkit::source(&Liar::default()).await;
    let expected = [
        "acknowledged_messages_are_gone",
        "unsettled_messages_come_again",
        "refused_messages_come_again",
        "settling_twice_is_no_error",
        "keeps_order",
    ];
    assert_eq!(names(&source), expected, "{source}");
}

fn event(id: &str) -> Event {
    Event::builder(id, "/test", "test").build().unwrap()
}

async fn ids(source: &dyn Source, max: usize) -> Vec<String> {
    let got = source.receive(max, Duration::ZERO).await.unwrap();
    let id = |e: &Event| e.id().to_owned();
    got.iter()
        .flat_map(|m| m.events.as_ref().unwrap().iter().map(id))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_lease_lasts_its_time_and_can_be_extended() {
    let queue = Queue::new(10, Duration::from_secs(30));
    let source = MemorySource::new(Arc::clone(&queue));
    queue.push(event("a")).unwrap();
    queue.push(event("b")).unwrap();
    let got = source.receive(2, Duration::ZERO).await.unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    source.extend(vec![got[0].token.clone()]).await.unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(ids(&source, 10).await, ["b"], "a is still leased");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(ids(&source, 10).await, ["a"]);
    assert_eq!(queue.len(), 2, "nothing was acknowledged");
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_waits_its_pause() {
    let queue = Queue::new(10, Duration::from_secs(600));
    let source = MemorySource::new(Arc::clone(&queue));
    queue.push(event("a")).unwrap();
    let got = source.receive(1, Duration::ZERO).await.unwrap();
    let delay = Some(Duration::from_secs(5));
    let nack = vec![(got[0].token.clone(), Settlement::Nack { delay })];
    source.settle(nack).await.unwrap();
    assert!(ids(&source, 1).await.is_empty());
    // `receive` waits for the pause to end, not only for a new message.
    let started = tokio::time::Instant::now();
    let got = source.receive(1, Duration::from_secs(60)).await.unwrap();
    assert_eq!((got.len(), started.elapsed().as_secs()), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn capacity_counts_what_is_leased() {
    let queue = Queue::new(2, Queue::LEASE);
    let source = MemorySource::new(Arc::clone(&queue));
    queue.push(event("a")).unwrap();
    queue.push(event("b")).unwrap();
    assert_eq!(queue.push(event("c")), Err(Full));
    let got = source.receive(1, Duration::ZERO).await.unwrap();
    assert_eq!(queue.push(event("c")), Err(Full));
    let ack = vec![(got[0].token.clone(), Settlement::Ack)];
    source.settle(ack).await.unwrap();
    assert_eq!(queue.push(event("c")), Ok(()));
}

async fn deliver(sink: &dyn Sink, ids: &[&str]) -> Vec<(usize, Outcome)> {
    let delivery = |id: &&str| Delivery {
        id: (*id).into(),
        event: event(id),
        subscription: "s".into(),
        stream: "default".into(),
        position: "0/0".into(),
        attempt: 1,
        timeout: Duration::from_secs(1),
        replay: None,
        trace: None,
    };
    let (report, mut outcomes) = Report::channel();
    let batch = ids.iter().map(delivery).collect();
    sink.deliver(batch, report, CancellationToken::new()).await;
    let mut all = Vec::new();
    while let Some(outcome) = outcomes.try_recv() {
        all.push(outcome);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn scripted_outcomes_come_first_and_in_order() {
    let sink = MemorySink::new();
    sink.push_outcome(retry(false));
    sink.push_outcome(retry(true));
    let got = deliver(&sink, &["a", "b", "c"]).await;
    assert_eq!(got[0], (0, retry(false)));
    assert_eq!(got[1], (1, retry(true)));
    assert!(matches!(got[2], (2, Outcome::Accepted { .. })));
    let order: Vec<_> = sink.deliveries().iter().map(|d| d.id.to_string()).collect();
    assert_eq!(order, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_asks_for_less() {
    let sink = MemorySink::into_queue(Queue::new(1, Queue::LEASE));
    let got = deliver(&sink, &["a", "b"]).await;
    assert!(matches!(got[0].1, Outcome::Accepted { .. }));
    assert!(matches!(
        got[1].1,
        Outcome::Retry {
            throttled: true,
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn by_configuration_sink_and_source_share_a_queue() {
    let mut registry = Registry::default();
    registry.sink::<MemorySink>().source::<MemorySource>();
    let build = Build {
        name: "loop".into(),
        ..Build::default()
    };
    let sink = registry.build_sink("memory", &json!({"queue": "loop"}), &build);
    let sink = sink.unwrap();
    let Ok(BuiltSource::Pull(source)) = registry.build_source("memory", &json!({}), &build) else {
        panic!("not a pulled source");
    };
    deliver(&*sink, &["a", "b"]).await;
    assert_eq!(ids(&*source, 10).await, ["a", "b"]);
    let error = registry
        .build_sink("memory", &json!({"queu": "loop"}), &build)
        .unwrap_err();
    assert_eq!(
        error.error.message(),
        "unknown field `queu`, expected `queue`"
    );
}
