//! Groups: which member gets an event, and when a key changes hands.

use crate::support::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::Sink;
use tradewind_engine::{Engine, Group, Member, Plan, Split, Start, SubscriptionPlan};
use tradewind_event::Attribute;

type Sinks = [Arc<ScriptedSink>; 2];

fn split(one: u32, other: u32, moves: u64) -> Split {
    Split {
        weights: vec![("one".into(), one), ("other".into(), other)],
        moves,
    }
}

fn grouped(sinks: &Sinks, split: Split) -> SubscriptionPlan {
    let mut plan = subscription(&sinks[0]);
    let named = ["one", "other"].into_iter().zip(sinks);
    let member = |(name, sink): (&str, &Arc<ScriptedSink>)| Member {
        name: name.into(),
        sink: Arc::clone(sink) as Arc<dyn Sink>,
    };
    plan.group = Some(Group {
        members: named.map(member).collect(),
        split,
    });
    plan.policy.breaker.failures = 0;
    plan.policy.retry.full_jitter = false;
    plan
}

fn by_key(sinks: &Sinks, split: Split) -> Plan {
    ordered([("s", grouped(sinks, split))])
}

fn keys(sink: &ScriptedSink) -> BTreeSet<String> {
    let seen = sink.seen().into_iter();
    seen.filter_map(|s| s.event.subject().map(str::to_owned))
        .collect()
}

async fn send(engine: &Engine, round: &str, keys: usize) {
    let events = (0..keys).map(|n| keyed(&format!("{round}-{n}"), &format!("k{n}")));
    publish(engine, events).await;
}

