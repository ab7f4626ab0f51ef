use super::mortal::{Life, Mortal};
use super::*;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tradewind_engine::Engine;
use tradewind_engine::testkit::{Act, ScriptedSink, SimClock, event, origin, plan, subscription};
use tradewind_store::Streams;
use tradewind_store::testkit::MemoryStreams;

const NAME: &str = "default/default";
const EVENTS: u64 = 5;

fn silent(_: Step) {}

/// Two stores, one of which has a stream: one of its events was delivered, one is a dead letter, the others wait.
struct Ground {
    clock: Arc<SimClock>,
    stores: [Arc<MemoryStreams>; 2],
    sink: Arc<ScriptedSink>,
    life: Life,
}

impl Ground {
    async fn new() -> Self {
        let clock = SimClock::new();
        let store = |spaced| Arc::new(MemoryStreams::new(clock.clone()).spaced(spaced));
        let ground = Self {
            stores: [store(32), store(1024)],
            sink: ScriptedSink::new(|delivery| match delivery.event.id() {
                "accepted" => Act::Accept,
                "dead" => Act::Reject,
                _ => Act::Retry(Some(Duration::from_secs(60))),
            }),
            clock,
            life: Arc::new(AtomicU64::new(u64::MAX)),
        };
        let engine = ground.serve(0).await;
        let ids = ["accepted", "dead", "a", "b", "c"];
        let events = ids.map(event).to_vec();
        engine.publish("default", &origin(), events).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        engine.drain(Duration::ZERO).await.unwrap();
        ground
    }

    async fn serve(&self, at: usize) -> Engine {
        let plan = plan([("s", subscription(&self.sink))]);
        let streams = self.stores[at].clone();
        Engine::start(plan, streams, self.clock.clone())
            .await
            .unwrap()
    }

    fn order(&self, from: usize) -> Order {
        let end = |at: usize| End {
            streams: Arc::new(Mortal {
                inner: self.stores[at].clone(),
                life: self.life.clone(),
            }),
            place: format!("place {at}"),
        };
        Order {
            name: NAME.into(),
            from: end(from),
            to: end(1 - from),
            settings: Settings::default(),
        }
    }

    /// Where a gateway would serve the stream.
    async fn served(&self) -> Vec<usize> {
        let mut served = Vec::new();
        for (at, store) in self.stores.iter().enumerate() {
            if store.list().await.unwrap().contains(&NAME.to_owned()) {
                served.push(at);
            }
        }
        served
    }

    async fn refused(&self, from: usize) -> Refused {
        self.order(from).run(&silent).await.unwrap_err()
    }
}

fn events(done: &Done) -> u64 {
    done.shards.iter().map(|shard| shard.content.events).sum()
}

/// Killed after every single call, and begun again: never served twice, never less than all of it.
#[tokio::test(start_paused = true)]
async fn a_move_that_is_killed_anywhere_is_ended_by_the_next() {
    let mut kills = 0;
    let mut nowhere = 0;
    loop {
        let ground = Ground::new().await;
        let order = ground.order(0);
        ground
            .life
            .store(kills, std::sync::atomic::Ordering::SeqCst);
        let outcome = order.run(&silent).await;
        ground
            .life
            .store(u64::MAX, std::sync::atomic::Ordering::SeqCst);
        let served = ground.served().await;
        assert!(served.len() <= 1, "{kills}: {served:?}");
        nowhere += usize::from(served.is_empty());
        if outcome.is_ok() && served == [1] {
            break;
        }
        assert!(outcome.is_err(), "{kills}");
        let again = order.run(&silent).await.unwrap();
        assert_eq!(ground.served().await, [1], "{kills}");
        match served.first() {
            // It was put in force, and what came after failed.
            Some(1) => assert_eq!(again.found, Found::Moved, "{kills}"),
            _ => assert_eq!(
                (again.found, events(&again)),
                (Found::AtSource, EVENTS),
                "{kills}"
            ),
        }
        if kills.is_multiple_of(7) {
            let engine = ground.serve(1).await;
            ground.sink.now_does(|_| Act::Accept);
            assert_eq!(engine.redrive("s", None).await.unwrap(), 1);
            engine.quiesced().await;
            let seen = ground.sink.seen();
            let accepted = seen.iter().filter(|seen| seen.accepted).count();
            assert_eq!(accepted as u64, EVENTS, "{kills}");
        }
        kills += 1;
    }
    assert!(kills > 20, "{kills}");
    assert!(nowhere > 0, "between the two, nobody serves it");
}

