//! What operators do: dead letters, retention, replay, reload.

use crate::support::*;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tradewind_engine::{Engine, Error, Start};
use tradewind_event::Event;

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test(start_paused = true)]
async fn dead_letters_come_in_pages_and_are_redriven_within_the_rate() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Reject);
    let mut s = subscription(&sink);
    s.policy.rate_per_second = Some(100.0);
    let mut plan = plan([("s", s)]);
    plan.streams.get_mut("default").unwrap().settings.shards = 2;
    let engine = world.start(plan).await;
    publish(&engine, (0..700).map(|i| event(&format!("e{i}")))).await;
    engine.quiesced().await;
    let mut after = None;
    let mut ids = Vec::new();
    loop {
        let (page, next) = engine
            .dead_letters("s", after.as_deref(), 64)
            .await
            .unwrap();
        ids.extend(page.into_iter().map(|l| l.id));
        if next.is_none() {
            break;
        }
        after = next;
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 700);
    sink.now_does(|_| Act::Accept);
    let began = tokio::time::Instant::now();
    assert_eq!(engine.redrive("s", None).await.unwrap(), 700);
    engine.quiesced().await;
    assert!(began.elapsed() >= S(6), "{:?}", began.elapsed());
    let a = account(&engine, "s").await;
    assert_eq!((a.accepted, a.dead_lettered, a.attempts), (700, 0, 1400));
    assert!(matches!(
        engine.redrive("s", Some("0/1")).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        engine.dead_letters("x", None, 1).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        engine.dead_letters("s", Some("?"), 1).await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_mass_redrive_lets_the_other_subscriptions_go_on() {
    let world = World::new();
    let rejecting = ScriptedSink::new(|d| match d.event.id() {
        "late" => Act::Accept,
        _ => Act::Reject,
    });
    let other = ScriptedSink::accepting();
    let plan = plan([
        ("s", subscription(&rejecting)),
        ("other", subscription(&other)),
    ]);
    let engine = world.start(plan).await;
    publish(&engine, (0..3000).map(|i| event(&format!("e{i}")))).await;
    engine.quiesced().await;
    let redrive = async {
        let moved = engine.redrive("s", None).await.unwrap();
        (moved, other.ids().contains(&"late".to_owned()))
    };
    let (redriven, _) = tokio::join!(redrive, publish(&engine, [event("late")]));
    // The late one may have died in time to be among them.
    assert!(
        (3000..=3001).contains(&redriven.0) && redriven.1,
        "{redriven:?}"
    );
    engine.quiesced().await;
}

#[tokio::test(start_paused = true)]
async fn large_events_leave_the_log_in_records_that_have_their_bounds() {
    let world = World::new();
    let late = ScriptedSink::new(|_| Act::Retry(Some(S(2 * 3600))));
    let rejecting = ScriptedSink::new(|_| Act::Reject);
    let mut s = subscription(&late);
    s.policy.retry.retry_after_max = S(24 * 3600);
    let mut plan = plan([("s", s), ("dead", subscription(&rejecting))]);
    plan.streams.get_mut("default").unwrap().settings.retention = S(3600);
    let engine = world.start(plan).await;
    let large = |n: u32| {
        let event = Event::builder(n.to_string(), "/shop", "order.placed");
        event
            .data("text/plain", "x".repeat(1 << 20))
            .build()
            .unwrap()
    };
    for n in 0..30 {
        publish(&engine, [large(n)]).await;
    }
    tokio::time::sleep(S(3700)).await;
    assert!(engine.event("default", "0/0").await.is_err());
    // The move of dead letters copies them, too, while they are about to go.
    late.now_does(|_| Act::Accept);
    rejecting.now_does(|_| Act::Accept);
    assert_eq!(engine.redrive("dead", None).await.unwrap(), 30);
    engine.quiesced().await;
    assert_eq!(account(&engine, "s").await.accepted, 30);
    assert_eq!(account(&engine, "dead").await.accepted, 30);
    let largest = world.store.largest.load(Ordering::SeqCst);
    assert!((4 << 20..6 << 20).contains(&largest), "{largest}");
}

#[tokio::test(start_paused = true)]
async fn nothing_needed_goes_with_its_segment() {
    let world = World::new();
    let failing = ScriptedSink::new(|d| match d.event.id() {
        "dead" => Act::Reject,
        _ => Act::Retry(Some(S(2 * 3600))),
    });
    let paused = ScriptedSink::accepting();
    let mut s = subscription(&failing);
    s.policy.retry.retry_after_max = S(24 * 3600);
    s.policy.dead_letter_retention = S(5 * 24 * 3600);
    let start = || {
        let mut plan = plan([("s", s.clone()), ("paused", subscription(&paused))]);
        plan.streams.get_mut("default").unwrap().settings.retention = S(3600);
        plan
    };
    let engine = world.start(start()).await;
    engine.pause("paused").await.unwrap();
    let at = publish(&engine, [event("dead"), event("late")]).await;
    tokio::time::sleep(S(3700)).await;
    assert!(engine.event("default", "0/0").await.is_err());
    let journey = engine
        .explain(&format!("default@{}", at[1].position))
        .await
        .unwrap();
    assert_eq!(journey[0].id, "late", "copied out of the log");
    drop(engine);
    world.store.crash(|_| 0).await;
    let engine = world.start(start()).await;
    failing.now_does(|_| Act::Accept);
    engine.quiesced().await;
    let (letters, _) = engine.dead_letters("s", None, 10).await.unwrap();
    assert_eq!(
        (letters[0].id.as_str(), letters[0].cause.as_str()),
        ("dead", "rejected")
    );
    assert_eq!(
        engine
            .redrive("s", Some(&letters[0].position))
            .await
            .unwrap(),
        1
    );
    engine.resume("paused").await.unwrap();
    engine.quiesced().await;
    let data = failing
        .seen()
        .last()
        .unwrap()
        .event
        .data()
        .unwrap()
        .bytes
        .clone();
    assert_eq!(data, "dead");
    assert_eq!(account(&engine, "s").await.accepted, 2);
    assert_eq!(account(&engine, "paused").await.accepted, 2);

    failing.now_does(|_| Act::Reject);
    publish(&engine, [event("purged")]).await;
    engine.quiesced().await;
    assert_eq!(account(&engine, "s").await.dead_lettered, 1);
    tokio::time::sleep(S(6 * 24 * 3600)).await;
    let a = account(&engine, "s").await;
    assert_eq!((a.dead_lettered, a.purged), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_replay_has_its_own_account_and_survives_a_restart() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let start = || plan([("s", subscription(&sink))]);
    let engine = world.start(start()).await;
    publish(&engine, (0..20).map(|i| event(&format!("e{i:02}")))).await;
    engine.quiesced().await;
    let before = account(&engine, "s").await;
    let replay = engine.replay("s", Start::Oldest, Some(1.0)).await.unwrap();
    assert_eq!(replay.state, "running");
    publish(&engine, [event("live")]).await;
    tokio::time::sleep(S(5)).await;
    engine.drain(S(1)).await.unwrap();
    drop(engine);
    let engine = world.start(start()).await;
    engine.quiesced().await;
    let replays = engine.replays().await;
    assert_eq!((replays.len(), replays[0].state.as_str()), (1, "done"));
    assert!(replays[0].account.balances());
    assert_eq!(replays[0].account.accepted, 20);
    assert_eq!(account(&engine, "s").await.accepted, before.accepted + 1);
    let replayed: Vec<_> = sink
        .seen()
        .into_iter()
        .filter(|s| s.replay.is_some())
        .collect();
    assert_eq!(replayed.len(), 20);
    assert!(
        replayed[0]
            .delivery
            .ends_with(&format!("-s-r{}", replay.id))
    );
    let journey = engine.explain("e00").await.unwrap().remove(0);
    assert_eq!(journey.subscriptions.len(), 2);

    let second = engine.replay("s", Start::Oldest, Some(1.0)).await.unwrap();
    tokio::time::sleep(S(3)).await;
    engine.cancel_replay(&second.id).await.unwrap();
    engine.quiesced().await;
    let view = engine
        .replays()
        .await
        .into_iter()
        .find(|r| r.id == second.id)
        .unwrap();
    assert_eq!(view.state, "cancelled");
    assert!(
        view.account.balances() && view.account.cancelled > 0,
        "{view:?}"
    );
    assert!(matches!(
        engine.cancel_replay("zz").await,
        Err(Error::NotFound(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn removed_renamed_and_returning_subscriptions() {
    let world = World::new();
    let sink = ScriptedSink::new(|_| Act::Retry(Some(S(600))));
    let engine = world.start(plan([("old", subscription(&sink))])).await;
    publish(&engine, [event("e1")]).await;
    tokio::time::sleep(S(1)).await;
    let mut renamed = subscription(&sink);
    renamed.renamed_from = Some("old".into());
    engine.apply(plan([("new", renamed)])).await.unwrap();
    assert_eq!(engine.subscriptions().await.len(), 1);
    assert_eq!(account(&engine, "new").await.pending, 1);
    // Removed: kept, not delivered; what comes meanwhile is not its own.
    engine.apply(plan([])).await.unwrap();
    sink.now_does(|_| Act::Accept);
    publish(&engine, [event("e2")]).await;
    tokio::time::sleep(S(3600)).await;
    assert_eq!(sink.ids(), ["e1"]);
    assert_eq!(engine.subscriptions().await[0].state, "suspended");
    engine
        .apply(plan([("new", subscription(&sink))]))
        .await
        .unwrap();
    publish(&engine, [event("e3")]).await;
    engine.quiesced().await;
    let mut ids = sink.ids();
    ids.sort();
    assert_eq!(ids, ["e1", "e1", "e3"]);
    assert!(matches!(
        engine.discard("new").await,
        Err(Error::Invalid(_))
    ));
    engine.pause("new").await.unwrap();
    publish(&engine, [event("e4"), event("e5")]).await;
    engine.apply(plan([])).await.unwrap();
    publish(&engine, [event("e6")]).await;
    assert_eq!(engine.discard("new").await.unwrap(), 2);
    assert!(matches!(
        engine.discard("new").await,
        Err(Error::NotFound(_))
    ));
    // Gone, but not without a record, also after a restart.
    engine.drain(S(1)).await.unwrap();
    let engine = world.start(plan([])).await;
    let left = engine.subscriptions().await;
    let [closed] = left.as_slice() else {
        panic!("one closed account is left, not {left:?}");
    };
    assert_eq!(
        (closed.name.as_str(), closed.state.as_str()),
        ("new (discarded)", "discarded")
    );
    assert_eq!((closed.account.cancelled, closed.account.pending), (2, 0));
    assert!(closed.account.balances());
}

#[tokio::test(start_paused = true)]
async fn where_a_new_subscription_starts() {
    let world = World::new();
    let engine = world.start(plan([])).await;
    publish(&engine, [event("e1")]).await;
    tokio::time::sleep(S(10)).await;
    publish(&engine, [event("e2")]).await;
    let sinks = [(); 3].map(|()| ScriptedSink::accepting());
    let starts = [Start::Tip, Start::Oldest, Start::Time(EPOCH_MS + 5000)];
    let [a, b, c] = [0, 1, 2].map(|i| {
        let mut s = subscription(&sinks[i]);
        s.start = starts[i];
        s
    });
    engine
        .apply(plan([("a", a), ("b", b), ("c", c)]))
        .await
        .unwrap();
    publish(&engine, [event("e3")]).await;
    engine.quiesced().await;
    assert_eq!(sinks[0].ids(), ["e3"]);
    assert_eq!(sinks[1].ids(), ["e1", "e2", "e3"]);
    assert_eq!(sinks[2].ids(), ["e2", "e3"]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_cannot_be_changes_nothing() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    // Without events, the order may still change.
    engine
        .apply(ordered([("s", subscription(&sink))]))
        .await
        .unwrap();
    publish(&engine, [keyed("e1", "k")]).await;
    let mut homeless = subscription(&sink);
    homeless.stream = "nowhere".into();
    let mut resharded = ordered([]);
    resharded
        .streams
        .get_mut("default")
        .unwrap()
        .settings
        .shards = 2;
    for (bad, why) in [
        (
            plan([]),
            "stream `default` holds events ordered by `subject`, so `order-by` cannot become nothing: make a new stream",
        ),
        (
            ordered([("s", homeless)]),
            "subscription `s` names the stream `nowhere`, which does not exist",
        ),
        (
            resharded,
            "stream `default` has 1 shard(s), which cannot be changed",
        ),
    ] {
        assert_eq!(engine.apply(bad).await.unwrap_err().to_string(), why);
    }
    publish(&engine, [keyed("e2", "k")]).await;
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["e1", "e2"]);
    drop(engine);
    let refused = Engine::start(plan([]), world.store.clone(), world.clock.clone()).await;
    assert!(refused.is_err(), "also after a restart");
}

#[tokio::test(start_paused = true)]
async fn reloads_under_load_misroute_nothing() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let generation = |n: usize| {
        let kind = ["x", "y"][n % 2];
        plan([("s", filtered(&sink, json!({"prefix": {"id": kind}})))])
    };
    let engine = world.start(generation(0)).await;
    let load = {
        let engine = engine.clone();
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for i in 0..600 {
                let kind = ["x", "y"][i % 2];
                let receipt = publish(&engine, [event(&format!("{kind}{i}"))])
                    .await
                    .remove(0);
                positions.push((receipt.position, i % 2));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            positions
        })
    };
    const RELOADS: usize = 50;
    for n in 1..=RELOADS {
        tokio::time::sleep(Duration::from_millis(11)).await;
        engine.apply(generation(n)).await.unwrap();
    }
    let positions = load.await.unwrap();
    engine.quiesced().await;
    let delivered: std::collections::HashSet<_> =
        sink.seen().into_iter().map(|s| s.position).collect();
    // What was delivered tells the generation at each position; it changes only at reloads.
    let generations: Vec<_> = positions
        .iter()
        .map(|(position, kind)| match delivered.contains(position) {
            true => *kind,
            false => 1 - kind,
        })
        .collect();
    let changes = generations.windows(2).filter(|w| w[0] != w[1]).count();
    assert!((1..=RELOADS).contains(&changes), "{changes} changes");
    assert_eq!(account(&engine, "s").await.accepted, delivered.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_generation_in_the_log_holds_though_the_table_never_heard_of_it() {
    let world = World::new();
    let sink = ScriptedSink::accepting();
    let with = |definition| plan([("s", filtered(&sink, definition))]);
    let old = || with(json!({"exact": {"id": "old"}}));
    let engine = world.start(old()).await;
    // The intent is recorded, the control record appended; then the table fails.
    world.store.records.store(1, Ordering::SeqCst);
    let new = with(json!({"prefix": {"id": "n"}}));
    assert!(engine.apply(new).await.is_err());
    assert!(engine.ready().is_err());
    publish(&engine, [event("old"), event("new")]).await;
    drop(engine);
    world.store.crash(|n| n - 1).await;
    let engine = world.start(old()).await;
    engine.quiesced().await;
    assert_eq!(
        sink.ids(),
        ["new"],
        "routed by the generation at its position"
    );
    publish(&engine, [event("newer")]).await;
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_attempts_and_refuses_events() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "hang" => Act::Hang,
        _ => Act::Slow(S(2)),
    });
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    publish(&engine, [event("slow"), event("hang")]).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let began = tokio::time::Instant::now();
    engine.drain(S(5)).await.unwrap();
    assert_eq!(began.elapsed(), S(5));
    let refused = engine
        .publish("default", &origin(), vec![event("late")])
        .await;
    assert!(refused.is_err());
    drop(engine);
    sink.now_does(|_| Act::Accept);
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    engine.quiesced().await;
    assert_eq!(
        sink.ids(),
        ["slow", "hang", "hang"],
        "what was settled stays settled"
    );
}

#[tokio::test(start_paused = true)]
async fn listeners_hear_what_happens() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.attempt {
        1 => Act::Retry(None),
        _ => Act::Accept,
    });
    let engine = world.start(plan([("s", subscription(&sink))])).await;
    let mut happenings = engine.happenings();
    publish(&engine, [event("e1")]).await;
    publish(&engine, [event("e1")]).await;
    engine.quiesced().await;
    let mut heard = Vec::new();
    while let Ok(h) = happenings.try_recv() {
        heard.push(h.what);
    }
    for (what, n) in [
        ("received", 1),
        ("matched", 1),
        ("attempt", 2),
        ("retry", 1),
        ("accepted", 1),
        ("duplicate", 1),
    ] {
        assert_eq!(
            heard.iter().filter(|h| *h == what).count(),
            n,
            "{what} in {heard:?}"
        );
    }
}
