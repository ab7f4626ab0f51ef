//! Delivery policy: order, limits, batches, delays, expiry, loops, replies.

use crate::support::*;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_engine::{OnExhaustion, Pauses};
use tradewind_event::Attribute;

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test(start_paused = true)]
async fn one_delivery_per_key_at_a_time_and_other_keys_go_on() {
    let world = World::new();
    // The first event of key `bad` fails for minutes; everything is slow.
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "bad-0001" if d.attempt < 6 => Act::Retry(Some(S(60))),
        _ => Act::Slow(Duration::from_millis(10)),
    });
    let mut s = subscription(&sink);
    s.policy.breaker.failures = 0;
    let engine = world.start(ordered([("s", s)])).await;
    let keys = ["bad", "a", "b"];
    let mut n = 0;
    for _ in 0..400 {
        let events = keys.map(|key| {
            n += 1;
            keyed(&format!("{key}-{n:04}"), key)
        });
        publish(&engine, events).await;
    }
    tokio::time::sleep(S(20)).await;
    let good = sink
        .ids()
        .iter()
        .filter(|id| !id.starts_with("bad"))
        .count();
    assert_eq!(
        good, 800,
        "far more events wait behind `bad` than fit in memory"
    );
    engine.quiesced().await;
    let seen = sink.seen();
    for key in keys {
        let mut first = HashSet::new();
        let order: Vec<_> = seen
            .iter()
            .filter(|s| s.id.starts_with(&format!("{key}-")) && first.insert(s.id.clone()))
            .map(|s| s.id.clone())
            .collect();
        assert_eq!(order.len(), 400);
        assert!(order.is_sorted(), "{key}: {order:?}");
    }
    assert_eq!(account(&engine, "s").await.accepted, 1200);
}

/// What is under way when a subscription goes settles as it would have, and what waits behind it still does so when the
/// subscription is back.
#[tokio::test(start_paused = true)]
async fn a_key_is_parked_while_its_subscription_is_suspended() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "k-1" => Act::Hang,
        _ => Act::Accept,
    });
    let mut s = subscription(&sink);
    s.policy.on_exhaustion = OnExhaustion::Park;
    s.policy.retry.max_attempts = 1;
    // Caps are not those of what is suspended.
    s.policy.backlog_max = Some(2);
    let engine = world.start(ordered([("s", s.clone())])).await;
    publish(&engine, (1..=3).map(|i| keyed(&format!("k-{i}"), "k"))).await;
    tokio::time::sleep(S(1)).await;
    engine.apply(ordered([])).await.unwrap();
    engine.quiesced().await;
    let a = account(&engine, "s").await;
    assert_eq!((a.dead_lettered, a.pending), (1, 2));
    engine.apply(ordered([("s", s)])).await.unwrap();
    publish(&engine, [keyed("other", "o")]).await;
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["k-1", "other"]);
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_event_lets_its_key_go_on_or_parks_it() {
    for park in [false, true] {
        let world = World::new();
        let sink = ScriptedSink::new(|d| match d.event.id() {
            "k-2" => Act::Reject,
            _ => Act::Accept,
        });
        let mut s = subscription(&sink);
        s.policy.parked_bytes_max = 300;
        if park {
            s.policy.on_exhaustion = OnExhaustion::Park;
        }
        let engine = world.start(ordered([("s", s.clone())])).await;
        publish(&engine, (1..=9).map(|i| keyed(&format!("k-{i}"), "k"))).await;
        publish(&engine, [keyed("other", "o")]).await;
        engine.quiesced().await;
        let a = account(&engine, "s").await;
        if !park {
            assert_eq!((a.accepted, a.dead_lettered), (9, 1));
            continue;
        }
        assert_eq!((a.accepted, a.dead_lettered + a.pending), (2, 8), "{a:?}");
        let (letters, _) = engine.dead_letters("s", None, 10).await.unwrap();
        let overflow = letters
            .iter()
            .filter(|l| l.cause == "parked-overflow")
            .count() as u64;
        assert!(overflow > 0, "parked bytes are capped: {letters:?}");
        assert!(a.pending > 0);
        // A restart keeps the key parked.
        drop(engine);
        world.store.crash(|_| 0).await;
        let engine = world.start(ordered([("s", s)])).await;
        publish(&engine, [keyed("k-late", "k")]).await;
        engine.quiesced().await;
        assert!(!sink.ids().contains(&"k-3".to_owned()));
        sink.now_does(|_| Act::Accept);
        engine
            .redrive("s", Some(&letters[0].position))
            .await
            .unwrap();
        engine.quiesced().await;
        let after: Vec<_> = sink.ids().split_off(3);
        assert_eq!(
            after[..2],
            ["k-2", "k-3"],
            "the redriven head, then the key in order"
        );
        engine.redrive("s", None).await.unwrap();
        engine.quiesced().await;
        assert_eq!(account(&engine, "s").await.accepted, 11);
    }
}

