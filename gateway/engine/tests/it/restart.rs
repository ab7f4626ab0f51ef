//! What a restart must find again, whatever moment it came at.

use crate::support::*;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tradewind_engine::{Engine, Start, StreamPlan};
use tradewind_event::Attribute;
use tradewind_store::testkit::MemoryStreams;
use tradewind_store::{Op, Settings, Streams, Sync};

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test(start_paused = true)]
async fn a_stream_that_left_the_configuration_does_not_keep_the_gateway_from_starting() {
    let clock = SimClock::new();
    let store = Arc::new(MemoryStreams::new(clock.clone()));
    let sink = ScriptedSink::accepting();
    let mut with = plan([("s", subscription(&sink))]);
    let mut gone = StreamPlan {
        order_by: Some("subject".into()),
        ..StreamPlan::default()
    };
    gone.settings.shards = 3;
    with.streams.insert("gone".into(), gone);
    let mut reader = subscription(&sink);
    reader.stream = "gone".into();
    with.subscriptions.insert("reader".into(), reader);
    let engine = Engine::start(with.clone(), store.clone(), clock.clone())
        .await
        .unwrap();
    engine.pause("reader").await.unwrap();
    engine
        .publish("gone", &origin(), vec![keyed("e1", "k")])
        .await
        .unwrap();
    drop(engine);
    let without = plan([("s", subscription(&sink))]);
    let engine = Engine::start(without, store.clone(), clock.clone())
        .await
        .unwrap();
    let views = engine.subscriptions().await;
    let reader = views.iter().find(|v| v.name == "reader").unwrap();
    assert_eq!(reader.state, "suspended");
    drop(engine);
    let engine = Engine::start(with, store, clock).await.unwrap();
    engine.resume("reader").await.unwrap();
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["e1"]);
}

