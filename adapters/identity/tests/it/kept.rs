//! What is kept: single requests, renewal ahead, outages, refusals. In simulated time.

use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{advance, sleep};
use tradewind_adapter::Unproved;
use tradewind_identity::{Fresh, Kept, Origin};

/// Gives 1, 2, 3, ... each after a moment.
#[derive(Default)]
struct Counting {
    given: AtomicU64,
    asked: AtomicU64,
    down: AtomicBool,
}

const LASTS: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(200);

struct From(Arc<Counting>);

#[async_trait]
impl Origin<u64> for From {
    async fn obtain(&self) -> Result<Fresh<u64>, Unproved> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        sleep(MOMENT).await;
        if self.0.down.load(Ordering::SeqCst) {
            return Err(Unproved::unavailable("down"));
        }
        Ok(Fresh {
            value: self.0.given.fetch_add(1, Ordering::SeqCst) + 1,
            lasts: Some(LASTS),
        })
    }
}

impl Counting {
    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn kept() -> (Kept<u64>, Arc<Counting>) {
    let counting = Arc::<Counting>::default();
    (Kept::new(From(Arc::clone(&counting))), counting)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_who_wait_ask_once() {
    let (kept, counting) = kept();
    let all = (0..1000).map(|_| {
        let kept = kept.clone();
        tokio::spawn(async move { kept.get().await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), Ok(1));
    }
    assert_eq!(counting.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_loses_nothing() {
    let (kept, counting) = kept();
    let left = tokio::time::timeout(MOMENT / 2, kept.get()).await;
    assert!(left.is_err());
    assert_eq!(kept.get().await, Ok(1));
    assert_eq!(counting.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_ahead_and_nobody_waits() {
    let (kept, counting) = kept();
    assert_eq!(kept.get().await, Ok(1));
    advance(LASTS.mul_f64(0.69)).await;
    assert_eq!((kept.get().await, counting.asked()), (Ok(1), 1));
    advance(LASTS.mul_f64(0.12)).await;
    // The one that is here is shown while the next one comes.
    for _ in 0..100 {
        assert_eq!(kept.get().await, Ok(1));
    }
    sleep(MOMENT * 2).await;
    assert_eq!((kept.get().await, counting.asked()), (Ok(2), 2));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_outlived_as_long_as_the_token_lasts() {
    let (kept, counting) = kept();
    assert_eq!(kept.get().await, Ok(1));
    counting.down.store(true, Ordering::SeqCst);
    // A delivery every 100 ms.
    let step = Duration::from_millis(100);
    let good = (LASTS - Duration::from_secs(11)).as_millis() / step.as_millis();
    for _ in 1..good {
        advance(step).await;
        assert_eq!(kept.get().await, Ok(1));
    }
    let asked = counting.asked();
    // In some 1,000 s, with pauses of 15 to 30 s.
    assert!((30..90).contains(&asked), "{asked}");
    advance(Duration::from_secs(60)).await;
    let unproved = kept.get().await.unwrap_err();
    let after = unproved.after.unwrap();
    assert!(
        after > Duration::ZERO && after <= Duration::from_secs(30),
        "{after:?}"
    );
    let asked = counting.asked();
    for _ in 0..100 {
        assert!(kept.get().await.is_err());
    }
    assert_eq!(
        counting.asked(),
        asked,
        "a server that is down is left alone"
    );
    counting.down.store(false, Ordering::SeqCst);
    advance(Duration::from_secs(31)).await;
    assert_eq!(kept.get().await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_one_is_dropped_once() {
    let (kept, counting) = kept();
    assert_eq!(kept.get().await, Ok(1));
    kept.refused(|value| *value == 1);
    assert_eq!(kept.get().await, Ok(2));
    // A late answer to the one before, and the new one refused at once: neither makes another.
    kept.refused(|value| *value == 1);
    kept.refused(|value| *value == 2);
    assert_eq!((kept.get().await, counting.asked()), (Ok(2), 2));
    advance(Duration::from_secs(31)).await;
    kept.refused(|value| *value == 2);
    assert_eq!(kept.get().await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_when_it_comes_is_not_asked_for_by_every_delivery() {
    struct Ended(Arc<AtomicU64>);
    #[async_trait]
    impl Origin<u64> for Ended {
        async fn obtain(&self) -> Result<Fresh<u64>, Unproved> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Fresh {
                value: 1,
                lasts: Some(Duration::ZERO),
            })
        }
    }
    let asked = Arc::<AtomicU64>::default();
    let kept = Kept::new(Ended(Arc::clone(&asked)));
    for _ in 0..100 {
        advance(Duration::from_millis(100)).await;
        assert_eq!(kept.get().await, Ok(1));
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!((9..=20).contains(&asked), "{asked}");
}
