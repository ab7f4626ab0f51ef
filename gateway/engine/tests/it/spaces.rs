//! What a space may take, and what it may not.

use crate::support::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tradewind_engine::{Engine, Plan, PublishError, Quota, Quotas, StreamPlan, SubscriptionPlan};
use tradewind_event::Event;

fn of(space: &str, stream: &str, sink: &Arc<ScriptedSink>) -> SubscriptionPlan {
    SubscriptionPlan {
        space: space.into(),
        stream: stream.into(),
        ..subscription(sink)
    }
}

/// Streams of the same names as their spaces.
fn spaces<const N: usize>(
    spaces: [(&str, Quotas); N],
    subscriptions: &[(&str, SubscriptionPlan)],
) -> Plan {
    let stream = |space: &str| StreamPlan {
        space: space.into(),
        ..StreamPlan::default()
    };
    Plan {
        streams: spaces
            .iter()
            .map(|(name, _)| ((*name).to_owned(), stream(name)))
            .collect(),
        spaces: BTreeMap::from(spaces.map(|(name, quotas)| (name.to_owned(), quotas))),
        subscriptions: subscriptions
            .iter()
            .map(|(name, s)| ((*name).to_owned(), s.clone()))
            .collect(),
        ..Plan::default()
    }
}

fn per_second(events: u64) -> Quotas {
    Quotas {
        events_per_second: Some(events),
        ..Quotas::default()
    }
}

fn queued(bytes: u64) -> Quotas {
    Quotas {
        queued_bytes: Some(bytes),
        ..Quotas::default()
    }
}