#[tokio::test(start_paused = true)]
async fn how_a_later_release_tells_what_ended_keeps_nothing_from_going_on() {
    let world = World::new();
    let settings = Settings::default();
    let stream = world
        .store
        .open("default/default", &settings)
        .await
        .unwrap();
    let epoch = stream.recover(0).await.unwrap().epoch;
    // How deliveries of the first events were accepted, in a version that is not there yet.
    let key = [&b"a"[..], &[0; 24]].concat();
    let row = Op::Put(key.into(), b"\x63and so on".as_slice().into());
    stream
        .record(0, epoch, vec![row], Sync::Durable)
        .await
        .unwrap();
    let sink = ScriptedSink::accepting();
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    publish(&engine, [event("e1")]).await;
    engine.quiesced().await;
    let refused = engine.explain("e1").await.unwrap_err().to_string();
    assert!(refused.contains("newer release"), "{refused}");
    publish(&engine, [event("e2")]).await;
    engine.quiesced().await;
    assert_eq!(account(&engine, "s").await.accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn one_stream_that_cannot_be_closed_keeps_no_other_one_open() {
    let clock = SimClock::new();
    let store = CrashStreams::new(clock.clone());
    let mut plan = plan([]);
    for name in ["a", "b", "c"] {
        plan.streams.insert(name.into(), StreamPlan::default());
    }
    let engine = Engine::start(plan, store.clone(), clock).await.unwrap();
    store.stuck.store(1, Ordering::SeqCst);
    engine.drain(S(1)).await.unwrap_err();
    let mut open = Vec::new();
    for name in ["a", "b", "c", "default", "system"] {
        // Through the handle that was closed.
        let stream = engine.position(name, "/s", "e1").await;
        open.extend(stream.is_ok().then_some(name));
    }
    assert_eq!(open.len(), 1, "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_its_key_does_not_overtake_it_after_a_crash() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Hang);
    let start = || {
        let mut s = subscription(&sink);
        s.policy.concurrency = 2;
        s.policy.timeout = S(3600);
        ordered([("s", s)])
    };
    let engine = world.start(start()).await;
    // Both places are taken, so the first of `k` waits for one, the second behind the first; the
    // rest fills the window, which sends what waits behind a key to the table.
    publish(&engine, [keyed("hole", "other"), keyed("pit", "another")]).await;
    publish(&engine, [keyed("k1", "k"), keyed("k2", "k")]).await;
    tokio::time::sleep(S(1)).await;
    publish(&engine, (0..300).map(|i| keyed(&format!("f{i}"), "other"))).await;
    tokio::time::sleep(S(1)).await;
    assert!(recorded(&world, b'k').await > 0);
    drop(engine);
    world.store.crash(|_| 0).await;
    sink.now_does(|_| Act::Accept);
    let engine = world.start(start()).await;
    engine.quiesced().await;
    let ids = sink.ids();
    let of_k: Vec<_> = ids.iter().filter(|id| id.starts_with('k')).collect();
    assert_eq!(of_k, ["k1", "k2"]);
    assert_eq!(account(&engine, "s").await.accepted, 304);
}

#[tokio::test(start_paused = true)]
async fn what_was_settled_above_the_cursor_stays_settled_through_two_restarts() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "slow" => Act::Hang,
        _ => Act::Accept,
    });
    let start = || plan([("s", subscription(&sink))]);
    let engine = world.start(start()).await;
    publish(&engine, [event("slow"), event("done")]).await;
    tokio::time::sleep(S(1)).await;
    engine.pause("s").await.unwrap();
    drop(engine);
    world.store.crash(|_| 0).await;
    // Paused, so it reads nothing; pausing it again records it as it is.
    let engine = world.start(start()).await;
    engine.pause("s").await.unwrap();
    drop(engine);
    world.store.crash(|_| 0).await;
    sink.now_does(|_| Act::Accept);
    let engine = world.start(start()).await;
    engine.resume("s").await.unwrap();
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["slow", "done", "slow"]);
    let a = account(&engine, "s").await;
    assert_eq!((a.matched, a.accepted, a.pending), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_new_subscription_inherits_nothing_from_a_discarded_one() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let old = filtered(&sink, json!({"exact": {"id": "e1"}}));
    let engine = world.start(plan([("old", old)])).await;
    publish(&engine, [event("e1"), event("e2")]).await;
    engine.quiesced().await;
    engine.apply(plan([])).await.unwrap();
    engine.discard("old").await.unwrap();
    drop(engine);
    world.store.crash(|_| 0).await;
    let start = || {
        let mut new = subscription(&sink);
        new.start = Start::Oldest;
        plan([("new", new)])
    };
    let engine = world.start(plan([])).await;
    let mut paused = start();
    paused.subscriptions.get_mut("new").unwrap().policy.delay = S(60);
    engine.apply(paused).await.unwrap();
    drop(engine);
    world.store.crash(|_| 0).await;
    let engine = world.start(start()).await;
    engine.quiesced().await;
    let ids = sink.ids();
    assert_eq!(
        ids,
        ["e1", "e1", "e2"],
        "the filter of `old` held for `new`"
    );
    let journeys = engine.explain("e1").await.unwrap();
    assert_eq!(journeys[0].subscriptions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn suspension_does_not_shorten_the_life_of_dead_letters() {
    const DAY: u64 = 24 * 3600;
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Reject);
    let mut s = subscription(&sink);
    s.policy.dead_letter_retention = S(300 * DAY);
    let engine = world.start(plan([("s", s)])).await;
    publish(&engine, [event("e1")]).await;
    engine.quiesced().await;
    engine.apply(plan([])).await.unwrap();
    tokio::time::sleep(S(100 * DAY)).await;
    let a = account(&engine, "s").await;
    assert_eq!((a.dead_lettered, a.purged), (1, 0));
}

/// A start knows nothing of the policy of what is suspended, which may have been more patient than the default.
#[tokio::test(start_paused = true)]
async fn what_a_suspended_subscription_has_not_read_is_not_too_old_after_a_restart() {
    const DAY: u64 = 24 * 3600;
    let with = |subscription| {
        let mut plan = match subscription {
            Some(s) => plan([("s", s)]),
            None => plan([]),
        };
        plan.streams.get_mut("default").unwrap().settings.retention = S(2 * DAY);
        plan
    };
    for restarts in [false, true] {
        let world = World::new();
        let sink = ScriptedSink::accepting();
        let mut s = subscription(&sink);
        s.policy.max_age = S(30 * DAY);
        s.policy.hops_max = 100;
        let mut engine = world.start(with(Some(s.clone()))).await;
        engine.pause("s").await.unwrap();
        let travelled = |i| {
            let event = event(&format!("e{i}"));
            let hops = Attribute::Integer(20);
            event.with_attribute("tradewindhops", hops).unwrap()
        };
        publish(&engine, (0..2000).map(travelled)).await;
        engine.apply(with(None)).await.unwrap();
        if restarts {
            drop(engine);
            world.store.crash(|_| 0).await;
            engine = world.start(with(None)).await;
        }
        tokio::time::sleep(S(3 * DAY)).await;
        let a = account(&engine, "s").await;
        assert_eq!((a.dead_lettered, a.pending), (0, 2000), "{restarts}");
        engine.apply(with(Some(s))).await.unwrap();
        engine.resume("s").await.unwrap();
        engine.quiesced().await;
        assert_eq!(sink.ids().len(), 2000, "{restarts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fills_goes_before_its_wait_is_over() {
    let world = World::new();
    let sink = ScriptedSink::batching(2, |_| Act::Accept);
    let mut s = subscription(&sink);
    s.policy.batch_max = 2;
    s.policy.batch_wait = S(20);
    let engine = world.start(plan([("s", s)])).await;
    publish(&engine, [event("e1")]).await;
    tokio::time::sleep(S(1)).await;
    publish(&engine, [event("e2")]).await;
    tokio::time::sleep(S(1)).await;
    assert_eq!(sink.ids(), ["e1", "e2"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fills_the_window_does_not_hold_up_what_comes_later() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.subject() {
        Some("stuck") => Act::Hang,
        _ => Act::Accept,
    });
    let mut s = subscription(&sink);
    s.policy.timeout = S(3600);
    let engine = world.start(ordered([("s", s)])).await;
    publish(
        &engine,
        (0..256).map(|i| keyed(&format!("stuck{i}"), "stuck")),
    )
    .await;
    tokio::time::sleep(S(1)).await;
    publish(&engine, [keyed("other", "other")]).await;
    tokio::time::sleep(S(1)).await;
    assert_eq!(sink.ids(), ["stuck0", "other"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_subscription_missed_stays_missed_when_retention_and_a_restart_come_between() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let with = |subscription| {
        let mut plan = match subscription {
            Some(s) => plan([("s", s)]),
            None => plan([]),
        };
        plan.streams.get_mut("default").unwrap().settings.retention = S(3600);
        plan
    };
    let engine = world.start(with(Some(subscription(&sink)))).await;
    publish(&engine, [event("before")]).await;
    engine.quiesced().await;
    engine.apply(with(None)).await.unwrap();
    publish(&engine, [event("old")]).await;
    tokio::time::sleep(S(2 * 3600)).await;
    publish(&engine, [event("meanwhile")]).await;
    drop(engine);
    world.store.crash(|_| 0).await;
    let engine = world.start(with(None)).await;
    engine.apply(with(Some(subscription(&sink)))).await.unwrap();
    publish(&engine, [event("after")]).await;
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["before", "after"]);
}

#[tokio::test(start_paused = true)]
async fn the_journey_of_an_event_that_outlives_the_log_tells_no_untruth() {
    let world = World::new();
    let refusing = ScriptedSink::new(|_| Act::Reject);
    let accepting = ScriptedSink::accepting();
    let paused = ScriptedSink::accepting();
    let mut plan = plan([
        ("accepting", subscription(&accepting)),
        ("paused", subscription(&paused)),
        ("refusing", subscription(&refusing)),
    ]);
    plan.streams.get_mut("default").unwrap().settings.retention = S(3600);
    let engine = world.start(plan).await;
    engine.pause("paused").await.unwrap();
    let at = publish(&engine, [event("e1")]).await;
    tokio::time::sleep(S(2 * 3600)).await;
    let query = format!("default@{}", at[0].position);
    let journey = engine.explain(&query).await.unwrap().remove(0);
    let stops: Vec<_> = journey
        .subscriptions
        .iter()
        .map(|s| (s.subscription.as_str(), s.state.as_str(), s.attempts.len()))
        .collect();
    // How it ended for `accepting` went with the log.
    assert_eq!(
        stops,
        [("paused", "pending", 0), ("refusing", "dead-lettered", 1)]
    );
}

#[tokio::test(start_paused = true)]
async fn what_matches_nothing_is_not_recorded_event_by_event() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let start = || plan([("s", filtered(&sink, json!({"exact": {"id": "wanted"}})))]);
    let engine = world.start(start()).await;
    world.store.records.store(0, Ordering::SeqCst);
    for i in 0..100 {
        publish(&engine, [event(&format!("e{i}"))]).await;
        engine.quiesced().await;
    }
    engine.ready().unwrap();
    drop(engine);
    world.store.crash(|_| 0).await;
    let engine = world.start(start()).await;
    publish(&engine, [event("wanted")]).await;
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["wanted"]);
    let a = account(&engine, "s").await;
    assert_eq!((a.matched, a.accepted, a.filtered), (1, 1, 100));
}

/// Keys with this tag in the state table.
async fn recorded(world: &World, tag: u8) -> usize {
    let stream = world
        .store
        .open("default/default", &Settings::default())
        .await;
    let found = stream.unwrap().scan(0, &[tag], &[tag + 1], 1000).await;
    found.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_backlog_is_not_recorded_delivery_by_delivery() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Slow(S(1)));
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    publish(&engine, (0..1000).map(|i| event(&format!("e{i}")))).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let a = account(&engine, "s").await;
    assert!(a.accepted > 0 && a.pending > 0, "{a:?}");
    assert_eq!(recorded(&world, b'q').await, 0, "the log remembers them");
    engine.quiesced().await;
    assert_eq!(account(&engine, "s").await.accepted, 1000);
    assert_eq!(recorded(&world, b'h').await, 0, "they share records");
}

#[tokio::test(start_paused = true)]
async fn one_slow_attempt_holds_up_no_later_delivery() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "slow" => Act::Hang,
        _ => Act::Accept,
    });
    let mut s = subscription(&sink);
    s.policy.timeout = S(3600);
    let engine = world.start(plan([("s", s)])).await;
    publish(&engine, [event("slow")]).await;
    for part in 0..10 {
        publish(&engine, (0..500).map(|i| event(&format!("e{part}-{i}")))).await;
    }
    tokio::time::sleep(S(60)).await;
    assert_eq!(account(&engine, "s").await.accepted, 5000);
}
