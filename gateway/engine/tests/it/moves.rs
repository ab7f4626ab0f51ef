//! A stream that goes to another store takes everything along: what was delivered, what waits, and for what.

use crate::support::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tradewind_engine::moving::{self, Copied};
use tradewind_engine::{Engine, Plan, Shadow, Start, SubscriptionPlan};
use tradewind_event::Event;
use tradewind_store::testkit::MemoryStreams;
use tradewind_store::{Error, Movable, Settings, Standing, Stream, Streams};

const S: fn(u64) -> Duration = Duration::from_secs;
const NAME: &str = "default/default";

/// Two stores whose offsets have nothing in common.
struct Ground {
    clock: Arc<SimClock>,
    stores: [Arc<MemoryStreams>; 2],
    /// Which of them the stream lies in.
    at: usize,
}

impl Ground {
    fn new() -> Self {
        let clock = SimClock::new();
        let store = |spaced| Arc::new(MemoryStreams::new(clock.clone()).spaced(spaced));
        Self {
            stores: [store(32), store(1024)],
            clock,
            at: 0,
        }
    }

    async fn start(&self, plan: Plan) -> Engine {
        let store = self.stores[self.at].clone();
        let engine = Engine::start(plan, store, self.clock.clone()).await;
        engine.unwrap()
    }

    async fn lift(&self, at: usize) -> Arc<dyn Stream> {
        self.stores[at].lift(NAME).await.unwrap().unwrap()
    }

    /// Takes the stream over to the other store. The engine is gone.
    async fn cross(&mut self) -> Vec<Copied> {
        // What it was about to do is given up.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (from, to) = (self.at, 1 - self.at);
        let source = self.lift(from).await;
        let settings = Settings {
            shards: source.shards(),
            ..Settings::default()
        };
        self.stores[to].delete(NAME).await.unwrap();
        let key = source.hash_key();
        self.stores[to]
            .make(NAME, &settings, key, "there")
            .await
            .unwrap();
        let target = self.lift(to).await;
        let mut all = Vec::new();
        for shard in 0..source.shards() {
            let copied = moving::copy(&*source, &*target, shard, &|_| ())
                .await
                .unwrap();
            assert_eq!(moving::look(&*source, shard).await.unwrap(), copied.content);
            moving::verify(&*source, &*target, &copied).await.unwrap();
            all.push(copied);
        }
        self.stores[to].stand(NAME, Standing::Here).await.unwrap();
        self.stores[from]
            .stand(NAME, Standing::Gone("there".into()))
            .await
            .unwrap();
        self.at = to;
        all
    }

    /// First bytes of the keys of all rows.
    async fn kinds(&self) -> BTreeSet<u8> {
        let stream = self.lift(self.at).await;
        let mut kinds = BTreeSet::new();
        for shard in 0..stream.shards() {
            let rows = stream.scan(shard, b"", &[0xff], usize::MAX).await.unwrap();
            kinds.extend(rows.iter().map(|(key, _)| key[0]));
        }
        kinds
    }
}

fn replying(delivery: &tradewind_adapter::Delivery, body: &str) -> Act {
    let reply = Event::builder(format!("r-{}", delivery.event.id()), "/answers", "answer");
    Act::Reply(reply.data("text/plain", body.to_owned()).build().unwrap())
}

/// Sinks, and a plan with all that a stream can have to do.
struct Scene {
    main: Arc<ScriptedSink>,
    beside: Arc<ScriptedSink>,
    paused: Arc<ScriptedSink>,
}

impl Scene {
    fn new() -> Self {
        Self {
            main: ScriptedSink::new(|d| match (d.event.id(), d.attempt) {
                ("dead" | "parked", _) => Act::Reject,
                ("late", 1) => Act::Retry(Some(S(3600))),
                _ => replying(d, "old"),
            }),
            beside: ScriptedSink::new(|d| match d.event.id() {
                "hangs" => Act::Hang,
                _ => replying(d, "new"),
            }),
            paused: ScriptedSink::accepting(),
        }
    }

    fn plan(&self) -> Plan {
        let mut main = subscription(&self.main);
        main.policy.retry.retry_after_max = S(24 * 3600);
        main.policy.on_exhaustion = tradewind_engine::OnExhaustion::Park;
        let mut beside: SubscriptionPlan = subscription(&self.beside);
        beside.policy.timeout = S(24 * 3600);
        beside.shadow = Some(Shadow::of("main"));
        let mut plan = ordered([
            ("main", main),
            ("beside", beside),
            ("paused", subscription(&self.paused)),
        ]);
        let stream = plan.streams.get_mut("default").unwrap();
        stream.settings.shards = 2;
        stream.settings.retention = S(30 * 24 * 3600);
        stream.dedupe_window = Some(S(24 * 3600));
        plan
    }

