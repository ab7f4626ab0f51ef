//! Transforms: what sinks get, and what becomes of events that cannot be transformed.

use crate::support::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tradewind_engine::{Engine, SubscriptionPlan};
use tradewind_event::{Attribute, Event};

fn transformed(sink: &Arc<ScriptedSink>, definition: Value) -> SubscriptionPlan {
    let transform = tradewind_transform::compile(&definition).unwrap();
    SubscriptionPlan {
        transform: Some(Arc::new(transform)),
        ..subscription(sink)
    }
}

fn order(id: &str, data: Value) -> Event {
    Event::builder(id, "/shop", "order.placed")
        .data("application/json", data.to_string())
        .build()
        .unwrap()
}

/// State, and the attempts with their reasons, as `explain` has them.
async fn explained(engine: &Engine, id: &str) -> (String, Vec<String>) {
    let journeys = engine.explain(id).await.unwrap();
    let stop = &journeys[0].subscriptions[0];
    let attempts = stop.attempts.iter().map(|attempt| {
        let reason = attempt.reason.as_ref().map(ToString::to_string);
        format!("{}: {}", attempt.outcome, reason.unwrap_or_default())
    });
    (stop.state.clone(), attempts.collect())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_transformed_is_a_dead_letter_at_once() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let of = |member: &str| {
        json!([
            {"template": format!("{{\"n\": {{{{ data.{member} }}}}}}")},
            {"set": {"via": "{{ event.source }}"}},
            {"remove": ["tradewindhops"]},
        ])
    };
    let engine = world
        .start(plan([("s", transformed(&sink, of("n")))]))
        .await;
    let sent = [
        order("good", json!({"n": 7})),
        order("bad", json!({"m": 7})),
    ];
    publish(&engine, sent.clone()).await;
    engine.quiesced().await;

    let seen = sink.seen();
    assert_eq!(sink.ids(), ["good"]);
    assert_eq!(&seen[0].event.data().unwrap().bytes[..], b"{\"n\": 7}");
    assert_eq!(
        seen[0].event.attribute("via"),
        Some(Attribute::String("/shop"))
    );
    // What finds loops is out of its reach.
    assert_eq!(
        seen[0].event.attribute("tradewindhops"),
        Some(Attribute::Integer(1))
    );
    let (state, attempts) = explained(&engine, "bad").await;
    assert_eq!(state, "dead-lettered");
    assert_eq!(
        attempts,
        ["reject: transform-failed: step 1, `template`: undefined value: `data.n` is undefined"]
    );
    let (letters, _) = engine.dead_letters("s", None, 10).await.unwrap();
    assert_eq!(
        (letters[0].id.as_str(), letters[0].cause.as_str()),
        ("bad", "rejected")
    );

    // The log has the event as it came, so that a better transform finds everything there.
    engine
        .apply(plan([("s", transformed(&sink, of("m")))]))
        .await
        .unwrap();
    engine.redrive("s", None).await.unwrap();
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["good", "bad"]);
    let a = account(&engine, "s").await;
    assert_eq!((a.accepted, a.dead_lettered), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn in_a_batch_only_the_one_fails() {
    let world = World::new();
    let sink = ScriptedSink::batching(10, |d| match d.event.id() {
        // Tried once more, alone: a sink may have meant another one of the batch.
        "e-4" => Act::Reject,
        _ => Act::Accept,
    });
    let mut s = transformed(&sink, json!({"template": "{{ data.n }}"}));
    s.policy.batch_max = 10;
    s.policy.batch_wait = Duration::from_secs(5);
    let engine = world.start(plan([("s", s)])).await;
    let data = |n: u32| {
        if n.is_multiple_of(3) {
            json!({})
        } else {
            json!({"n": n})
        }
    };
    let events = (1..=10).map(|n| order(&format!("e-{n}"), data(n)));
    publish(&engine, events).await;
    engine.quiesced().await;
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(
        ids,
        ["e-1", "e-10", "e-2", "e-4", "e-4", "e-5", "e-7", "e-8"]
    );
    for seen in sink.seen() {
        let data = String::from_utf8_lossy(&seen.event.data().unwrap().bytes).into_owned();
        assert_eq!(format!("e-{data}"), seen.id, "each got its own");
    }
    let a = account(&engine, "s").await;
    assert_eq!((a.accepted, a.dead_lettered), (6, 4));
    for n in 1..=10 {
        let (_, attempts) = explained(&engine, &format!("e-{n}")).await;
        let failed = attempts[0].contains("transform-failed");
        let expected = (n % 3 == 0, if n == 4 { 2 } else { 1 });
        assert_eq!((failed, attempts.len()), expected, "{n}: {attempts:?}");
    }
}

/// It is no fault of the sink: the circuit stays as it is, and places are given back.
#[tokio::test(start_paused = true)]
async fn failures_say_nothing_of_the_sink() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Retry(None));
    let mut s = transformed(&sink, json!({"template": "{{ data.n }}"}));
    s.policy.concurrency = 1;
    s.policy.breaker.failures = 1;
    s.policy.breaker.cooldown = Duration::from_secs(100);
    let engine = world.start(plan([("s", s)])).await;
    let circuit = || async { engine.subscriptions().await[0].circuit.clone() };
    publish(
        &engine,
        (0..20).map(|n| order(&format!("bad-{n}"), json!({}))),
    )
    .await;
    engine.quiesced().await;
    assert_eq!(account(&engine, "s").await.dead_lettered, 20);
    assert_eq!(circuit().await, "closed");

    publish(&engine, [order("good", json!({"n": 1}))]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(circuit().await, "open");
    publish(&engine, [order("bad", json!({}))]).await;
    sink.now_does(|_| Act::Accept);
    engine.quiesced().await;
    let a = account(&engine, "s").await;
    assert_eq!((a.accepted, a.dead_lettered), (1, 21));
    assert_eq!(circuit().await, "closed");
}
