//! Deliveries again, twice, late, and in the middle of a crash.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::yield_now;
use tradewind::testing::{self, Trial, WAYS};
use tradewind::{Context, Error, Event, Outcome, Reply, State, handler_fn};

#[tokio::test(start_paused = true)]
async fn an_event_comes_again_until_it_is_done() {
    let handler = handler_fn(|_: Event, cx: Context| async move {
        assert!(cx.remaining() <= Duration::from_secs(2));
        match cx.attempt() {
            1 => panic!("a bug"),
            2 => std::future::pending().await,
            3 => Err(Error::retry(None).because("busy")),
            4 => Ok(()),
            _ => Err(Error::reject("never")),
        }
    });
    let trial = Trial::new(testing::event("t", 1)).timeout(Duration::from_secs(2));
    let words = |outcomes: &[Outcome]| -> Vec<String> {
        let word = |outcome: &Outcome| match outcome {
            Outcome::Retry { reason, .. } => reason.clone(),
            Outcome::Ack => "done".into(),
            other => format!("{other:?}"),
        };
        outcomes.iter().map(word).collect()
    };
    let all = [
        "the handler panicked",
        "the handler was not done in time",
        "busy",
        "done",
    ];
    assert_eq!(words(&trial.deliver(&handler).await), all);
    assert_eq!(
        words(&trial.clone().attempts(2).deliver(&handler).await),
        all[..2]
    );
    let rejected = handler_fn(|_: Event| async { Err::<(), _>(Error::reject("never")) });
    assert_eq!(trial.deliver(&rejected).await.len(), 1);
}

#[tokio::test]
async fn the_same_delivery_twice_gives_the_same_reply() {
    let trial = Trial::new(testing::event("t", 1));
    let handler = handler_fn(|_: Event| async { Reply::event("r", 1) });
    let [Outcome::Reply(first), Outcome::Reply(second)] = trial.twice(&handler).await else {
        panic!("no replies");
    };
    assert_eq!(first, second);
}

#[tradewind::handler]
async fn careless(_event: Event, State(count): State<Arc<AtomicU32>>) {
    count.fetch_add(1, Ordering::Relaxed);
    yield_now().await;
}

#[tokio::test]
async fn what_is_done_twice_after_a_crash_is_found() {
    let count = Arc::new(AtomicU32::new(0));
    let mut most = 0;
    let trial = Trial::new(testing::event("t", 1));
    let handler = careless.with_state(count.clone());
    let places = trial.killed_anywhere(&handler, |_| {
        most = most.max(count.swap(0, Ordering::Relaxed))
    });
    assert_eq!(places.await, 1);
    assert_eq!(most, 2);
}

#[tokio::test]
async fn every_trigger_has_a_sample() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = seen.clone();
    let handler: Arc<dyn tradewind::Handler> = Arc::new(handler_fn(move |event: Event| {
        kept.lock().unwrap().push(event.id().to_owned());
        async {}
    }));
    let mut count = 0;
    for (way, sample) in testing::samples() {
        let answer = testing::on(way.host, handler_fn(|_: Event| async {}))
            .raw(sample.clone())
            .await;
        assert!(way.hear(&answer).is_taken(), "{way}");
        testing::on(way.host, handler.clone()).raw(sample).await;
        count += 1;
    }
    assert_eq!(count, WAYS.len());
    assert_eq!(*seen.lock().unwrap(), vec!["sample-1"; count]);
}
