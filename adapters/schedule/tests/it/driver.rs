//! The source over a clock that is moved by hand.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::{Clock, Error, Ground, Memory, Settlement, Source, Token};
use tradewind_schedule::Schedule;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// A full hour.
const T: u64 = 1_800_000_000_000;

#[derive(Debug, Default)]
struct World {
    now: AtomicU64,
    values: Mutex<BTreeMap<String, Bytes>>,
}

#[async_trait]
impl Clock for World {
    fn unix_ms(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }
    async fn sleep(&self, time: Duration) {
        self.now
            .fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }
}

#[async_trait]
impl Memory for World {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        Ok(self.values.lock().unwrap().get(key).cloned())
    }
    async fn set(&self, key: &str, value: Bytes) -> Result<(), Error> {
        self.values.lock().unwrap().insert(key.into(), value);
        Ok(())
    }
}

fn open(world: &Arc<World>, settings: Value) -> Schedule {
    let schedule = Schedule::new("s", serde_json::from_value(settings).unwrap()).unwrap();
    schedule.lend(Ground {
        clock: world.clone(),
        memory: world.clone(),
        frames: None,
    });
    schedule
}

async fn give(schedule: &Schedule) -> Vec<u64> {
    let received = schedule.receive(100_000, Duration::ZERO).await.unwrap();
    received
        .iter()
        .map(|r| r.token.0.parse().unwrap())
        .collect()
}

async fn settle(schedule: &Schedule, due: u64, how: Settlement) {
    schedule
        .settle(vec![(Token(due.to_string()), how)])
        .await
        .unwrap();
}

/// Hours since `T` that fire when the clock comes to `to`.
async fn fired(world: &World, schedule: &Schedule, to: u64) -> Vec<u64> {
    world.now.store(to, Ordering::SeqCst);
    let all = give(schedule).await;
    for due in &all {
        settle(schedule, *due, Settlement::Ack).await;
    }
    all.into_iter().map(|due| (due - T) / HOUR).collect()
}

fn hourly(policy: &str) -> Value {
    json!({ "when": "0 * * * *", "catch-up": policy, "catch-up-max": 3 })
}

#[tokio::test]
async fn what_passed_unnoticed_is_caught_up_by_policy() {
    for (policy, expected) in [
        ("none", vec![]),
        ("latest", vec![5]),
        ("all", vec![3, 4, 5]),
    ] {
        let world = Arc::new(World::default());
        world.now.store(T, Ordering::SeqCst);
        // What was due before it was there is not.
        let schedule = open(&world, hourly(policy));
        assert!(give(&schedule).await.is_empty());
        // In time, and up to a minute late.
        assert_eq!(fired(&world, &schedule, T + HOUR + MINUTE).await, [1]);
        // Down for four hours.
        let schedule = open(&world, hourly(policy));
        assert_eq!(
            fired(&world, &schedule, T + 5 * HOUR + 2 * MINUTE).await,
            expected,
            "{policy}"
        );
        assert_eq!(
            fired(&world, &schedule, T + 5 * HOUR + 3 * MINUTE).await,
            [] as [u64; 0]
        );
        assert_eq!(
            fired(&world, &schedule, T + 6 * HOUR).await,
            [6],
            "{policy}"
        );
        let skipped = schedule.calendar().unwrap().skipped();
        assert!(skipped >= 4 - expected.len() as u64, "{policy}: {skipped}");
    }
}

#[tokio::test]
async fn a_century_of_seconds_is_not_gone_through() {
    let world = Arc::new(World::default());
    world.now.store(T, Ordering::SeqCst);
    for when in ["rate(1 second)", "* * * * *"] {
        let schedule = open(&world, json!({ "when": when, "catch-up": "all" }));
        give(&schedule).await;
        world.now.fetch_add(100 * 366 * 24 * HOUR, Ordering::SeqCst);
        assert!(give(&schedule).await.len() <= 1100);
    }
}

#[tokio::test]
async fn a_clock_that_is_set_repeats_nothing_by_itself() {
    let world = Arc::new(World::default());
    world.now.store(T, Ordering::SeqCst);
    let schedule = open(&world, hourly("latest"));
    give(&schedule).await;
    assert_eq!(fired(&world, &schedule, T + HOUR).await, [1]);
    // Ten minutes back, over the full hour.
    assert_eq!(
        fired(&world, &schedule, T + HOUR - 10 * MINUTE).await,
        [] as [u64; 0]
    );
    assert_eq!(
        fired(&world, &schedule, T + HOUR + MINUTE).await,
        [] as [u64; 0]
    );
    // A day ahead by mistake, and back: it does not stand still for a day.
    assert_eq!(
        fired(&world, &schedule, T + 25 * HOUR + 2 * MINUTE).await,
        [25]
    );
    assert_eq!(
        fired(&world, &schedule, T + 2 * HOUR - MINUTE).await,
        [] as [u64; 0]
    );
    assert_eq!(fired(&world, &schedule, T + 2 * HOUR).await, [2]);
}

#[tokio::test]
async fn the_cursor_waits_for_what_is_not_stored() {
    let world = Arc::new(World::default());
    world.now.store(T, Ordering::SeqCst);
    let schedule = open(&world, hourly("all"));
    give(&schedule).await;
    world.now.store(T + 3 * HOUR, Ordering::SeqCst);
    assert_eq!(
        give(&schedule).await,
        [T + HOUR, T + 2 * HOUR, T + 3 * HOUR]
    );
    settle(&schedule, T + 2 * HOUR, Settlement::Ack).await;
    settle(&schedule, T + HOUR, Settlement::Nack { delay: None }).await;
    // Killed here: the first and the third come again, the second too, which the stream knows.
    let again = open(&world, hourly("all"));
    assert_eq!(give(&again).await, [T + HOUR, T + 2 * HOUR, T + 3 * HOUR]);
    // In the same process, only what was given back, after its pause.
    assert!(give(&schedule).await.is_empty());
    world.now.fetch_add(1000, Ordering::SeqCst);
    assert_eq!(give(&schedule).await, [T + HOUR]);
}

#[tokio::test]
async fn a_change_or_a_pause_begins_anew() {
    let world = Arc::new(World::default());
    world.now.store(T, Ordering::SeqCst);
    give(&open(&world, hourly("all"))).await;
    let other = json!({ "when": "30 * * * *", "catch-up": "all" });
    world.now.store(T + 5 * HOUR, Ordering::SeqCst);
    assert!(give(&open(&world, other)).await.is_empty());
    let off = json!({ "when": "0 * * * *", "catch-up": "all", "enabled": false });
    let schedule = open(&world, off);
    assert!(give(&schedule).await.is_empty());
    assert!(schedule.calendar().unwrap().upcoming(T, 3).is_empty());
    world.now.store(T + 9 * HOUR, Ordering::SeqCst);
    assert!(give(&open(&world, hourly("all"))).await.is_empty());
}

#[tokio::test]
async fn an_event_says_which_firing_it_is() {
    let world = Arc::new(World::default());
    world.now.store(T - MINUTE, Ordering::SeqCst);
    let schedule = open(
        &world,
        json!({ "when": "0 * * * *", "event": { "type": "job", "subject": "x", "data": { "n": [1] } } }),
    );
    let received = schedule.receive(1, Duration::from_secs(120)).await.unwrap();
    let event = &received[0].events.as_ref().unwrap()[0];
    assert_eq!(event.id(), "s/2027-01-15T08:00:00Z");
    assert_eq!(
        (event.source(), event.ty(), event.subject()),
        ("/schedules/s", "job", Some("x"))
    );
    assert_eq!(world.unix_ms(), T, "woken in time");
}
