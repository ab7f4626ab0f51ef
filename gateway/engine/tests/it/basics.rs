//! One event's way, and what an operator is told of it.

use crate::support::*;
use std::time::Duration;
use tradewind_engine::PublishError;

#[tokio::test(start_paused = true)]
async fn an_event_is_delivered_and_explained() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let other = ScriptedSink::accepting();
    let engine = world
        .start(plan([
            ("all", subscription(&sink)),
            (
                "none",
                filtered(&other, serde_json::json!({"exact": {"type": "other"}})),
            ),
        ]))
        .await;
    let receipts = publish(&engine, [event("order-000001")]).await;
    assert_eq!(receipts[0].matched, 1);
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["order-000001"]);
    assert!(other.seen().is_empty());
    let seen = &sink.seen()[0];
    assert_eq!(seen.attempt, 1);
    assert_eq!(
        seen.delivery,
        format!("default-{}-all", receipts[0].position.replace('/', "-"))
    );
    assert_eq!(seen.event.data().unwrap().bytes, "order-000001");
    for query in [
        "order-000001",
        "order-00",
        &format!("default@{}", receipts[0].position),
        &seen.delivery,
    ] {
        let journeys = engine.explain(query).await.unwrap();
        let states: Vec<_> = journeys[0]
            .subscriptions
            .iter()
            .map(|s| (s.subscription.as_str(), s.state.as_str(), s.attempts.len()))
            .collect();
        assert_eq!(states, [("all", "accepted", 1), ("none", "filtered", 0)]);
        assert_eq!(journeys[0].principal, "tester");
    }
    let a = account(&engine, "all").await;
    assert_eq!((a.matched, a.accepted, a.attempts), (1, 1, 1));
    assert_eq!(account(&engine, "none").await.filtered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_fails_is_counted_and_told() {
    let world = World::new();
    let (sink, other) = (ScriptedSink::accepting(), ScriptedSink::accepting());
    let failing = serde_json::json!({ "sql": "LENGTH(type) + id > 1" });
    let rescued = serde_json::json!({ "any": [{ "sql": "id > 1" }, { "prefix": { "id": "e" } }] });
    let engine = world
        .start(plan([
            ("failing", filtered(&sink, failing)),
            ("rescued", filtered(&other, rescued)),
        ]))
        .await;
    publish(&engine, [event("e1"), event("e2")]).await;
    engine.quiesced().await;
    assert_eq!((sink.seen().len(), other.seen().len()), (0, 2));
    let counted = |view: &tradewind_engine::SubscriptionView| {
        (
            view.account.filtered,
            view.account.matched,
            view.filter_errors,
        )
    };
    let views = engine.subscriptions().await;
    assert_eq!(
        views.iter().map(counted).collect::<Vec<_>>(),
        [(2, 0, 2), (0, 2, 2)]
    );
    let journey = engine.explain("e1").await.unwrap().remove(0);
    let stop = &journey.subscriptions[0];
    assert_eq!((&*stop.subscription, &*stop.state), ("failing", "filtered"));
    let reason = stop.reason.as_deref().unwrap();
    assert_eq!(
        reason,
        "the filter failed: cast: 'e1' cannot be cast to Integer"
    );
}

#[tokio::test(start_paused = true)]
async fn retries_end_in_the_dead_letters_with_their_history() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Retry(None));
    let mut s = subscription(&sink);
    s.policy.retry.max_attempts = 3;
    s.policy.breaker.failures = 0;
    let engine = world.start(plan([("a", s)])).await;
    publish(&engine, [event("e1")]).await;
    engine.quiesced().await;
    let attempts: Vec<_> = sink.seen().iter().map(|s| s.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    let (letters, next) = engine.dead_letters("a", None, 10).await.unwrap();
    assert_eq!((letters.len(), next), (1, None));
    assert_eq!(letters[0].cause, "exhausted");
    assert_eq!(letters[0].attempts.len(), 3);
    assert_eq!(
        letters[0].attempts[2].reason.as_ref().unwrap().status,
        Some(503)
    );
    let a = account(&engine, "a").await;
    assert_eq!((a.matched, a.dead_lettered, a.attempts), (1, 1, 3));

    sink.now_does(|_| Act::Accept);
    assert_eq!(engine.redrive("a", None).await.unwrap(), 1);
    engine.quiesced().await;
    let a = account(&engine, "a").await;
    assert_eq!((a.matched, a.accepted, a.dead_lettered), (1, 1, 0));
    let journey = &engine.explain("default@0/0").await;
    assert!(journey.is_err(), "a control record is no event");
    assert_eq!(sink.seen().last().unwrap().attempt, 4);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_where_it_was() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let engine = world.start(plan([("a", subscription(&sink))])).await;
    publish(&engine, (0..10).map(|i| event(&format!("e{i}")))).await;
    engine.quiesced().await;
    engine.pause("a").await.unwrap();
    publish(&engine, (10..20).map(|i| event(&format!("e{i}")))).await;
    engine.drain(Duration::from_secs(1)).await.unwrap();
    assert!(engine.ready().is_err());
    drop(engine);

    let engine = world.start(plan([("a", subscription(&sink))])).await;
    engine.quiesced().await;
    assert_eq!(sink.seen().len(), 10, "a pause survives");
    assert_eq!(engine.subscriptions().await[0].state, "paused");
    engine.resume("a").await.unwrap();
    engine.quiesced().await;
    let expected: Vec<_> = (0..20).map(|i| format!("e{i}")).collect();
    assert_eq!(sink.ids(), expected);
    assert_eq!(account(&engine, "a").await.accepted, 20);
}

#[tokio::test(start_paused = true)]
async fn duplicates_and_conflicts() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let engine = world.start(plan([("a", subscription(&sink))])).await;
    let first = publish(&engine, [event("e1")]).await;
    let again = publish(&engine, [event("e1"), event("e2")]).await;
    assert!(again[0].duplicate && !again[1].duplicate);
    assert_eq!(first[0].position, again[0].position);
    let other = event("e1")
        .with_attribute("subject", tradewind_event::Attribute::String("x"))
        .unwrap();
    let refused = engine
        .publish("default", &origin(), vec![event("e3"), other])
        .await;
    match refused {
        Err(PublishError::Conflict(list)) => {
            assert_eq!(list, [(1, first[0].position.clone())]);
        }
        other => panic!("{other:?}"),
    }
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["e1", "e2"]);
    let s = engine.streams().await["default"];
    assert_eq!((s.admitted, s.appended, s.duplicates), (3, 2, 1));
    assert!(matches!(
        engine.publish("nope", &origin(), vec![event("e4")]).await,
        Err(PublishError::NoStream(_))
    ));
}
