//! One subscription's trouble is nobody else's: judged in simulated time, where nothing but the
//! engine's own decisions can delay a delivery.

use super::scene::publish;
use super::{Act, Measured, Scene, ScriptedSink, in_simulated_time, ordered, plan, subscription};
use crate::{Group, Member, Plan, Split};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::Sink;
use tradewind_event::Event;

const SUBSCRIPTIONS: usize = 100;
const KEYS: u64 = 200;

fn event(id: &str, key: &str) -> Result<Event, String> {
    let event = Event::builder(id, "/isolation", "t").subject(key);
    event.build().map_err(|error| error.to_string())
}

fn slow() -> Arc<ScriptedSink> {
    ScriptedSink::new(|_| Act::Slow(Duration::from_millis(20)))
}

/// One of a hundred subscriptions has a sink that never answers: the p99 of the others rises by at
/// most 20 %, and what is under way to it stays below its cap.
///
/// # Errors
/// The engine fails.
pub fn black_hole(seconds: u64) -> Result<Measured, String> {
    let (calm, _) = in_simulated_time(latency(seconds, false))?;
    let (beside, under_way) = in_simulated_time(latency(seconds, true))?;
    Ok(Measured {
        figures: format!(
            "black hole 1 of {SUBSCRIPTIONS}: p99 of the others {beside} ms against {calm} ms, \
             {under_way} attempts under way to it"
        ),
        holds: beside * 10 <= calm * 12 && under_way <= 32,
    })
}

/// The 99th percentile of the time from publishing to arrival over all but the first subscription,
/// and the most attempts at once at the first.
async fn latency(seconds: u64, hole: bool) -> Result<(u64, usize), String> {
    let mut scene = Scene::new(1);
    let sinks: Vec<_> = (0..SUBSCRIPTIONS).map(|_| slow()).collect();
    if hole {
        sinks[0].now_does(|_| Act::Hang);
    }
    let subscriptions = sinks.iter().enumerate();
    let plan = Plan {
        subscriptions: subscriptions
            .map(|(n, sink)| (format!("s{n}"), subscription(sink)))
            .collect(),
        ..plan([])
    };
    let engine = scene.start(plan).await?;
    let mut born = HashMap::new();
    for n in 0..seconds * 50 {
        let id = format!("event-{n:06}");
        born.insert(id.clone(), scene.clock.elapsed_ms());
        publish(&engine, vec![event(&id, "any")?]).await?;
        scene.wait(Duration::from_millis(20)).await;
    }
    scene.wait(Duration::from_secs(60)).await;
    let mut times = Vec::new();
    for sink in &sinks[1..] {
        let seen = sink.seen();
        if seen.len() != born.len() {
            return Err(format!(
                "{} of {} arrived, once each",
                seen.len(),
                born.len()
            ));
        }
        let took = |s: &super::Seen| scene.clock.ms_of(s.at) - born[&s.id];
        times.extend(seen.iter().map(took));
    }
    times.sort_unstable();
    // The sink's own time is part of what a consumer sees.
    Ok((times[times.len() * 99 / 100] + 20, sinks[0].most_at_once()))
}

/// One ordering key never gets through: the other keys keep 95 % of their throughput.
///
/// # Errors
/// The engine fails.
pub fn poisoned_key(events: u64) -> Result<Measured, String> {
    let calm = in_simulated_time(drained_in(events, false))?;
    let beside = in_simulated_time(drained_in(events, true))?;
    let kept = calm as f64 / beside as f64 * 100.0;
    Ok(Measured {
        figures: format!(
            "poisoned key 1 of {KEYS}: the others keep {kept:.1} % of their throughput"
        ),
        holds: kept >= 95.0,
    })
}

/// Milliseconds until all of the healthy keys are delivered.
async fn drained_in(events: u64, poison: bool) -> Result<u64, String> {
    let mut scene = Scene::new(2);
    let sink = ScriptedSink::new(move |delivery| {
        match poison && delivery.event.subject() == Some("key-0") {
            true => Act::Hang,
            false => Act::Slow(Duration::from_millis(20)),
        }
    });
    let engine = scene.start(ordered([("s", subscription(&sink))])).await?;
    let events = (0..events).map(|n| event(&format!("event-{n:06}"), &format!("key-{}", n % KEYS)));
    let events: Vec<Event> = events.collect::<Result<_, _>>()?;
    let healthy = events
        .iter()
        .filter(|e| e.subject() != Some("key-0"))
        .count();
    for batch in events.chunks(500) {
        publish(&engine, batch.to_vec()).await?;
    }
    loop {
        scene.wait(Duration::from_millis(20)).await;
        if sink.count(|s| s.event.subject() != Some("key-0")) >= healthy {
            return Ok(scene.clock.elapsed_ms());
        }
    }
}

/// One member of a group does not answer, and more waits for it than a lane has room for: the other keeps 95 % of its
/// throughput, and gets all that is its own.
///
/// # Errors
/// The engine fails.
pub fn silent_member(events: u64) -> Result<Measured, String> {
    let calm = in_simulated_time(shared(events, false))?;
    let beside = in_simulated_time(shared(events, true))?;
    let kept = calm.0 as f64 / beside.0 as f64 * 100.0;
    Ok(Measured {
        figures: format!(
            "silent member 1 of 2, {} events waiting for it: the other keeps {kept:.1} % of its throughput",
            beside.1
        ),
        holds: kept >= 95.0 && beside.1 * 3 > events,
    })
}

