//! What is left behind where a shard goes elsewhere, and what it finds when it comes back.

use crate::shared::{Two, events, planned, settle};
use crate::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tradewind_engine::{Engine, Plan, PublishError, Quotas, Reach, Start};

/// Patient, and one at a time.
fn strict(sink: &Arc<ScriptedSink>) -> Plan {
    let mut plan = planned(sink);
    let policy = &mut plan.subscriptions.get_mut("all").unwrap().policy;
    policy.concurrency = 1;
    policy.timeout = Duration::from_secs(3600);
    policy.breaker.failures = 1;
    policy.breaker.cooldown = Duration::from_secs(1);
    plan
}

fn shard_of(seen: &Seen) -> u16 {
    seen.position.split('/').next().unwrap().parse().unwrap()
}

/// Its attempts are cut off after their grace: neither its own next ones nor those of a shard that stays wait for them.
#[tokio::test(start_paused = true)]
async fn a_shard_that_goes_leaves_no_attempt_behind() {
    for (probing, stays) in [(false, false), (false, true), (true, false), (true, true)] {
        let two = Two::with(strict).await;
        let (engine, sink) = (&two.engines[0], &two.sinks[0]);
        let fails = AtomicBool::new(probing);
        sink.now_does(move |_| match fails.swap(false, Ordering::Relaxed) {
            true => Act::Retry(None),
            false => Act::Hang,
        });
        publish(engine, events(0)).await;
        two.assign([0, 1], []);
        settle().await;
        let seen = sink.seen();
        assert_eq!(seen.len(), 1 + usize::from(probing));
        let circuit = &engine.subscriptions().await[0].circuit;
        assert_eq!(circuit, if probing { "half-open" } else { "closed" });
        sink.now_does(|_| Act::Accept);
        let other = 1 - shard_of(seen.last().unwrap());
        if stays {
            two.assign([other], []);
            settle().await;
            let taken = sink.count(|seen| seen.accepted && shard_of(seen) == other);
            assert!(taken > 0, "the one that stays goes on");
        } else {
            two.assign([], []);
            settle().await;
        }
        two.assign([0, 1], []);
        settle().await;
        assert_eq!(sink.count(|seen| seen.accepted), 20, "{probing} {stays}");
    }
}

async fn state(engine: &Engine) -> String {
    engine.subscriptions().await[0].state.clone()
}

/// What was said of it elsewhere holds when it comes back, whatever held when it went.
#[tokio::test(start_paused = true)]
async fn a_shard_comes_back_as_it_was_last_recorded() {
    for gone in [false, true] {
        let two = Two::start().await;
        let [a, b] = &two.engines;
        two.assign([0, 1], []);
        settle().await;
        if gone {
            two.sinks[0].now_does(|_| Act::Gone);
            publish(a, events(0)).await;
            settle().await;
            two.sinks[0].now_does(|_| Act::Accept);
        } else {
            a.reaching(Reach::Here).pause("all").await.unwrap();
            publish(a, events(0)).await;
        }
        let stopped = if gone { "disabled" } else { "paused" };
        assert_eq!(state(a).await, stopped);
        two.assign([], [0, 1]);
        settle().await;
        assert_eq!(state(b).await, stopped);
        b.reaching(Reach::Here).resume("all").await.unwrap();
        settle().await;
        two.assign([0, 1], []);
        settle().await;
        assert_eq!(state(a).await, "active");
        publish(a, events(20)).await;
        settle().await;
        assert_eq!(two.sinks[0].count(|seen| seen.accepted), 20);
    }
}

/// What its subscriptions have put aside counts where it is served.
#[tokio::test(start_paused = true)]
async fn a_shard_that_goes_takes_its_backlog_along() {
    let two = Two::with(|sink| {
        let mut plan = planned(sink);
        let quotas = Quotas {
            queued_bytes: Some(1),
            ..Quotas::default()
        };
        plan.spaces.insert("default".into(), quotas);
        plan
    })
    .await;
    let [a, b] = &two.engines;
    for sink in &two.sinks {
        sink.now_does(|_| Act::Retry(Some(Duration::from_secs(3600))));
    }
    two.assign([0, 1], []);
    publish(a, events(0)).await;
    settle().await;
    let offer = async |engine: &Engine, from| {
        let published = engine.publish("default", &origin(), events(from)).await;
        !matches!(published, Err(PublishError::Quota(_)))
    };
    assert!(!offer(a, 20).await);
    two.assign([], [0, 1]);
    settle().await;
    assert!(!offer(b, 20).await);
    assert!(offer(a, 20).await);
}

/// It is taken over anew, and then by what the plan says.
#[tokio::test(start_paused = true)]
async fn a_plan_that_meets_a_lost_shard_is_in_force_everywhere() {
    let with = |sink: &Arc<ScriptedSink>| {
        let mut plan = planned(sink);
        plan.streams.insert("other".into(), Default::default());
        plan
    };
    let two = Two::with(with).await;
    let (engine, sink) = (&two.engines[0], &two.sinks[0]);
    two.assign([0, 1], []);
    settle().await;
    let mut plan = with(sink);
    for (name, stream) in [("more", "default"), ("others", "other")] {
        let mut added = subscription(sink);
        added.start = Start::Oldest;
        added.stream = stream.into();
        plan.subscriptions.insert(name.into(), added);
    }
    two.fenced.store(true, Ordering::Relaxed);
    engine.apply(plan).await.unwrap();
    assert!(!two.fenced.load(Ordering::Relaxed), "a shard was lost");
    settle().await;
    for stream in ["default", "other"] {
        let published = engine.publish(stream, &origin(), events(0)).await;
        published.unwrap();
    }
    settle().await;
    assert_eq!(sink.count(|seen| seen.accepted), 60);
}
