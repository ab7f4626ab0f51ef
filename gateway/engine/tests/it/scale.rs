//! What grows with a backlog is bounded, and work on all of it holds nobody up.

use crate::support::*;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Outcome, Reason, Report, Sink};

/// Takes a batch, or refuses all of it because of one event.
#[derive(Debug)]
struct AllOrNothing;

#[async_trait]
impl Sink for AllOrNothing {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, _: CancellationToken) {
        let poisoned = batch.iter().any(|delivery| delivery.event.id() == "e3");
        for index in 0..batch.len() {
            let outcome = if poisoned {
                Outcome::Reject {
                    disable: false,
                    reason: Reason::new("http-status", "bad request"),
                }
            } else {
                Outcome::Accepted {
                    receipt: None,
                    reply: None,
                }
            };
            report.settle(index, outcome);
        }
    }
    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(10);
        capability
    }
    fn describe(&self) -> String {
        "all or nothing".into()
    }
}

fn numbered(n: usize) -> impl Iterator<Item = tradewind_event::Event> {
    (0..n).map(|i| event(&format!("e{i}")))
}

#[tokio::test(start_paused = true)]
async fn a_discard_of_a_long_backlog_holds_no_other_subscription_up() {
    let world = World::new();
    let (old, other) = (ScriptedSink::accepting(), ScriptedSink::accepting());
    let both = plan([("old", subscription(&old)), ("other", subscription(&other))]);
    let engine = world.start(both).await;
    engine.pause("old").await.unwrap();
    // Large ones: more than a few pages of log.
    let large = |i: usize| {
        tradewind_event::Event::builder(format!("large{i}"), "/s", "t")
            .data("text/plain", vec![b'x'; 100_000])
            .build()
            .unwrap()
    };
    publish(&engine, (0..50).map(large)).await;
    engine.quiesced().await;
    engine
        .apply(plan([("other", subscription(&other))]))
        .await
        .unwrap();
    publish(&engine, [event("meanwhile")]).await;
    assert_eq!(engine.discard("old").await.unwrap(), 50);
    assert_eq!(other.seen().len(), 51, "it had to wait");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_keeps_its_first_and_its_last_attempts() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Retry(None));
    let mut s = subscription(&sink);
    s.policy.retry.max_attempts = 100;
    s.policy.breaker.failures = 0;
    s.policy.retry.pauses = tradewind_engine::Pauses::Listed(vec![Duration::from_millis(5)]);
    let engine = world.start(plan([("s", s.clone())])).await;
    publish(&engine, [event("e")]).await;
    // Half of them before a restart.
    while sink.seen().len() < 50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    engine.drain(Duration::from_secs(1)).await.unwrap();
    let engine = world.start(plan([("s", s)])).await;
    engine.quiesced().await;
    let (letters, _) = engine.dead_letters("s", None, 1).await.unwrap();
    let numbers: Vec<u32> = letters[0].attempts.iter().map(|a| a.number).collect();
    assert_eq!(numbers[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(numbers[8..], (77..=100).collect::<Vec<_>>()[..]);
    assert_eq!(account(&engine, "s").await.attempts, 100);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_beyond_their_bytes_are_purged_oldest_first() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Reject);
    let mut s = subscription(&sink);
    s.policy.dead_letter_bytes_max = Some(1000);
    let engine = world.start(plan([("s", s.clone())])).await;
    publish(&engine, numbered(100)).await;
    engine.quiesced().await;
    let kept = |letters: Vec<tradewind_engine::DeadLetter>| -> Vec<String> {
        letters.into_iter().map(|letter| letter.id).collect()
    };
    let (letters, _) = engine.dead_letters("s", None, 1000).await.unwrap();
    let before = kept(letters);
    assert!(!before.is_empty() && before.len() < 30, "{before:?}");
    let a = account(&engine, "s").await;
    assert_eq!(a.purged + before.len() as u64, 100);
    assert!(a.balances(), "{a:?}");
    // What they take is known after a restart.
    engine.drain(Duration::from_secs(1)).await.unwrap();
    let engine = world.start(plan([("s", s)])).await;
    publish(&engine, [event("one more")]).await;
    engine.quiesced().await;
    let (letters, _) = engine.dead_letters("s", None, 1000).await.unwrap();
    let after = kept(letters);
    assert!(after.len() <= before.len() && after.last().is_some_and(|id| id == "one more"));
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_that_is_refused_only_what_is_refused_alone_becomes_a_dead_letter() {
    let world = World::new();
    let mut s = subscription(&ScriptedSink::accepting());
    s.sink = Arc::new(AllOrNothing);
    s.policy.batch_max = 10;
    let engine = world.start(plan([("s", s)])).await;
    publish(&engine, numbered(10)).await;
    engine.quiesced().await;
    let a = account(&engine, "s").await;
    assert_eq!((a.accepted, a.dead_lettered), (9, 1));
    let (letters, _) = engine.dead_letters("s", None, 10).await.unwrap();
    assert_eq!(letters[0].id, "e3");
    assert_eq!(letters[0].attempts.len(), 2);
}
