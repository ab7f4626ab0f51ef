//! Shadows: the same events, compared, and without a trace on the path in charge.

use crate::support::*;
use std::sync::Arc;
use std::time::Duration;
use tradewind_engine::{Engine, Ignored, Plan, Shadow, Start, SubscriptionPlan};
use tradewind_event::Event;

fn replying(body: impl Fn(&str) -> String + Send + Sync + 'static) -> Arc<ScriptedSink> {
    ScriptedSink::new(move |delivery| {
        let id = delivery.event.id();
        let reply = Event::builder(format!("r-{id}"), "/answers", "answer");
        Act::Reply(reply.data("application/json", body(id)).build().unwrap())
    })
}

fn shadow(sink: &Arc<ScriptedSink>, of: Shadow) -> SubscriptionPlan {
    let mut plan = subscription(sink);
    plan.policy.retry.max_attempts = 1;
    plan.policy.breaker.failures = 0;
    plan.shadow = Some(of);
    plan
}

fn side_by_side(old: &Arc<ScriptedSink>, new: SubscriptionPlan) -> Plan {
    let mut main = subscription(old);
    main.policy.reply_to = Some("answers".into());
    let mut plan = plan([("main", main), ("beside", new)]);
    plan.streams.insert("answers".into(), Default::default());
    plan
}