async fn offer(
    engine: &Engine,
    stream: &str,
    ids: impl IntoIterator<Item = u32>,
) -> Result<(), (Quota, Duration)> {
    let events: Vec<Event> = ids.into_iter().map(|id| event(&id.to_string())).collect();
    match engine.publish(stream, &origin(), events).await {
        Ok(_) => Ok(()),
        Err(PublishError::Quota(full)) => Err((full.quota, full.after)),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_counts_once() {
    let world = World::new();
    let plan = spaces([("acme", per_second(10)), ("bolt", per_second(10))], &[]);
    let engine = world.start(plan).await;
    for _ in 0..50 {
        // Duplicates of it are in the same batch, and come again.
        offer(&engine, "acme", [1, 1, 2]).await.unwrap();
    }
    offer(&engine, "acme", 3..11).await.unwrap();
    let (quota, after) = offer(&engine, "acme", [11]).await.unwrap_err();
    assert_eq!((quota, after), (Quota::Events, Duration::from_millis(100)));
    assert_eq!(engine.room("acme").unwrap_err().quota, Quota::Events);
    engine.room("bolt").unwrap();
    offer(&engine, "bolt", [11]).await.unwrap();
    offer(&engine, "default", 0..100).await.unwrap();
    let views = engine.spaces();
    assert_eq!(views["acme"].events, 10);
    assert_eq!(views["acme"].refused, [2, 0, 0]);
    assert_eq!(views["default"].events, 100);
    tokio::time::sleep(after).await;
    // A batch is taken whole, and paid for afterwards.
    offer(&engine, "acme", 100..120).await.unwrap();
    let (_, after) = offer(&engine, "acme", [12]).await.unwrap_err();
    assert_eq!(after, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_reload_forgets_nothing() {
    let world = World::new();
    let engine = world.start(spaces([("acme", per_second(10))], &[])).await;
    offer(&engine, "acme", 0..40).await.unwrap();
    let plan = spaces([("acme", per_second(100))], &[]);
    engine.apply(plan).await.unwrap();
    let (_, after) = offer(&engine, "acme", [40]).await.unwrap_err();
    assert_eq!(after, Duration::from_millis(310));
    engine
        .apply(spaces([("acme", Quotas::default())], &[]))
        .await
        .unwrap();
    offer(&engine, "acme", 40..1000).await.unwrap();
    assert_eq!(engine.spaces()["acme"].events, 1000);
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_queues_is_bounded() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Retry(Some(Duration::from_secs(60))));
    let mut failing = of("acme", "acme", &sink);
    failing.policy.breaker.failures = 0;
    let plan = spaces(
        [("acme", queued(4000)), ("bolt", queued(4000))],
        &[("s", failing)],
    );
    let mut engine = world.start(plan.clone()).await;
    let mut taken = 0;
    while offer(&engine, "acme", [taken]).await.is_ok() {
        taken += 1;
        // Long enough for the attempt: retries are put aside and count there.
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(taken < 1000, "nobody stops it");
    }
    assert!(taken > 5, "{taken}");
    let view = engine.spaces()["acme"].queued_bytes.unwrap();
    assert!((4000..5000).contains(&view), "{view}");
    // Nobody reads the other's stream, so nothing waits there.
    offer(&engine, "bolt", 0..500).await.unwrap();
    offer(&engine, "bolt", 500..501).await.unwrap();
    for _ in 0..3 {
        drop(engine);
        engine = world.start(plan.clone()).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (quota, after) = offer(&engine, "acme", [taken]).await.unwrap_err();
        assert_eq!((quota, after), (Quota::Queued, Duration::from_secs(1)));
    }
    sink.now_does(|_| Act::Accept);
    engine.quiesced().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(engine.spaces()["acme"].queued_bytes, Some(0));
    offer(&engine, "acme", [taken]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_borrows_a_stream_does_not_hold_its_owner_up() {
    let world = World::new();
    let (own, other) = (ScriptedSink::accepting(), ScriptedSink::accepting());
    let subscriptions = [
        ("own", of("acme", "acme", &own)),
        ("other", of("bolt", "acme", &other)),
    ];
    let plan = spaces(
        [("acme", queued(2000)), ("bolt", queued(2000))],
        &subscriptions,
    );
    let engine = world.start(plan).await;
    engine.pause("other").await.unwrap();
    for n in 0..100 {
        offer(&engine, "acme", [n]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.pause("own").await.unwrap();
    offer(&engine, "acme", 100..200).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    offer(&engine, "acme", [200]).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_a_space_take_turns() {
    let world = World::new();
    let slow = || ScriptedSink::new(|_| Act::Slow(Duration::from_millis(10)));
    let sinks = [slow(), slow(), slow()];
    let subscriptions = [
        ("a", of("acme", "acme", &sinks[0])),
        ("b", of("acme", "acme", &sinks[1])),
        ("c", of("acme", "acme", &sinks[2])),
    ];
    let two = Quotas {
        deliveries: Some(2),
        ..Quotas::default()
    };
    let engine = world.start(spaces([("acme", two)], &subscriptions)).await;
    offer(&engine, "acme", 0..100).await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(55)).await;
        assert!(engine.spaces()["acme"].deliveries.unwrap() <= 2);
    }
    let served: Vec<usize> = sinks.iter().map(|sink| sink.seen().len()).collect();
    let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
    assert!(most - least <= 4 && *least > 20, "{served:?}");
    // More places are there at once, and what is under way counts on.
    let mut plan = spaces([("acme", Quotas::default())], &subscriptions);
    plan.spaces.get_mut("acme").unwrap().deliveries = Some(6);
    engine.apply(plan).await.unwrap();
    engine.quiesced().await;
    let at_once: usize = sinks.iter().map(|sink| sink.most_at_once()).sum();
    assert!((4..=6).contains(&at_once), "{at_once}");
    for name in ["a", "b", "c"] {
        assert_eq!(account(&engine, name).await.accepted, 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_taken_though_the_quota_is_used_up() {
    let world = World::new();
    let sink = ScriptedSink::new(|delivery| {
        let id = format!("re-{}", delivery.event.id());
        Act::Reply(event(&id))
    });
    let mut asks = of("acme", "acme", &sink);
    asks.policy.reply_to = Some("answers".into());
    let quotas = Quotas {
        queued_bytes: Some(1),
        ..per_second(1)
    };
    let mut plan = spaces([("acme", quotas)], &[("s", asks)]);
    let answers = plan.streams["acme"].clone();
    plan.streams.insert("answers".into(), answers);
    let engine = world.start(plan).await;
    offer(&engine, "acme", 0..3).await.unwrap();
    engine.quiesced().await;
    let account = account(&engine, "s").await;
    assert_eq!((account.accepted, account.attempts), (3, 3));
    assert_eq!(engine.streams().await["answers"].appended, 3);
    assert_eq!(engine.spaces()["acme"].refused, [0, 0, 0]);
    // They are paid for all the same: six events, of which one second's worth was there.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (quota, after) = offer(&engine, "acme", [3]).await.unwrap_err();
    assert_eq!(quota, Quota::Events);
    assert!(after > Duration::from_secs(3), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_others_have_takes_no_room_among_what_is_found() {
    let world = World::new();
    let none = Quotas::default();
    let engine = world
        .start(spaces([("acme", none), ("bolt", none)], &[]))
        .await;
    let first = 1_000_000_000;
    offer(&engine, "acme", [first]).await.unwrap();
    offer(&engine, "bolt", first..first + 30).await.unwrap();
    let sees = |stream: &str| stream == "acme";
    let found = engine.explain_among("10000000", sees).await.unwrap();
    assert_eq!((found.len(), &*found[0].stream), (1, "acme"));
    engine.explain_among("bolt@0/0", sees).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_renamed_subscription_takes_over_nothing_of_another_space() {
    for (space, taken_over) in [("a", 1), ("b", 0)] {
        let world = World::new();
        let sink = ScriptedSink::new(|_| Act::Reject);
        let streams = [("a", Quotas::default()), ("b", Quotas::default())];
        let engine = world.start(spaces(streams, &[("old", of("a", "a", &sink))]));
        let engine = engine.await;
        offer(&engine, "a", [1]).await.unwrap();
        engine.quiesced().await;
        assert_eq!(account(&engine, "old").await.dead_lettered, 1);
        // Gone for a while, over a restart: the log alone knows whose it was.
        engine.apply(spaces(streams, &[])).await.unwrap();
        engine.drain(Duration::from_secs(1)).await.unwrap();
        let mut renamed = of(space, "a", &sink);
        renamed.renamed_from = Some("old".into());
        let engine = world.start(spaces(streams, &[("new", renamed)])).await;
        let of_new = account(&engine, "new").await;
        assert_eq!(of_new.dead_lettered, taken_over, "{space}");
        assert_eq!(of_new.matched, taken_over, "{space}");
        let kept = engine.subscriptions().await;
        let old = kept.iter().find(|view| view.name == "old");
        assert_eq!(old.is_some(), taken_over == 0, "{space}");
    }
}