/// Milliseconds until the second member has its own, and how many events wait then.
async fn shared(events: u64, silent: bool) -> Result<(u64, u64), String> {
    let mut scene = Scene::new(5);
    let sinks = [slow(), slow()];
    if silent {
        sinks[0].now_does(|_| Act::Hang);
    }
    let mut own = subscription(&sinks[0]);
    let member = |n: usize| Member {
        name: format!("m{n}").into(),
        sink: Arc::clone(&sinks[n]) as Arc<dyn Sink>,
    };
    own.group = Some(Group {
        members: vec![member(0), member(1)],
        split: Split {
            weights: vec![("m0".into(), 1), ("m1".into(), 1)],
            moves: 0,
        },
    });
    let engine = scene.start(ordered([("s", own)])).await?;
    let keys = events / 2;
    let events: Vec<Event> = (0..events)
        .map(|n| event(&format!("event-{n:06}"), &format!("key-{}", n % keys)))
        .collect::<Result<_, _>>()?;
    // Which keys are whose follows from the seed.
    for batch in events.chunks(500) {
        publish(&engine, batch.to_vec()).await?;
    }
    let mut last = (0, 0);
    loop {
        scene.wait(Duration::from_millis(20)).await;
        let seen = sinks[1].seen().len();
        if seen > last.0 {
            last = (seen, scene.clock.elapsed_ms());
        } else if scene.clock.elapsed_ms() > last.1 + 20_000 {
            break;
        }
    }
    let views = engine.subscriptions().await;
    let pending: u64 = views.iter().map(|view| view.account.pending).sum();
    if last.0 as u64 + pending != events.len() as u64 && silent {
        return Err(format!("{} delivered, {pending} waiting", last.0));
    }
    Ok((last.1, pending))
}

/// Five seconds up, five seconds down: the circuit opens after at most five failures in a row, lets
/// one probe through per cooldown, and nothing is lost.
///
/// # Errors
/// The engine fails.
pub fn flapping(minutes: u64) -> Result<Measured, String> {
    in_simulated_time(async move {
        let mut scene = Scene::new(3);
        let clock = scene.clock.clone();
        let sink = ScriptedSink::new(move |_| match clock.elapsed_ms() / 5000 % 2 {
            0 => Act::Accept,
            _ => Act::Retry(None),
        });
        let mut s = subscription(&sink);
        s.policy.concurrency = 1;
        let cooldown = s.policy.breaker.cooldown.as_millis() as u64;
        let engine = scene.start(plan([("s", s)])).await?;
        let mut n = 0;
        for _ in 0..minutes * 60 {
            let batch = (n..n + 10).map(|n| event(&format!("event-{n:06}"), "any"));
            publish(&engine, batch.collect::<Result<_, _>>()?).await?;
            n += 10;
            scene.wait(Duration::from_secs(1)).await;
        }
        sink.now_does(|_| Act::Accept);
        engine.quiesced().await;
        // Five failures in a row open it; then attempts keep a cooldown apart until one succeeds.
        let (mut row, mut most, mut probes, mut hasty, mut last) = (0, 0, 0, 0, 0);
        for s in sink.seen() {
            let at = scene.clock.ms_of(s.at);
            if row >= 5 {
                probes += 1;
                hasty += u64::from(at - last < cooldown);
            }
            row = if s.accepted { 0 } else { row + 1 };
            most = most.max(row.min(5));
            last = at;
        }
        let views = engine.subscriptions().await;
        let accepted: u64 = views.iter().map(|v| v.account.accepted).sum();
        Ok(Measured {
            figures: format!(
                "flapping sink, {minutes} min: circuit open after {most} failures in a row, {probes} \
                 probes, {hasty} of them within a cooldown of the last attempt, {} of {n} lost",
                n - accepted
            ),
            holds: most <= 5 && probes > 0 && hasty == 0 && accepted == n,
        })
    })
}

/// An event on which the sink panics, also at the start: a dead letter by policy, and the queue
/// drains past it.
///
/// # Errors
/// The engine fails.
pub fn poison_event() -> Result<Measured, String> {
    in_simulated_time(async move {
        let mut scene = Scene::new(4);
        let sink = ScriptedSink::new(|delivery| match delivery.event.id() {
            "poison" => Act::Panic,
            _ => Act::Accept,
        });
        let mut s = subscription(&sink);
        s.policy.retry.max_attempts = 5;
        let plan = plan([("s", s)]);
        let mut engine = scene.start(plan.clone()).await?;
        publish(&engine, vec![event("poison", "any")?]).await?;
        for start in 0..5 {
            let events = (0..20).map(|n| event(&format!("event-{start}-{n}"), "any"));
            publish(&engine, events.collect::<Result<_, _>>()?).await?;
            scene.wait(Duration::from_millis(100)).await;
            drop(engine);
            engine = scene.start(plan.clone()).await?;
        }
        engine.quiesced().await;
        let views = engine.subscriptions().await;
        let a = views.first().map(|view| view.account).unwrap_or_default();
        Ok(Measured {
            figures: format!(
                "poison event over 5 restarts: dead letter after {} attempts, {} of 100 others delivered",
                sink.seen().iter().filter(|s| s.id == "poison").count(),
                a.accepted
            ),
            holds: a.dead_lettered == 1 && a.accepted == 100,
        })
    })
}