#[tokio::test(start_paused = true)]
async fn a_redriven_event_joins_the_end_of_its_key() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "k-1" => Act::Reject,
        _ => Act::Accept,
    });
    let engine = world.start(ordered([("s", subscription(&sink))])).await;
    publish(&engine, [keyed("k-1", "k")]).await;
    engine.quiesced().await;
    sink.now_does(|_| Act::Slow(S(1)));
    publish(&engine, (2..=4).map(|i| keyed(&format!("k-{i}"), "k"))).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(engine.redrive("s", None).await.unwrap(), 1);
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["k-1", "k-2", "k-3", "k-4", "k-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_redrive_before_a_restart_lets_nothing_overtake() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "k-1" => Act::Reject,
        _ => Act::Throttle(S(600)),
    });
    let start = || ordered([("s", subscription(&sink))]);
    let engine = world.start(start()).await;
    publish(&engine, [keyed("k-1", "k")]).await;
    engine.quiesced().await;
    publish(&engine, [keyed("throttled", "t")]).await;
    tokio::time::sleep(S(1)).await;
    // Ready and held back in memory; the redrive records what is behind it.
    publish(&engine, [keyed("k-2", "k"), keyed("k-3", "k")]).await;
    tokio::time::sleep(S(1)).await;
    assert_eq!(engine.redrive("s", None).await.unwrap(), 1);
    engine.drain(S(1)).await.unwrap();
    drop(engine);
    sink.now_does(|_| Act::Accept);
    let engine = world.start(start()).await;
    engine.quiesced().await;
    let key: Vec<_> = sink
        .ids()
        .into_iter()
        .filter(|id| id != "throttled")
        .collect();
    assert_eq!(key, ["k-1", "k-2", "k-3", "k-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_stops_nobody_else() {
    let world = World::new();
    let hole = ScriptedSink::new(|_| Act::Hang);
    let good = ScriptedSink::accepting();
    let mut s = subscription(&hole);
    s.policy.concurrency = 4;
    s.policy.retry.max_attempts = 2;
    let engine = world
        .start(plan([("hole", s), ("good", subscription(&good))]))
        .await;
    let began = Instant::now();
    for i in 0..2000 {
        publish(&engine, [event(&format!("e{i}"))]).await;
    }
    while good.seen().len() < 2000 {
        tokio::task::yield_now().await;
    }
    assert!(began.elapsed() < S(1), "no time passes for the good one");
    assert_eq!(hole.seen().len(), 4);
    tokio::time::sleep(S(3600)).await;
    assert!(hole.most_at_once() <= 4);
    account(&engine, "hole").await;
    // Five failures open the circuit; then one probe per cooldown.
    let late: Vec<_> = hole.seen().iter().map(|s| s.at).skip(20).collect();
    assert!(late.windows(2).all(|w| w[1] - w[0] >= S(15)), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn every_way_of_not_answering_is_retried() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match (d.event.id(), d.attempt) {
        ("silent", 1) => Act::Silent,
        ("panic", 1) => Act::Panic,
        ("hang", 1) => Act::Hang,
        _ => Act::Accept,
    });
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    for id in ["silent", "panic", "hang"] {
        publish(&engine, [event(id)]).await;
    }
    engine.quiesced().await;
    for (id, code) in [
        ("silent", "sink-silent"),
        ("panic", "sink-silent"),
        ("hang", "timeout"),
    ] {
        let journey = engine.explain(id).await.unwrap().remove(0);
        let attempts = &journey.subscriptions[0].attempts;
        assert_eq!(attempts.len(), 2, "{id}");
        assert_eq!(attempts[0].reason.as_ref().unwrap().code, code);
    }
    assert_eq!(account(&engine, "s").await.accepted, 3);
}

#[tokio::test(start_paused = true)]
async fn limits_hold_across_shards() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Slow(S(1)));
    let mut s = subscription(&sink);
    s.policy.concurrency = 3;
    let mut slow = subscription(&ScriptedSink::accepting());
    let limited = ScriptedSink::accepting();
    slow.sink = limited.clone();
    slow.policy.rate_per_second = Some(10.0);
    let mut plan = plan([("s", s), ("limited", slow)]);
    plan.streams.get_mut("default").unwrap().settings.shards = 4;
    let engine = world.start(plan).await;
    let began = Instant::now();
    publish(&engine, (0..60).map(|i| event(&format!("e{i}")))).await;
    engine.quiesced().await;
    assert_eq!(sink.seen().len(), 60);
    assert_eq!(sink.most_at_once(), 3);
    assert_eq!(
        began.elapsed().as_secs(),
        20,
        "all places were used all the time"
    );
    let times: Vec<_> = limited.seen().iter().map(|s| s.at - began).collect();
    for (n, at) in times.iter().enumerate() {
        assert!(
            n < 10 || *at >= Duration::from_millis((n as u64 - 10) * 100),
            "{n}: {at:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_slows_the_whole_subscription() {
    let world = World::new();
    let began = Instant::now();
    let sink = ScriptedSink::new(move |_| match began.elapsed() < S(60) {
        true => Act::Throttle(S(60)),
        false => Act::Accept,
    });
    let mut s = subscription(&sink);
    s.policy.concurrency = 2;
    let engine = world.start(plan([("s", s)])).await;
    publish(&engine, (0..50).map(|i| event(&format!("e{i}")))).await;
    engine.quiesced().await;
    let early = sink.seen().iter().filter(|s| s.at - began < S(60)).count();
    assert_eq!(early, 2);
    assert_eq!(account(&engine, "s").await.accepted, 50);
}

#[tokio::test(start_paused = true)]
async fn gone_disables_until_resumed() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Gone);
    let mut s = subscription(&sink);
    s.policy.concurrency = 1;
    let engine = world.start(plan([("s", s.clone())])).await;
    publish(&engine, (0..5).map(|i| event(&format!("e{i}")))).await;
    engine.quiesced().await;
    assert_eq!(sink.seen().len(), 1);
    assert_eq!(engine.subscriptions().await[0].state, "disabled");
    engine.drain(S(1)).await.unwrap();
    let engine = world.start(plan([("s", s)])).await;
    assert_eq!(engine.subscriptions().await[0].state, "disabled");
    sink.now_does(|_| Act::Accept);
    engine.resume("s").await.unwrap();
    engine.quiesced().await;
    let a = account(&engine, "s").await;
    assert_eq!((a.accepted, a.dead_lettered), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn batches_fill_or_wait() {
    let world = World::new();
    let sink = ScriptedSink::batching(10, |_| Act::Accept);
    let mut s = subscription(&sink);
    s.policy.batch_max = 4;
    s.policy.batch_wait = S(5);
    s.policy.concurrency = 1;
    let engine = world.start(plan([("s", s)])).await;
    let began = Instant::now();
    publish(&engine, (0..10).map(|i| event(&format!("e{i}")))).await;
    engine.quiesced().await;
    let times: Vec<_> = sink
        .seen()
        .iter()
        .map(|s| (s.at - began).as_secs())
        .collect();
    assert_eq!(times, [0, 0, 0, 0, 0, 0, 0, 0, 5, 5]);
}

#[tokio::test(start_paused = true)]
async fn delay_expiry_and_age() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let failing = ScriptedSink::new(|_| Act::Retry(None));
    let mut delayed = subscription(&sink);
    delayed.policy.delay = S(30);
    let mut aged = subscription(&failing);
    aged.policy.max_age = S(100);
    aged.policy.retry.pauses = Pauses::Listed(vec![S(40)]);
    aged.policy.retry.full_jitter = false;
    aged.policy.breaker.failures = 0;
    let engine = world
        .start(plan([("delayed", delayed), ("aged", aged)]))
        .await;
    let began = Instant::now();
    // 2023-11-14T22:13:20Z is the test clock's start.
    let expiring = event("expiring")
        .with_attribute("expirytime", Attribute::String("2023-11-14T22:13:40Z"))
        .unwrap();
    publish(&engine, [event("e1"), expiring]).await;
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["e1"]);
    assert_eq!(sink.seen()[0].at - began, S(30));
    let a = account(&engine, "delayed").await;
    assert_eq!((a.accepted, a.expired), (1, 1));
    let a = account(&engine, "aged").await;
    assert_eq!((a.dead_lettered, a.expired), (1, 1));
    let (letters, _) = engine.dead_letters("aged", None, 10).await.unwrap();
    assert_eq!(
        (letters[0].cause.as_str(), letters[0].attempts.len()),
        ("too-old", 3)
    );
}

