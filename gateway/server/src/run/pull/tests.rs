//! Schedules over the real loop, engine and notes, in simulated time: killed at each call of the
//! store around a firing, with a clock that is set back and forth.

use super::ground::{around, checked};
use super::*;
use std::collections::HashSet;
use tradewind_engine::testkit::{CrashStreams, EPOCH_MS, SimClock, in_simulated_time};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// A schedule and the stretch of time that it is watched in.
struct Scene {
    zone: &'static str,
    /// Minutes past each hour of the day that it is due at, as cron has them.
    minutes: &'static str,
    from: &'static str,
    hours: u64,
}

/// One process on what the processes before have left.
struct Process {
    pulls: Pulls,
    engine: Engine,
}

async fn start(scene: &Scene, streams: &Arc<CrashStreams>, clock: &Arc<SimClock>) -> Process {
    let text = format!(
        "sources:\n  job:\n    kind: schedule\n    when: '{} * * * *'\n    time-zone: {}\n    \
         catch-up: all\n    jitter: 20s\n",
        scene.minutes, scene.zone
    );
    let checked = checked(&text);
    let around = around(&checked, streams, clock).await;
    let pulls = Pulls::default();
    pulls.start(&around, &checked).await;
    Process {
        pulls,
        engine: around.engine,
    }
}

/// The instants that the zone's clocks show such a minute for the first time: a walk over all.
fn expected(scene: &Scene, from: u64, to: u64) -> Vec<String> {
    let zone = jiff::tz::TimeZone::get(scene.zone).unwrap();
    let minutes: Vec<i8> = scene
        .minutes
        .split(',')
        .map(|m| m.parse().unwrap())
        .collect();
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    // From before the stretch: it may begin within the second pass of an hour.
    let mut at = from - from % MINUTE - 3 * HOUR;
    while at <= to {
        let instant = jiff::Timestamp::from_millisecond(at as i64).unwrap();
        let local = zone.to_datetime(instant);
        if minutes.contains(&local.minute()) && seen.insert(local) && at > from {
            all.push(instant.to_string());
        }
        at += MINUTE;
    }
    all
}

#[derive(Default)]
struct Sum {
    due: usize,
    crashes: usize,
    steps: usize,
}

async fn watch(scene: &Scene, sum: &mut Sum) -> Result<(), String> {
    let clock = SimClock::new();
    let from: jiff::Timestamp = scene.from.parse().unwrap();
    let from = from.as_millisecond() as u64;
    clock.jump(from as i64 - EPOCH_MS as i64);
    let streams = CrashStreams::new(clock.clone());
    let mut rng = fastrand::Rng::with_seed(from);
    let mut process = start(scene, &streams, &clock).await;
    let to = from + scene.hours * HOUR;
    let now = || tradewind_engine::Clock::unix_ms(&*clock);
    let mut furthest = from;
    let mut round = 0;
    while now() < to {
        // Short enough to be killed within a firing, whose jitter is up to 20 s.
        tokio::time::sleep(Duration::from_secs(rng.u64(20..200))).await;
        let calls = round % 7;
        round += 1;
        streams
            .budget
            .store(calls, std::sync::atomic::Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(rng.u64(1..120))).await;
        let step = (round % 5 == 0).then(|| rng.i64(-50..=50) * MINUTE as i64);
        // Never behind the begin: nothing was due then.
        let step = step.filter(|by| (from as i64..to as i64).contains(&(now() as i64 + by)));
        let running = round % 10 == 0;
        if let (Some(by), true) = (step, running) {
            furthest = furthest.max(now());
            clock.jump(by);
            sum.steps += 1;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        // What is under way ends as it can: the store fails.
        process.pulls.stop().await;
        drop(process);
        tokio::time::sleep(Duration::from_millis(1)).await;
        streams.crash(|n| rng.usize(..n)).await;
        sum.crashes += 1;
        if let (Some(by), false) = (step, running) {
            furthest = furthest.max(now());
            clock.jump(by);
            sum.steps += 1;
        }
        process = start(scene, &streams, &clock).await;
        furthest = furthest.max(now());
    }
    // The last jitter has passed, and nothing new is due.
    tokio::time::sleep(Duration::from_secs(30)).await;
    process.pulls.stop().await;
    let end = now().max(furthest);
    let due = expected(scene, from, end);
    for time in &due {
        let id = format!("job/{time}");
        let position = process
            .engine
            .position("default", "/schedules/job", &id)
            .await;
        if position.map_err(|e| e.to_string())?.is_none() {
            let late = jiff::Timestamp::from_millisecond(end as i64 - 21_000).unwrap();
            if time.parse::<jiff::Timestamp>().unwrap() < late {
                return Err(format!("{}: {time} did not fire", scene.zone));
            }
        }
    }
    let settings = tradewind_store::Settings::default();
    let streams: &dyn tradewind_store::Streams = streams.as_ref();
    let stream = streams.open("default/default", &settings).await;
    let appended = stream.map_err(|e| e.to_string())?.stats().appended as usize;
    if !(due.len().saturating_sub(1)..=due.len()).contains(&appended) {
        let n = due.len();
        return Err(format!(
            "{}: {appended} events for {n} due times",
            scene.zone
        ));
    }
    sum.due += appended;
    Ok(())
}

/// One stretch; with `TRADEWIND_PROVE`, as `cargo xtask prove schedules` sets it, all of them.
#[test]
fn each_firing_is_in_the_stream_exactly_once() {
    let scene = |zone, minutes, from, hours| Scene {
        zone,
        minutes,
        from,
        hours,
    };
    let scenes = [
        scene("Europe/Berlin", "0,30", "2027-03-27T12:00:00Z", 24),
        scene("Europe/Berlin", "0,30", "2026-10-24T12:00:00Z", 24),
        scene("America/New_York", "0,20,40", "2026-03-07T20:00:00Z", 24),
        scene("America/New_York", "0,20,40", "2026-10-31T20:00:00Z", 24),
        scene("Australia/Lord_Howe", "15,45", "2026-10-03T06:00:00Z", 24),
        scene("Australia/Lord_Howe", "15,45", "2026-04-04T06:00:00Z", 24),
        scene("America/Santiago", "5", "2026-09-05T16:00:00Z", 24),
        scene("Asia/Tokyo", "0", "2028-02-28T06:00:00Z", 48),
    ];
    let whole = std::env::var_os("TRADEWIND_PROVE").is_some();
    let scenes = if whole { &scenes[..] } else { &scenes[..1] };
    let mut sum = Sum::default();
    for scene in scenes {
        in_simulated_time(watch(scene, &mut sum)).unwrap_or_else(|error| panic!("{error}"));
    }
    println!(
        "schedules: {} firings in {} stretches over daylight-saving edges and a leap day, {} crashes, {} clock steps: each once",
        sum.due,
        scenes.len(),
        sum.crashes,
        sum.steps
    );
    let least = 20 * scenes.len();
    assert!(sum.due > least && sum.crashes > 5 * least && sum.steps > least);
}
