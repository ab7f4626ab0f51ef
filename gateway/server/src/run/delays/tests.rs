//! What waits is counted once, and what was accepted stays.

use super::*;
use crate::engines::Places;
use crate::run::planned;
use std::path::Path;
use tradewind_config::System;
use tradewind_engine::testkit::{
    CrashStreams, EPOCH_MS, SimClock, event, in_simulated_time, origin,
};
use tradewind_event::Attribute;
use tradewind_store::{Durability, Error, Settings, Stream, Streams};

const TEXT: &str = "spaces: { acme: { quotas: { events-per-second: 3 } } }\n\
                    streams: { acme: { space: acme } }\n";

/// One of more than 1 MiB.
fn large(id: &str) -> Event {
    later(id)
        .with_attribute("large", Attribute::String(&"x".repeat(1 << 20)))
        .unwrap()
}

/// One that waits for longer than a test lasts.
fn later(id: &str) -> Event {
    let at = Attribute::String("2024-01-01T00:00:00Z");
    event(id).with_attribute(DELIVER_AT, at).unwrap()
}

/// The stream `default` in a place of its own, which can be in trouble alone.
#[derive(Debug)]
struct Apart {
    default: Arc<CrashStreams>,
    others: Arc<CrashStreams>,
}

#[async_trait]
impl Streams for Apart {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        match name {
            "default/default" => self.default.open(name, settings).await,
            _ => self.others.open(name, settings).await,
        }
    }
    async fn list(&self) -> Result<Vec<String>, Error> {
        Ok([self.default.list().await?, self.others.list().await?].concat())
    }
    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.others.delete(name).await
    }
}

/// All streams in one place.
fn engines(streams: Arc<dyn Streams>) -> Arc<Engines> {
    let node = ("node".to_owned(), Path::new("."));
    Arc::new(Engines::new(streams, node, Places::new()))
}

async fn front() -> Front {
    let clock = SimClock::new();
    let streams = CrashStreams::new(clock.clone());
    front_over(streams, clock).await
}

async fn front_over(streams: Arc<dyn Streams>, clock: Arc<SimClock>) -> Front {
    let checked = tradewind_config::load_str("a.yaml", TEXT, &crate::registry(), &System).unwrap();
    let clock: Arc<dyn Clock> = clock;
    let engine = Engine::start(planned(&checked), streams.clone(), clock.clone())
        .await
        .unwrap();
    let notes = Notes::open(streams.as_ref(), Durability::Fsync)
        .await
        .unwrap();
    let engines = engines(streams);
    Front::open(engine, clock, notes, engines).await.unwrap()
}

async fn waiting(front: &Front) -> u64 {
    let (engine, clock, notes) = (&front.engine, &front.clock, &front.notes);
    let engines = front.engines.clone();
    let again = Front::open(engine.clone(), clock.clone(), notes.clone(), engines);
    let again = again.await.unwrap().delayed();
    assert_eq!(again, front.delayed(), "what is counted is what is there");
    again.events
}

#[test]
fn a_batch_that_is_refused_takes_nothing_of_others_with_it() {
    let run = async {
        let (front, origin) = (front().await, origin());
        let publish = async |events| front.publish("default", &origin, events).await;
        publish(vec![event("c")]).await.unwrap();
        publish(vec![later("a"), event("b")]).await.unwrap();
        assert_eq!(waiting(&front).await, 1);
        let other = event("c").with_attribute("subject", Attribute::String("other"));
        let refused = publish(vec![later("a"), later("d"), other.unwrap()]).await;
        assert!(matches!(refused, Err(PublishError::Conflict(_))));
        assert_eq!(waiting(&front).await, 1);
        Ok(())
    };
    in_simulated_time(run).unwrap();
}

#[test]
fn the_same_event_in_a_batch_and_again_is_one() {
    let run = async {
        let (front, origin) = (front().await, origin());
        for _ in 0..2 {
            let batch = vec![later("a"), later("a"), later("a"), later("b")];
            let receipts = front.publish("default", &origin, batch).await.unwrap();
            assert_eq!(receipts.len(), 4);
            assert_eq!(waiting(&front).await, 2);
        }
        assert!(EPOCH_MS < front.delayed().next_ms.unwrap());
        Ok(())
    };
    in_simulated_time(run).unwrap();
}

#[test]
fn a_batch_for_now_and_later_is_charged_once() {
    let run = async {
        let (front, origin) = (front().await, origin());
        let batch = vec![later("a"), later("b"), later("c"), event("d")];
        front.publish("acme", &origin, batch).await.unwrap();
        assert_eq!(front.engine.spaces()["acme"].events, 4);
        let more = front.publish("acme", &origin, vec![event("e")]).await;
        assert!(matches!(more, Err(PublishError::Quota(_))));
        front
            .publish_owed("acme", &origin, vec![event("e"), later("f")])
            .await
            .unwrap();
        Ok(())
    };
    in_simulated_time(run).unwrap();
}

#[test]
fn a_space_that_fills_its_share_keeps_nobody_elses_events_out() {
    let run = async {
        let (front, origin) = (front().await, origin());
        let publish = async |stream: &str, event| front.publish(stream, &origin, vec![event]).await;
        // As much as its half.
        let half = BYTES_MAX / 2 - 1;
        front.held.streams().insert("default".into(), half);
        let refused = publish("default", large("a")).await;
        let Err(PublishError::Later {
            reason,
            full: false,
            ..
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert!(reason.contains("`default`"), "{reason}");
        publish("acme", large("a")).await.unwrap();
        // What is let go makes room again.
        front.held.streams().remove("default");
        publish("default", large("a")).await.unwrap();
        assert_eq!(waiting(&front).await, 2);
        Ok(())
    };
    in_simulated_time(run).unwrap();
}

#[test]
fn a_stream_in_trouble_holds_up_no_other_one() {
    let run = async {
        let clock = SimClock::new();
        let [default, others] = [(), ()].map(|()| CrashStreams::new(clock.clone()));
        let busy = default.busy.clone();
        let front = front_over(Arc::new(Apart { default, others }), clock.clone()).await;
        let soon = |id: &str, after: &str| {
            let after = Attribute::String(after);
            event(id).with_attribute(DELIVER_AFTER, after).unwrap()
        };
        // More than are read at once, and all before the other stream's.
        let many: Vec<Event> = (0..2 * BATCH)
            .map(|n| soon(&format!("d{n}"), "1s"))
            .collect();
        front.publish("default", &origin(), many).await.unwrap();
        let one = vec![soon("a", "2s")];
        front.publish("acme", &origin(), one).await.unwrap();
        let due = front.delayed().next_ms;
        busy.store(u64::MAX, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let in_vain = front.release_until(clock.unix_ms()).await.unwrap();
        assert!(in_vain > 0);
        assert_eq!(front.engine.streams().await["acme"].appended, 1);
        assert_eq!(waiting(&front).await, 2 * BATCH as u64);
        assert_eq!(front.delayed().next_ms, due);
        // Nothing of it is lost.
        busy.store(0, Ordering::SeqCst);
        assert_eq!(front.release_until(clock.unix_ms()).await.unwrap(), 0);
        let appended = front.engine.streams().await["default"].appended;
        assert_eq!(appended, 2 * BATCH as u64);
        assert_eq!(waiting(&front).await, 0);
        Ok(())
    };
    in_simulated_time(run).unwrap();
}