#[tokio::test(start_paused = true)]
async fn beyond_the_backlog_cap_the_oldest_become_dead_letters() {
    for order in [false, true] {
        let world = World::new();
        let sink = ScriptedSink::new(|_| Act::Slow(S(1)));
        let mut s = subscription(&sink);
        s.policy.backlog_max = Some(20);
        s.policy.concurrency = 1;
        let plan = if order {
            ordered([("s", s)])
        } else {
            plan([("s", s)])
        };
        let engine = world.start(plan).await;
        let events = (0..1000).map(|i| keyed(&format!("e{i:03}"), &format!("k{}", i % 7)));
        publish(&engine, events).await;
        engine.quiesced().await;
        let a = account(&engine, "s").await;
        assert_eq!(a.matched, 1000);
        assert!((20..40).contains(&a.accepted), "{a:?}");
        let (letters, _) = engine.dead_letters("s", None, 1000).await.unwrap();
        assert!(letters.iter().all(|l| l.cause == "backlog"));
        assert_eq!(letters.len() as u64, 1000 - a.accepted);
        let newest = sink.ids().iter().filter(|id| id.as_str() >= "e900").count();
        assert!(newest >= 15, "{order} {:?}", sink.ids());
    }
}

#[tokio::test(start_paused = true)]
async fn replies_are_appended_before_the_delivery_settles_and_loops_end() {
    let world = World::new();
    // Answers every event with an event, into the stream it came from: a loop.
    let sink = ScriptedSink::new(|d| {
        assert!(d.event.attribute("tradewindhops").is_some());
        Act::Reply(event("reply"))
    });
    let mut s = subscription(&sink);
    s.policy.reply_to = Some("default".into());
    s.policy.hops_max = 3;
    let engine = world.start(plan([("s", s)])).await;
    publish(&engine, [event("e1")]).await;
    engine.quiesced().await;
    let a = account(&engine, "s").await;
    assert_eq!((a.matched, a.accepted, a.dead_lettered), (5, 4, 1));
    let (letters, _) = engine.dead_letters("s", None, 10).await.unwrap();
    assert_eq!(letters[0].cause, "hops");
    let reply = &sink.seen()[1];
    assert_eq!(reply.id, format!("reply-{}", sink.seen()[0].delivery));
    let journey = engine.explain(&reply.id).await.unwrap().remove(0);
    assert_eq!(journey.principal, "subscription:s");
    let first = engine.explain("e1").await.unwrap().remove(0);
    assert!(
        first.subscriptions[0]
            .reason
            .as_ref()
            .unwrap()
            .starts_with("replied into default")
    );
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_went_back_delays_no_retry() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.attempt {
        1 => Act::Retry(Some(S(60))),
        _ => Act::Accept,
    });
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    publish(&engine, [event("e1")]).await;
    tokio::time::sleep(S(1)).await;
    engine.drain(S(1)).await.unwrap();
    drop(engine);
    let back = world.clock.shifted(-3_600_000);
    let began = Instant::now();
    let plan = plan([("s", subscription(&sink))]);
    let engine = tradewind_engine::Engine::start(plan, world.store.clone(), back)
        .await
        .unwrap();
    engine.quiesced().await;
    assert!(began.elapsed() <= S(61), "{:?}", began.elapsed());
    assert_eq!(sink.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_append_panics_does_not_hold_its_delivery_for_ever() {
    let world = World::new();
    let panics = world.store.panics.clone();
    panics.store(0, Ordering::SeqCst);
    let (asked, once) = (AtomicU64::new(0), panics.clone());
    let sink = ScriptedSink::new(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            once.store(1, Ordering::SeqCst);
        }
        Act::Reply(event("answer"))
    });
    let mut asks = subscription(&sink);
    asks.policy.reply_to = Some("answers".into());
    asks.policy.concurrency = 1;
    let mut plan = plan([("asks", asks)]);
    plan.streams
        .insert("answers".into(), tradewind_engine::StreamPlan::default());
    let engine = world.start(plan).await;
    publish(&engine, [event("e1")]).await;
    publish(&engine, [event("e2")]).await;
    engine.quiesced().await;
    assert_eq!(account(&engine, "asks").await.accepted, 2);
    assert_eq!(sink.ids(), ["e1", "e2", "e1"]);
    let replies = engine.recent("answers", 0, 10, |reply| Some(reply.id().to_owned()));
    assert_eq!(replies.await.unwrap().len(), 2);
}