async fn send(engine: &Engine, ids: impl IntoIterator<Item = String>) {
    for id in ids {
        let events = vec![event(&id)];
        engine.publish("default", &origin(), events).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn differences_are_found_and_counted() {
    let old = replying(|id| format!(r#"{{"id":"{id}","total":1,"at":"now"}}"#));
    let new = ScriptedSink::new(|delivery| {
        let id = delivery.event.id().to_owned();
        let reply = |total: u8| {
            let data = format!(r#"{{"at":"later","total":{total}.0,"id":"{id}"}}"#);
            let reply = Event::builder("x", "/new", "answer").data("application/json", data);
            Act::Reply(reply.build().unwrap())
        };
        match &id[..1] {
            "s" => reply(1),
            "r" => reply(2),
            "n" => Act::Accept,
            _ => Act::Reject,
        }
    });
    let mut of = Shadow::of("main");
    of.ignored = Ignored::new(["/at"], []).unwrap().into();
    let engine = World::new()
        .start(side_by_side(&old, shadow(&new, of)))
        .await;
    let ids = ["s1", "s2", "s3", "r1", "n1", "f1"];
    send(&engine, ids.map(str::to_owned)).await;
    engine.quiesced().await;
    let compared = engine.compared("main", 10).await.unwrap();
    let figures = (
        compared.same,
        compared.status,
        compared.reply,
        compared.waiting,
    );
    assert_eq!(figures, (3, 1, 2, 0), "{compared:?}");
    let mut differ: Vec<_> = compared
        .examples
        .iter()
        .map(|e| (e.id.as_deref().unwrap(), e.differs.as_str(), e.new.replied))
        .collect();
    differ.sort_unstable();
    assert_eq!(
        differ,
        [
            ("f1", "status", false),
            ("n1", "reply", false),
            ("r1", "reply", true)
        ]
    );
    let failed = compared.examples.iter().find(|e| e.differs == "status");
    assert_eq!(failed.unwrap().new.status, Some(410));
    assert_eq!(
        engine.compared("beside", 1).await.unwrap().examples.len(),
        1
    );

    // Its replies went nowhere, its failure is no dead letter, and all is explained.
    let answers = engine.streams().await["answers"];
    assert_eq!(answers.appended, 6, "the replies of the target in charge");
    let (letters, _) = engine.dead_letters("beside", None, 9).await.unwrap();
    assert_eq!(letters, []);
    assert_eq!(engine.imbalances().await, []);
    let stop = stop_of(&engine, "f1", "beside").await;
    assert_eq!(
        (stop.state.as_str(), stop.reason.as_deref()),
        ("given-up", Some("rejected"))
    );
    let stop = stop_of(&engine, "s1", "beside").await;
    assert_eq!(stop.reason.as_deref(), Some("its reply was only compared"));

    engine.compare_anew("beside").await.unwrap();
    let compared = engine.compared("beside", 10).await.unwrap();
    assert_eq!((compared.compared(), compared.examples.len()), (0, 0));
}

async fn stop_of(engine: &Engine, id: &str, name: &str) -> tradewind_engine::Stop {
    // An id of two characters is found by its position.
    let at = engine.position("default", "/shop", id).await.unwrap();
    let query = format!("default@{}", at.unwrap());
    let journeys = engine.explain(&query).await.unwrap();
    let mut stops = journeys[0].subscriptions.iter();
    stops
        .find(|stop| stop.subscription == name)
        .unwrap()
        .clone()
}

/// The path in charge gives the same deliveries at the same moments, whatever its shadow does.
#[tokio::test(start_paused = true)]
async fn the_path_in_charge_does_not_notice() {
    let mut runs = Vec::new();
    for act in [
        None,
        Some(Act::Accept),
        Some(Act::Hang),
        Some(Act::Panic),
        Some(Act::Gone),
    ] {
        let old = ScriptedSink::new(|delivery| match (delivery.event.id(), delivery.attempt) {
            (id, 1) if id.ends_with('3') => Act::Retry(Some(Duration::from_secs(2))),
            (id, _) if id.ends_with('7') => Act::Reject,
            _ => Act::Slow(Duration::from_millis(30)),
        });
        let mut plan = plan([("main", subscription(&old))]);
        plan.spaces.insert(
            "default".into(),
            tradewind_engine::Quotas {
                deliveries: Some(2),
                queued_bytes: Some(200_000),
                ..Default::default()
            },
        );
        if let Some(act) = act {
            let new = ScriptedSink::new(move |_| act.clone());
            let beside = shadow(&new, Shadow::of("main"));
            plan.subscriptions.insert("beside".into(), beside);
        }
        let engine = World::new().start(plan).await;
        let begun = tokio::time::Instant::now();
        for batch in 0..10 {
            send(&engine, (0..20).map(|n| format!("{batch}-{n}"))).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let seen: Vec<_> = old
            .seen()
            .into_iter()
            .map(|s| (s.id, s.attempt, s.at - begun))
            .collect();
        let views = engine.subscriptions().await;
        let main = views.iter().find(|view| view.name == "main").unwrap();
        runs.push((seen, main.account, main.circuit.clone(), main.state.clone()));
    }
    assert_eq!(runs[0].1.accepted + runs[0].1.dead_lettered, 200);
    for run in &runs[1..] {
        assert_eq!(run, &runs[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_compared_survives_a_restart() {
    let old = replying(|_| "1".to_owned());
    let new = replying(|id| (id.len() % 2).to_string());
    let mut of = Shadow::of("main");
    of.within = Duration::from_secs(600);
    let mut beside = shadow(&new, of);
    beside.start = Start::Tip;
    let plan = side_by_side(&old, beside);
    let world = World::new();
    let mut engine = world.start(plan.clone()).await;
    send(&engine, ["a", "b", "cc"].map(str::to_owned)).await;
    engine.quiesced().await;
    engine.pause("beside").await.unwrap();
    send(&engine, ["d", "ee"].map(str::to_owned)).await;
    engine.quiesced().await;
    let before = engine.compared("main", 9).await.unwrap();
    assert_eq!((before.same, before.reply, before.waiting), (2, 1, 2));
    engine.drain(Duration::ZERO).await.unwrap();
    drop(engine);
    engine = world.start(plan).await;
    assert_eq!(engine.compared("main", 9).await.unwrap(), before);
    engine.resume("beside").await.unwrap();
    engine.quiesced().await;
    let after = engine.compared("main", 9).await.unwrap();
    assert_eq!((after.same, after.reply, after.waiting), (3, 2, 0));
    // The event may be gone, its answers are not.
    let example = &after.examples[0];
    assert_eq!(
        example.old.reply.as_ref().unwrap().data().unwrap().bytes,
        "1"
    );

    // What the other side never answers was alone.
    engine.pause("beside").await.unwrap();
    send(&engine, ["f".to_owned()]).await;
    tokio::time::sleep(Duration::from_secs(700)).await;
    let alone = engine.compared("main", 0).await.unwrap();
    assert_eq!((alone.only_old, alone.waiting), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shadow_of_nobody_is_refused() {
    let sink = ScriptedSink::accepting();
    for (of, why) in [
        ("nobody", "does not exist"),
        ("beside", "is a shadow itself"),
    ] {
        let plan = plan([("beside", shadow(&sink, Shadow::of(of)))]);
        let World { store, clock } = World::new();
        let error = Engine::start(plan, store, clock).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}