    fn ids(&self) -> Vec<String> {
        let mut ids = self.main.ids();
        ids.sort_unstable();
        ids
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stream_has_to_do_is_done_where_it_went() {
    let (mut ground, scene) = (Ground::new(), Scene::new());
    let engine = ground.start(scene.plan()).await;
    engine.pause("paused").await.unwrap();
    let first = publish(&engine, [keyed("first", "a"), keyed("dead", "b")]).await;
    publish(&engine, [keyed("late", "c"), keyed("behind", "c")]).await;
    publish(&engine, [keyed("parked", "d"), keyed("on-hold", "d")]).await;
    publish(&engine, [keyed("hangs", "e")]).await;
    publish(
        &engine,
        (0..50).map(|n| keyed(&format!("n{n}"), &format!("k{n}"))),
    )
    .await;
    tokio::time::sleep(S(60)).await;
    engine.drain(Duration::ZERO).await.unwrap();
    drop(engine);
    let before = scene.ids();
    assert_eq!(before.len(), 55, "{before:?}");

    let kinds = ground.kinds().await;
    let copied = ground.cross().await;
    assert_eq!(
        copied
            .iter()
            .map(|copied| copied.content.events)
            .sum::<u64>(),
        57
    );
    assert_eq!(ground.kinds().await, kinds);
    for kind in b"gitolqkbxahcye" {
        assert!(kinds.contains(kind), "no {}: {kinds:?}", char::from(*kind));
    }

    let engine = ground.start(scene.plan()).await;
    tokio::time::sleep(S(60)).await;
    assert_eq!(scene.ids(), before, "nothing comes twice");
    // A repetition from before is one.
    let again = publish(&engine, [keyed("first", "a")]).await;
    assert!(again[0].duplicate && again[0].position != first[0].position);
    let journey = engine
        .explain(&format!("default@{}", again[0].position))
        .await
        .unwrap();
    let stop = |name: &str| {
        journey[0]
            .subscriptions
            .iter()
            .find(|s| s.subscription == name)
    };
    assert_eq!(stop("main").unwrap().state, "accepted");
    assert_eq!(stop("main").unwrap().attempts.len(), 1);

    let (letters, _) = engine.dead_letters("main", None, 10).await.unwrap();
    let dead: BTreeSet<&str> = letters.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!(dead, BTreeSet::from(["dead", "parked"]));
    let compared = engine.compared("main", 10).await.unwrap();
    assert!(
        compared.reply >= 50 && compared.waiting >= 1,
        "{compared:?}"
    );

    scene.main.now_does(|d| replying(d, "old"));
    assert_eq!(engine.redrive("main", None).await.unwrap(), 2);
    tokio::time::sleep(S(3600)).await;
    let of = |key: &str| -> Vec<String> {
        let seen = scene.main.seen().into_iter();
        seen.filter(|seen| seen.event.subject() == Some(key))
            .map(|seen| seen.id)
            .collect()
    };
    assert_eq!(of("c"), ["late", "late", "behind"], "in order");
    assert_eq!(of("d"), ["parked", "parked", "on-hold"]);
    engine.resume("paused").await.unwrap();
    tokio::time::sleep(S(60)).await;
    assert_eq!(scene.paused.ids().len(), 57);
    engine.drain(Duration::ZERO).await.unwrap();
    drop(engine);

    // And home again, with what came meanwhile.
    ground.cross().await;
    let engine = ground.start(scene.plan()).await;
    let again = publish(&engine, [keyed("first", "a"), keyed("new", "a")]).await;
    assert!(again[0].duplicate && !again[1].duplicate);
    let replay = engine.replay("paused", Start::Oldest, None).await.unwrap();
    tokio::time::sleep(S(60)).await;
    let replayed = scene
        .paused
        .count(|seen| seen.replay.as_deref() == Some(&replay.id));
    assert_eq!((replayed, scene.paused.ids().len()), (58, 57 + 58 + 1));
    let (letters, _) = engine.dead_letters("main", None, 10).await.unwrap();
    assert!(letters.is_empty(), "{letters:?}");
    for name in ["main", "paused"] {
        let account = account(&engine, name).await;
        assert_eq!((account.matched, account.pending), (58, 0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_outlived_its_log_goes_along() {
    let mut ground = Ground::new();
    let failing = ScriptedSink::new(|d| match d.event.id() {
        "dead-1" | "dead-2" => Act::Reject,
        _ => Act::Retry(Some(S(6 * 3600))),
    });
    let mut s = subscription(&failing);
    s.policy.retry.retry_after_max = S(24 * 3600);
    let with = || {
        let mut plan = plan([("s", s.clone())]);
        plan.streams.get_mut("default").unwrap().settings.retention = S(3600);
        plan
    };
    let engine = ground.start(with()).await;
    publish(&engine, ["dead-1", "late", "dead-2"].map(event)).await;
    for round in 0..3 {
        tokio::time::sleep(S(3000)).await;
        publish(&engine, [event(&format!("r{round}"))]).await;
    }
    let start = ground.lift(0).await.bounds(0).start;
    assert!(start > 0, "the log begins later");
    drop(engine);
    for _ in 0..2 {
        ground.cross().await;
        assert!(ground.kinds().await.contains(&b'p'));
        let engine = ground.start(with()).await;
        let (letters, _) = engine.dead_letters("s", None, 10).await.unwrap();
        let told: Vec<_> = letters
            .iter()
            .map(|l| (l.id.as_str(), l.ty.as_str()))
            .collect();
        assert_eq!(
            told,
            [("dead-1", "order.placed"), ("dead-2", "order.placed")]
        );
        drop(engine);
    }
    let engine = ground.start(with()).await;
    failing.now_does(|_| Act::Accept);
    assert_eq!(engine.redrive("s", None).await.unwrap(), 2);
    engine.quiesced().await;
    let accepted: BTreeSet<String> = {
        let seen = failing.seen().into_iter();
        seen.filter(|seen| seen.accepted)
            .map(|seen| seen.id)
            .collect()
    };
    assert_eq!(accepted.len(), 6, "{accepted:?}");
    let account = account(&engine, "s").await;
    assert_eq!((account.accepted, account.pending), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_otherwise_is_found_out() {
    let mut ground = Ground::new();
    let sink = ScriptedSink::accepting();
    let engine = ground.start(plan([("s", subscription(&sink))])).await;
    publish(&engine, ["e1", "e2"].map(event)).await;
    engine.drain(S(1)).await.unwrap();
    drop(engine);
    let copied = ground.cross().await.remove(0);
    let (from, to) = (ground.lift(0).await, ground.lift(1).await);
    // There is something in it.
    let again = moving::copy(&*from, &*to, 0, &|_| ()).await;
    assert!(
        matches!(again, Err(moving::Error::NotEmpty(0))),
        "{again:?}"
    );
    let differs = |outcome: Result<(), moving::Error>, why: &str| {
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.contains("not what was copied") && error.contains(why),
            "{error}"
        );
    };
    let epoch = to.recover(0).await.unwrap().epoch;
    let row = tradewind_store::Op::Put(b"l\0\0\0\x01".as_slice().into(), b"".as_slice().into());
    to.record(0, epoch, vec![row], tradewind_store::Sync::Durable)
        .await
        .unwrap();
    differs(moving::verify(&*from, &*to, &copied).await, "state");
    let item = to.read(0, 0, 1).await.unwrap().items.remove(0);
    to.adopt(0, vec![item]).await.unwrap();
    differs(moving::verify(&*from, &*to, &copied).await, "more items");

    // Nor may anybody use the source meanwhile.
    let ground = Ground::new();
    let engine = ground.start(plan([("s", subscription(&sink))])).await;
    publish(&engine, [event("e1")]).await;
    let from = ground.lift(0).await;
    let settings = Settings::default();
    for (name, uses) in [("idle", false), ("owner", true)] {
        ground.stores[1]
            .make(NAME, &settings, from.hash_key(), name)
            .await
            .unwrap();
        let to = ground.lift(1).await;
        let copied = moving::copy(&*from, &*to, 0, &|_| ()).await.unwrap();
        if uses {
            from.recover(0).await.unwrap();
        }
        assert_eq!(
            moving::is_unchanged(&*from, &copied).await.unwrap(),
            !uses,
            "{name}"
        );
        ground.stores[1].delete(NAME).await.unwrap();
    }
    ground.stores[1]
        .make(NAME, &settings, from.hash_key(), "x")
        .await
        .unwrap();
    let to = ground.lift(1).await;
    let copied = moving::copy(&*from, &*to, 0, &|_| ()).await.unwrap();
    let entry = tradewind_store::testkit::suite::event(9, "late");
    from.append(vec![entry]).await.unwrap();
    assert!(!moving::is_unchanged(&*from, &copied).await.unwrap());
    let refused: Result<_, Error> = ground.stores[1].open(NAME, &settings).await;
    assert!(refused.is_err(), "half a copy is not served");
}