#[tokio::test(start_paused = true)]
async fn there_and_back_and_what_is_left_behind() {
    let ground = Ground::new().await;
    let told = Mutex::new(Vec::new());
    let looked = ground.order(0).look().await.unwrap();
    assert_eq!(ground.served().await, [0], "looking changes nothing");
    let tell = |what| told.lock().unwrap().push(what);
    let done = ground.order(0).run(&tell).await.unwrap();
    assert_eq!(done, looked);
    assert_eq!((done.found, events(&done)), (Found::AtSource, EVENTS));
    let content = done.shards[0].content;
    let steps = [
        Step::Copying(0, EVENTS),
        Step::Read(0, content),
        Step::Whole,
    ];
    assert_eq!(*told.lock().unwrap(), steps);
    assert_eq!(
        ground.order(0).run(&silent).await.unwrap().found,
        Found::Moved
    );
    let gone = ground.stores[0].open(NAME, &Settings::default()).await;
    assert!(
        gone.unwrap_err()
            .to_string()
            .contains("was moved to place 1")
    );

    let engine = ground.serve(1).await;
    let more = vec![event("more")];
    engine.publish("default", &origin(), more).await.unwrap();
    engine.drain(Duration::ZERO).await.unwrap();
    // What was left behind is older; it makes room.
    let back = ground.order(1).run(&silent).await.unwrap();
    assert_eq!(events(&back), EVENTS + 1);
    assert_eq!(ground.served().await, [0]);
    assert!(
        ground.order(0).remove_source().await.is_err(),
        "that is served"
    );
    ground.order(1).remove_source().await.unwrap();
    assert_eq!(ground.stores[1].standing(NAME).await.unwrap(), None);
    assert_eq!(
        events(&ground.order(0).run(&silent).await.unwrap()),
        EVENTS + 1
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_over() {
    let says = |refused: Refused, words: &str| {
        let said = format!("{refused}; {}", refused.hint.as_deref().unwrap_or_default());
        assert!(said.contains(words), "{said}");
    };
    let ground = Ground::new().await;
    // One that has never had an event is none.
    let other = ground.serve(1).await;
    other.drain(Duration::ZERO).await.unwrap();
    ground.order(0).run(&silent).await.unwrap();

    let ground = Ground::new().await;
    let other = ground.serve(1).await;
    other
        .publish("default", &origin(), vec![event("other")])
        .await
        .unwrap();
    other.drain(Duration::ZERO).await.unwrap();
    says(
        ground.refused(0).await,
        "another stream `default` at place 1",
    );
    assert_eq!(ground.served().await, [0, 1]);

    // Of another stream, half a copy, and what is left behind.
    for standing in [Standing::Coming("x".into()), Standing::Gone("x".into())] {
        let ground = Ground::new().await;
        let settings = Settings::default();
        let there = &ground.stores[1];
        there.make(NAME, &settings, [1; 16], "x").await.unwrap();
        there.stand(NAME, standing).await.unwrap();
        says(ground.refused(0).await, "another stream");
        assert_eq!(ground.served().await, [0]);
    }

    // What was moved went somewhere else.
    let ground = Ground::new().await;
    let gone = Standing::Gone("elsewhere".into());
    ground.stores[0].stand(NAME, gone).await.unwrap();
    let there = &ground.stores[1];
    let settings = Settings::default();
    there.make(NAME, &settings, [1; 16], "x").await.unwrap();
    there.stand(NAME, Standing::Here).await.unwrap();
    says(ground.refused(0).await, "to elsewhere");

    let ground = Ground::new().await;
    let here = &ground.stores[0];
    let order = Order {
        settings: Settings {
            shards: 3,
            ..Settings::default()
        },
        ..ground.order(0)
    };
    says(order.run(&silent).await.unwrap_err(), "write `shards: 1`");
    says(ground.refused(1).await, "lies at place 0 already");
    here.stand(NAME, Standing::Gone("the moon".into()))
        .await
        .unwrap();
    says(
        ground.refused(0).await,
        "was moved from place 0 to the moon",
    );
    here.stand(NAME, Standing::Coming("mars".into()))
        .await
        .unwrap();
    says(ground.refused(0).await, "being moved there from mars");
    here.delete(NAME).await.unwrap();
    says(
        ground.refused(0).await,
        "there is no stream `default` at place 0",
    );
}

/// Who writes to the source while it is copied is noticed before anything changes.
#[tokio::test(start_paused = true)]
async fn a_source_that_is_used_meanwhile_stays_in_force() {
    let ground = Ground::new().await;
    let source = ground.stores[0].lift(NAME).await.unwrap().unwrap();
    let late = |step: Step| {
        if step == Step::Whole {
            let entry = tradewind_store::testkit::suite::event(99, "late");
            let append = futures_util::FutureExt::now_or_never(source.append(vec![entry]));
            append.unwrap().unwrap();
        }
    };
    let refused = ground.order(0).run(&late).await.unwrap_err();
    assert!(
        refused.to_string().contains("somebody has written"),
        "{refused}"
    );
    assert_eq!(ground.served().await, [0]);
    let done = ground.order(0).run(&silent).await.unwrap();
    assert_eq!(events(&done), EVENTS + 1);
}