/// No two attempts at one key, at the one and at the other, overlap.
fn assert_apart(sinks: &Sinks) {
    let others = sinks[1].seen();
    for one in sinks[0].seen() {
        for other in others
            .iter()
            .filter(|o| o.event.subject() == one.event.subject())
        {
            let apart = one.ended.unwrap() <= other.at || other.ended.unwrap() <= one.at;
            assert!(apart, "{one:?} {other:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_split_and_move_with_the_weights() {
    let sinks = [ScriptedSink::accepting(), ScriptedSink::accepting()];
    let engine = World::new().start(by_key(&sinks, split(9, 1, 0))).await;
    let mut had = BTreeSet::new();
    for (round, weights) in [(9, 1), (8, 2), (5, 5), (0, 10), (10, 0)]
        .into_iter()
        .enumerate()
    {
        let plan = by_key(&sinks, split(weights.0, weights.1, 0));
        engine.apply(plan).await.unwrap();
        let before = sinks[1].seen().len();
        send(&engine, &format!("r{round}"), 200).await;
        engine.quiesced().await;
        let now: BTreeSet<String> = sinks[1].seen()[before..]
            .iter()
            .map(|s| s.event.subject().unwrap().to_owned())
            .collect();
        let wanted = 200 * weights.1 / 10;
        assert!(
            now.len().abs_diff(wanted as usize) < 25,
            "{round}: {}",
            now.len()
        );
        if weights.1 > 0 {
            assert!(had.is_subset(&now), "no key goes back while it grows");
            had = now;
        }
    }
    assert_eq!(account(&engine, "s").await.accepted, 1000);
    let views = engine.subscriptions().await;
    let members: Vec<_> = views[0]
        .members
        .iter()
        .map(|m| (m.name.as_str(), m.share))
        .collect();
    assert_eq!(members, [("one", 1.0), ("other", 0.0)]);
    let accepted: u64 = views[0].members.iter().map(|m| m.accepted).sum();
    assert_eq!(accepted, 1000);
}

/// A key's later events wait until what lay before the change is settled, at the member where it was.
#[tokio::test(start_paused = true)]
async fn a_key_changes_hands_when_its_earlier_events_are_settled() {
    let sinks = [
        ScriptedSink::new(|delivery| match delivery.attempt {
            1 => Act::Retry(Some(Duration::from_secs(60))),
            _ => Act::Accept,
        }),
        ScriptedSink::accepting(),
    ];
    let engine = World::new().start(by_key(&sinks, split(1, 0, 0))).await;
    send(&engine, "a", 3).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine.apply(by_key(&sinks, split(0, 1, 0))).await.unwrap();
    send(&engine, "b", 4).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(sinks[1].ids(), ["b-3"], "a key of which nothing is pending");
    engine.quiesced().await;
    assert_eq!(sinks[0].ids().len(), 6);
    let mut then = sinks[1].ids();
    then.sort_unstable();
    assert_eq!(then, ["b-0", "b-1", "b-2", "b-3"]);
    let done = sinks[0].seen().into_iter().map(|s| s.at).max().unwrap();
    assert!(sinks[1].seen()[1..].iter().all(|s| s.at >= done));
}

#[tokio::test(start_paused = true)]
async fn a_decision_for_what_is_pending_moves_it_once_its_attempt_has_ended() {
    let sinks = [
        ScriptedSink::new(|delivery| match delivery.event.id() {
            "a-0" => Act::Hang,
            _ => Act::Retry(Some(Duration::from_secs(3600))),
        }),
        ScriptedSink::accepting(),
    ];
    let engine = World::new().start(by_key(&sinks, split(1, 0, 0))).await;
    send(&engine, "a", 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine.apply(by_key(&sinks, split(0, 1, 1))).await.unwrap();
    send(&engine, "b", 2).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        sinks[1].ids(),
        [""; 0],
        "one attempt is under way, one pause has been asked for"
    );
    engine.quiesced().await;
    assert_eq!(sinks[0].ids().len(), 2, "nothing goes back");
    let mut then = sinks[1].ids();
    then.sort_unstable();
    assert_eq!(then, ["a-0", "a-1", "b-0", "b-1"]);
    let at = engine
        .position("default", "/shop", "a-0")
        .await
        .unwrap()
        .unwrap();
    let journey = engine
        .explain(&format!("default@{at}"))
        .await
        .unwrap()
        .remove(0);
    let stop = &journey.subscriptions[0];
    let went: Vec<_> = stop
        .attempts
        .iter()
        .map(|a| a.member.as_deref().unwrap())
        .collect();
    assert_eq!(went, ["one", "other"]);
    let member = stop.member.as_ref().unwrap();
    assert_eq!(member.name, "other");
    assert!(member.why.starts_with("decided at 0/"), "{}", member.why);
}

#[tokio::test(start_paused = true)]
async fn a_retry_and_a_restart_stay_with_the_member_and_a_redrive_begins_anew() {
    let world = World::new();
    let sinks = [
        ScriptedSink::new(|delivery| match delivery.event.id() {
            "a-0" => Act::Reject,
            _ if delivery.attempt < 4 => Act::Retry(Some(Duration::from_secs(100))),
            _ => Act::Accept,
        }),
        ScriptedSink::accepting(),
    ];
    let engine = world.start(by_key(&sinks, split(1, 0, 0))).await;
    send(&engine, "a", 3).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    engine.apply(by_key(&sinks, split(0, 1, 0))).await.unwrap();
    engine.drain(Duration::ZERO).await.unwrap();
    drop(engine);
    let engine = world.start(by_key(&sinks, split(0, 1, 0))).await;
    engine.quiesced().await;
    assert_eq!(sinks[0].count(|s| s.id == "a-1"), 4);
    assert_eq!(sinks[1].ids(), [""; 0]);
    assert_eq!(engine.redrive("s", None).await.unwrap(), 1);
    engine.quiesced().await;
    assert_eq!(sinks[1].ids(), ["a-0"]);
    assert_eq!(account(&engine, "s").await.accepted, 3);
}

#[tokio::test(start_paused = true)]
async fn one_member_in_trouble_holds_up_its_own_keys_only() {
    let sinks = [
        ScriptedSink::new(|_| Act::Retry(None)),
        ScriptedSink::accepting(),
    ];
    let mut plan = by_key(&sinks, split(1, 1, 0));
    let own = plan.subscriptions.get_mut("s").unwrap();
    own.policy.breaker.failures = 3;
    own.policy.concurrency = 2;
    let engine = World::new().start(plan).await;
    send(&engine, "a", 100).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let views = engine.subscriptions().await;
    let states: BTreeMap<_, _> = views[0]
        .members
        .iter()
        .map(|m| (m.name.as_str(), m))
        .collect();
    assert_eq!(
        (
            states["one"].circuit.as_str(),
            states["other"].circuit.as_str()
        ),
        ("open", "closed")
    );
    assert!(states["one"].is_down() && !states["other"].is_down());
    assert!(states["other"].accepted > 30, "{views:?}");
    assert_eq!(
        account(&engine, "s").await.pending,
        100 - states["other"].accepted
    );
}

/// Whatever a member does that takes nothing, whatever breaks meanwhile: more waits for it than a lane has room for.
#[tokio::test(start_paused = true)]
async fn what_waits_for_one_member_is_in_nobodys_way() {
    const EVENTS: usize = 6_000;
    const KEYS: usize = 2_000;
    let hour = Duration::from_secs(3600);
    let troubles: [fn() -> Act; 4] = [
        || Act::Hang,
        || Act::Retry(None),
        || Act::Throttle(Duration::from_secs(3600)),
        || Act::Gone,
    ];
    for (nth, trouble) in troubles.into_iter().enumerate() {
        for ordered in [true, false] {
            let world = World::new();
            let sinks = [
                ScriptedSink::new(move |_| trouble()),
                ScriptedSink::accepting(),
            ];
            let start = || {
                let mut plan = by_key(&sinks, split(1, 1, 0));
                if !ordered {
                    plan.streams.get_mut("default").unwrap().order_by = None;
                }
                let own = plan.subscriptions.get_mut("s").unwrap();
                own.policy.breaker.failures = 3;
                own.policy.timeout = Duration::from_secs(30);
                own.policy.retry.retry_after_max = hour;
                own.policy.retry.max_attempts = u32::MAX;
                plan
            };
            let engine = world.start(start()).await;
            let all = (0..EVENTS).map(|n| keyed(&format!("e{n:05}"), &format!("k{}", n % KEYS)));
            let all: Vec<_> = all.collect();
            for some in all.chunks(500) {
                publish(&engine, some.to_vec()).await;
            }
            tokio::time::sleep(Duration::from_secs(25)).await;
            let mut others = sinks[1].ids();
            let tried: BTreeSet<String> = sinks[0].ids().into_iter().collect();
            assert!(tried.len() <= 64, "{nth}: {} tried", tried.len());
            assert_eq!(
                account(&engine, "s").await.pending as usize,
                EVENTS - others.len(),
                "{nth} {ordered}"
            );
            // More, and a crash that takes back what may be taken back.
            let late = (0..KEYS).map(|n| keyed(&format!("late{n:05}"), &format!("k{n}")));
            publish(&engine, late).await;
            tokio::time::sleep(Duration::from_secs(25)).await;
            drop(engine);
            world.store.crash(|_| 0).await;
            let engine = world.start(start()).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
            others = sinks[1].ids();
            sinks[0].now_does(|_| Act::Accept);
            engine.resume("s").await.unwrap();
            engine.quiesced().await;
            assert_eq!(
                sinks[1].ids().len(),
                others.len(),
                "{nth} {ordered}: it came late"
            );
            let account = account(&engine, "s").await;
            assert_eq!(account.accepted as usize, EVENTS + KEYS, "{nth} {ordered}");
            assert_eq!(account.pending, 0);
            if ordered {
                let (one, other) = (keys(&sinks[0]), keys(&sinks[1]));
                assert_eq!(one.intersection(&other).count(), 0);
                let mut last: BTreeMap<String, String> = BTreeMap::new();
                for seen in sinks[0].seen().into_iter().filter(|seen| seen.accepted) {
                    let key = seen.event.subject().unwrap().to_owned();
                    let before = last.insert(key, seen.id.clone());
                    assert!(before.is_none_or(|before| before < seen.id), "{seen:?}");
                }
            }
        }
    }
}

/// What lies on the shelf of a member goes to the one that a decision gives it to, and nothing else does.
#[tokio::test(start_paused = true)]
async fn a_decision_for_what_is_pending_finds_what_waits_on_a_shelf() {
    for restart in [false, true] {
        let world = World::new();
        let sinks = [
            ScriptedSink::new(|_| Act::Throttle(Duration::from_secs(3600))),
            ScriptedSink::accepting(),
        ];
        let with = |split: Split| {
            let mut plan = by_key(&sinks, split);
            let own = plan.subscriptions.get_mut("s").unwrap();
            own.policy.retry.retry_after_max = Duration::from_secs(3600);
            plan
        };
        let mut engine = world.start(with(split(1, 1, 0))).await;
        for round in ["a", "b", "c"] {
            send(&engine, round, 1000).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let before = sinks[1].ids().len();
        assert!((1200..1800).contains(&before), "{before}");
        if restart {
            drop(engine);
            world.store.crash(|_| 0).await;
            engine = world.start(with(split(1, 1, 0))).await;
        }
        // A part of it moves, the rest stays where it is.
        engine.apply(with(split(1, 3, 1))).await.unwrap();
        tokio::time::sleep(Duration::from_secs(300)).await;
        let then = sinks[1].ids().len();
        assert!((1900..2600).contains(&then), "{then} after {before}");
        engine.apply(with(split(0, 1, 2))).await.unwrap();
        engine.quiesced().await;
        let account = account(&engine, "s").await;
        assert_eq!((account.accepted, account.pending), (3000, 0));
        assert_apart(&sinks);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_cancelled_replay_has_under_way_is_waited_for() {
    let slow = || ScriptedSink::new(|_| Act::Slow(Duration::from_secs(20)));
    let sinks = [slow(), slow()];
    let with = |split: Split| {
        let mut plan = by_key(&sinks, split);
        plan.subscriptions.get_mut("s").unwrap().policy.timeout = Duration::from_secs(60);
        plan
    };
    let engine = World::new().start(with(split(1, 0, 0))).await;
    send(&engine, "a", 10).await;
    engine.quiesced().await;
    // What may have been under way before the start is over.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let replay = engine.replay("s", Start::Oldest, None).await.unwrap();
    engine.apply(with(split(0, 1, 0))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(sinks[0].count(|s| s.replay.is_some()), 10);
    engine.cancel_replay(&replay.id).await.unwrap();
    send(&engine, "b", 11).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(sinks[1].ids(), ["b-10"], "a key that it did not have");
    engine.quiesced().await;
    assert_eq!(sinks[1].ids().len(), 11);
    assert_apart(&sinks);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_began_before_there_was_a_group_follows_its_split() {
    let world = World::new();
    let sinks = [ScriptedSink::accepting(), ScriptedSink::accepting()];
    let alone = || {
        let mut plan = by_key(&sinks, split(1, 0, 0));
        plan.subscriptions.get_mut("s").unwrap().group = None;
        plan
    };
    let engine = world.start(alone()).await;
    send(&engine, "a", 100).await;
    engine.quiesced().await;
    engine.replay("s", Start::Oldest, Some(10.0)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    engine.apply(by_key(&sinks, split(0, 1, 0))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!sinks[1].ids().is_empty());
    drop(engine);
    let before = sinks[0].ids().len();
    let engine = world.start(by_key(&sinks, split(0, 1, 0))).await;
    engine.quiesced().await;
    assert_eq!(sinks[0].ids().len(), before);
    let replayed = keys(&sinks[0]).union(&keys(&sinks[1])).count();
    assert_eq!(replayed, 100);
}

/// What the log has forgotten and somebody still waits for stays with its member.
#[tokio::test(start_paused = true)]
async fn retention_does_not_forget_whose_a_pending_event_is() {
    let sinks = [
        ScriptedSink::new(|delivery| match delivery.attempt {
            1 => Act::Retry(Some(Duration::from_secs(6 * 3600))),
            _ => Act::Accept,
        }),
        ScriptedSink::accepting(),
    ];
    let world = World::new();
    let with = |split: Split| {
        let mut plan = by_key(&sinks, split);
        let settings = &mut plan.streams.get_mut("default").unwrap().settings;
        settings.retention = Duration::from_secs(3600);
        let own = plan.subscriptions.get_mut("s").unwrap();
        own.policy.retry.retry_after_max = Duration::from_secs(24 * 3600);
        plan
    };
    let engine = world.start(with(split(1, 0, 0))).await;
    send(&engine, "a", 5).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine.apply(with(split(0, 1, 0))).await.unwrap();
    for round in 0..3 {
        send(&engine, &format!("b{round}"), 5).await;
        tokio::time::sleep(Duration::from_secs(3000)).await;
    }
    let at = engine.position("default", "/shop", "a-0").await.unwrap();
    drop(engine);
    let engine = world.start(with(split(0, 1, 0))).await;
    engine.quiesced().await;
    let second = sinks[0].count(|seen| seen.attempt == 2);
    assert_eq!(second, 5, "first at {at:?}: {:?}", sinks[1].ids());
    assert_eq!(account(&engine, "s").await.accepted, 20);
}

#[tokio::test(start_paused = true)]
async fn without_an_order_each_event_is_its_own_key() {
    let sinks = [ScriptedSink::accepting(), ScriptedSink::accepting()];
    let engine = World::new()
        .start(plan([("s", grouped(&sinks, split(1, 1, 0)))]))
        .await;
    publish(&engine, (0..200).map(|n| keyed(&format!("e{n}"), "same"))).await;
    engine.quiesced().await;
    let counts = [sinks[0].ids().len(), sinks[1].ids().len()];
    assert!(counts.iter().all(|n| (70..=130).contains(n)), "{counts:?}");
}

/// The old member's last delivery of a key and the new one's first, in one turn.
#[tokio::test(start_paused = true)]
async fn a_power_loss_gives_nothing_back_to_the_member_that_had_it() {
    let world = World::new();
    let sinks = [
        ScriptedSink::new(|_| Act::Slow(Duration::from_secs(1))),
        ScriptedSink::new(|_| Act::Hang),
    ];
    let engine = world.start(by_key(&sinks, split(1, 0, 0))).await;
    send(&engine, "a", 1).await;
    engine.apply(by_key(&sinks, split(0, 1, 0))).await.unwrap();
    send(&engine, "b", 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(sinks[1].ids(), ["b-0"]);
    drop(engine);
    world.store.crash(|most| most - 1).await;
    sinks[1].now_does(|_| Act::Accept);
    let engine = world.start(by_key(&sinks, split(0, 1, 0))).await;
    engine.quiesced().await;
    assert_eq!(sinks[0].ids(), ["a-0"]);
    assert_eq!(sinks[1].ids(), ["b-0", "b-0"]);
}

#[tokio::test(start_paused = true)]
async fn what_follows_an_expired_event_goes_to_its_own_member() {
    let sinks = [
        ScriptedSink::new(|_| Act::Slow(Duration::from_secs(12))),
        ScriptedSink::accepting(),
    ];
    let mut before = by_key(&sinks, split(1, 0, 0));
    let mut after = by_key(&sinks, split(0, 1, 0));
    for plan in [&mut before, &mut after] {
        plan.subscriptions.get_mut("s").unwrap().policy.concurrency = 1;
    }
    let engine = World::new().start(before).await;
    // The test clock starts at 22:13:20.
    let expires = Attribute::String("2023-11-14T22:13:25Z");
    let first = keyed("x1", "x").with_attribute("expirytime", expires);
    publish(&engine, [keyed("slow", "slow"), first.unwrap()]).await;
    engine.apply(after).await.unwrap();
    publish(&engine, [keyed("x2", "x")]).await;
    engine.quiesced().await;
    assert_eq!(sinks[0].ids(), ["slow"]);
    assert_eq!(sinks[1].ids(), ["x2"]);
    assert_eq!(account(&engine, "s").await.expired, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_member_that_is_gone_had_under_way_is_not_lost_to_the_others() {
    let sinks = [ScriptedSink::new(|_| Act::Gone), ScriptedSink::accepting()];
    let engine = World::new().start(by_key(&sinks, split(1, 0, 0))).await;
    send(&engine, "a", 3).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(account(&engine, "s").await.pending, 3);
    engine.apply(by_key(&sinks, split(0, 1, 1))).await.unwrap();
    engine.quiesced().await;
    assert_eq!(sinks[1].ids().len(), 3);
    assert_eq!(account(&engine, "s").await.accepted, 3);
}

/// A replay takes the split of its beginning; a key that two members would have waits.
#[tokio::test(start_paused = true)]
async fn a_replay_and_its_subscription_never_have_a_key_at_two_members() {
    let slow = || ScriptedSink::new(|_| Act::Slow(Duration::from_millis(700)));
    let sinks = [slow(), slow()];
    let engine = World::new().start(by_key(&sinks, split(1, 0, 0))).await;
    send(&engine, "a", 20).await;
    engine.quiesced().await;
    engine.replay("s", Start::Oldest, Some(10.0)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    engine.apply(by_key(&sinks, split(0, 1, 0))).await.unwrap();
    for round in ["b", "c", "d"] {
        send(&engine, round, 20).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    engine.quiesced().await;
    assert_eq!(keys(&sinks[0]), keys(&sinks[1]));
    assert_eq!(sinks[0].count(|s| s.replay.is_some()), 20);
    assert_apart(&sinks);
}

#[tokio::test(start_paused = true)]
async fn two_replays_never_have_a_key_at_two_members() {
    let slow = || ScriptedSink::new(|_| Act::Slow(Duration::from_millis(700)));
    let sinks = [slow(), slow()];
    let engine = World::new().start(by_key(&sinks, split(1, 0, 0))).await;
    send(&engine, "a", 20).await;
    engine.quiesced().await;
    engine.replay("s", Start::Oldest, Some(10.0)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    engine.apply(by_key(&sinks, split(0, 1, 0))).await.unwrap();
    engine.replay("s", Start::Oldest, None).await.unwrap();
    engine.quiesced().await;
    assert!(sinks[1].seen().len() >= 20);
    assert_apart(&sinks);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_gets_nothing_is_not_down_for_ever() {
    let later = Some(Duration::from_secs(3600));
    let sinks = [
        ScriptedSink::new(move |_| Act::Retry(later)),
        ScriptedSink::accepting(),
    ];
    let mut plan = by_key(&sinks, split(1, 0, 0));
    let own = plan.subscriptions.get_mut("s").unwrap();
    own.policy.breaker.failures = 1;
    own.policy.breaker.cooldown = Duration::from_secs(30);
    own.policy.retry.retry_after_max = Duration::from_secs(3600);
    let engine = World::new().start(plan).await;
    send(&engine, "a", 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(engine.subscriptions().await[0].members[0].is_down());
    tokio::time::sleep(Duration::from_secs(60)).await;
    // What it is told is as old as the shard's last turn.
    engine.subscriptions().await;
    let views = engine.subscriptions().await;
    assert_eq!(views[0].members[0].circuit, "half-open");
    assert!(!views[0].members[0].is_down());
}

#[tokio::test(start_paused = true)]
async fn a_group_in_which_nobody_takes_anything_is_refused() {
    let sinks = [ScriptedSink::accepting(), ScriptedSink::accepting()];
    let mut stranger = split(1, 1, 0);
    stranger.weights[1].0 = "stranger".into();
    for split in [split(0, 0, 0), stranger] {
        let World { store, clock } = World::new();
        let started = Engine::start(by_key(&sinks, split), store, clock).await;
        assert!(
            started
                .unwrap_err()
                .to_string()
                .contains("the group of subscription `s`")
        );
    }
}
