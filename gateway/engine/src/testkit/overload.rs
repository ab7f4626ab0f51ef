//! What a long outage leaves behind comes back no faster than it may.

use super::scene::publish;
use super::{Act, Measured, Scene, ScriptedSink, in_simulated_time, plan, subscription};
use std::collections::BTreeMap;
use std::time::Duration;
use tradewind_event::Event;

/// Attempts per second that the subscription allows.
const RATE: u64 = 500;
const OUTAGE: Duration = Duration::from_secs(600);

async fn publish_all(engine: &crate::Engine, events: u64) -> Result<(), String> {
    let ids: Vec<u64> = (0..events).collect();
    for chunk in ids.chunks(500) {
        let events = chunk.iter().map(|n| {
            let event = Event::builder(format!("event-{n:06}").as_str(), "/overload", "t").build();
            event.map_err(|error| error.to_string())
        });
        publish(engine, events.collect::<Result<_, _>>()?).await?;
    }
    Ok(())
}

/// Attempts from `from` on: in the first ten seconds, most in a second, mean per second.
struct Pace {
    first_ten: u64,
    most: u64,
    mean: f64,
}

fn pace(scene: &Scene, sink: &ScriptedSink, from: u64, seconds: u64) -> Pace {
    let mut buckets: BTreeMap<u64, u64> = (0..seconds).map(|second| (second, 0)).collect();
    for s in sink.seen() {
        let at = scene.clock.ms_of(s.at);
        if let Some(n) = at
            .checked_sub(from)
            .and_then(|at| buckets.get_mut(&(at / 1000)))
        {
            *n += 1;
        }
    }
    Pace {
        first_ten: buckets.range(..10).map(|(_, n)| n).sum(),
        most: buckets.values().copied().max().unwrap_or(0),
        mean: buckets.values().sum::<u64>() as f64 / seconds as f64,
    }
}

/// So many events are queued when the sink returns after ten minutes: the first ten seconds stay
/// below the configured rate and a tenth, and no second has three times the mean.
///
/// # Errors
/// The engine fails.
pub fn return_of_the_sink(events: u64) -> Result<Measured, String> {
    in_simulated_time(async move {
        let mut scene = Scene::new(1);
        let sink = ScriptedSink::new(|_| Act::Retry(None));
        let mut s = subscription(&sink);
        s.policy.rate_per_second = Some(RATE as f64);
        let engine = scene.start(plan([("s", s)])).await?;
        publish_all(&engine, events).await?;
        scene.wait(OUTAGE).await;
        sink.now_does(|_| Act::Accept);
        let tried = sink.count(|_| true);
        let back = scene.clock.elapsed_ms();
        engine.quiesced().await;
        let seen = sink.seen();
        // The circuit finds out with its next probe.
        let first = seen.get(tried).map_or(back, |s| scene.clock.ms_of(s.at));
        let busy = (events / RATE).clamp(10, 60);
        let pace = pace(&scene, &sink, first, busy);
        let delivered = seen.iter().filter(|s| s.accepted).count() as u64;
        Ok(Measured {
            figures: format!(
                "{events} queued, sink back after 10 min: {} attempts in the first 10 s at {RATE}/s, \
                 busiest second {} against {:.0} on average, {delivered} delivered",
                pace.first_ten, pace.most, pace.mean
            ),
            holds: pace.first_ten <= RATE * 11
                && pace.most as f64 <= 3.0 * pace.mean
                && delivered == events,
        })
    })
}

/// The same without a rate and without a circuit breaker: only jitter spreads the retries.
///
/// # Errors
/// The engine fails.
pub fn retries_are_spread(events: u64) -> Result<Measured, String> {
    in_simulated_time(async move {
        let mut scene = Scene::new(2);
        let sink = ScriptedSink::new(|_| Act::Retry(None));
        let mut s = subscription(&sink);
        s.policy.breaker.failures = 0;
        s.policy.concurrency = 1000;
        let engine = scene.start(plan([("s", s)])).await?;
        publish_all(&engine, events).await?;
        scene.wait(OUTAGE).await;
        let back = scene.clock.elapsed_ms();
        sink.now_does(|_| Act::Accept);
        engine.quiesced().await;
        let pace = pace(&scene, &sink, back, 120);
        Ok(Measured {
            figures: format!(
                "{events} retries without rate or circuit: busiest second {} against {:.0} on average",
                pace.most, pace.mean
            ),
            holds: pace.most as f64 <= 3.0 * pace.mean,
        })
    })
}

/// A redrive of so many dead letters keeps to the rate, and delivers each of them once.
///
/// # Errors
/// The engine fails.
pub fn redrive(events: u64) -> Result<Measured, String> {
    in_simulated_time(async move {
        let mut scene = Scene::new(3);
        let sink = ScriptedSink::new(|_| Act::Reject);
        let mut s = subscription(&sink);
        let rated = {
            let mut rated = s.clone();
            rated.policy.rate_per_second = Some(RATE as f64);
            rated
        };
        s.policy.concurrency = 256;
        let engine = scene.start(plan([("s", s)])).await?;
        publish_all(&engine, events).await?;
        engine.quiesced().await;
        let applied = engine.apply(plan([("s", rated)])).await;
        applied.map_err(|error| error.to_string())?;
        sink.now_does(|_| Act::Accept);
        scene.wait(Duration::from_secs(1)).await;
        let before = scene.clock.elapsed_ms();
        let redriven = engine.redrive("s", None).await;
        let redriven = redriven.map_err(|error| error.to_string())?;
        engine.quiesced().await;
        let pace = pace(&scene, &sink, before, 10);
        let mut again: Vec<String> = sink
            .seen()
            .into_iter()
            .filter(|s| s.accepted)
            .map(|s| s.id)
            .collect();
        let delivered = again.len() as u64;
        again.sort_unstable();
        again.dedup();
        Ok(Measured {
            figures: format!(
                "redrive of {redriven}: {} attempts in the first 10 s at {RATE}/s, {delivered} \
                 delivered, {} of them different",
                pace.first_ten,
                again.len()
            ),
            holds: pace.first_ten <= RATE * 11
                && redriven == events
                && delivered == events
                && again.len() as u64 == events,
        })
    })
}
