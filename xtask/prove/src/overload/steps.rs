//! The steps.

use super::{QUIET, Stage, batches};
use crate::load::Load;
use crate::target::{Manner, Taken};
use std::time::Duration;

/// Requests by second from the first one on; what came before `since_us` does not count.
fn seconds(taken: &[Taken], since_us: u64) -> Vec<u64> {
    let times = || taken.iter().map(|t| t.at_us).filter(|at| *at >= since_us);
    let first = times().min().unwrap_or_default();
    let mut buckets = Vec::new();
    for at in times() {
        let second = usize::try_from((at - first) / 1_000_000).unwrap_or_default();
        if buckets.len() <= second {
            buckets.resize(second + 1, 0);
        }
        buckets[second] += 1;
    }
    buckets
}

/// The first ten seconds hold at most what the rate allows, and a tenth more.
fn within(buckets: &[u64], rate: u64) -> Result<u64, String> {
    let first: u64 = buckets.iter().take(10).sum();
    let whole = u64::try_from(buckets.len().min(10)).unwrap_or(10);
    // A burst of one second's worth is a tenth of ten seconds, and more of fewer.
    let allowed = rate * whole + rate;
    if first > allowed {
        return Err(format!(
            "{first} requests in {whole} s at a rate of {rate}/s"
        ));
    }
    Ok(first)
}

/// A backlog builds up behind a sink that is away; it comes back.
pub(super) async fn outage(stage: &mut Stage) -> Result<(), String> {
    let (events, rate) = stage.size.backlog;
    let from = stage.watch.now_us();
    stage.outage.leave();
    batches::publish(stage, "t.outage", events).await?;
    tokio::time::sleep(stage.size.window / 2).await;
    stage.outage.met();
    let since = stage.watch.now_us();
    stage.outage.come_back().await?;
    tokio::time::sleep(Duration::from_secs(14)).await;
    let (taken, _) = stage.outage.met();
    let buckets = seconds(&taken, since);
    let first = within(&buckets, rate).map_err(|what| format!("outage: {what}"))?;
    let figure = format!("{events} waiting, {first} in the first 10 s at {rate}/s");
    println!(
        "outage     by second: {:?}",
        &buckets[..buckets.len().min(12)]
    );
    stage.step("outage", from, figure).await;
    if first == 0 {
        return Err("nothing went out to the sink that came back".into());
    }
    Ok(())
}

/// Many events are retried on their own; full jitter spreads them.
pub(super) async fn storm(stage: &mut Stage) -> Result<(), String> {
    /// The pause between attempts.
    const PAUSE: usize = 5;
    let events = stage.size.storm;
    let from = stage.watch.now_us();
    stage.storm.behave(Manner::Status(500, 0));
    batches::publish(stage, "t.storm", events).await?;
    tokio::time::sleep(Duration::from_secs(2 * PAUSE as u64)).await;
    stage.storm.met();
    let since = stage.watch.now_us();
    stage.storm.behave(Manner::Good);
    stage.until_all("storm", "t.storm").await?;
    let (taken, _) = stage.storm.met();
    let mut buckets = seconds(&taken, since);
    buckets.resize(buckets.len().max(PAUSE), 0);
    let most = buckets.iter().copied().max().unwrap_or_default();
    let mean = taken.len() as f64 / buckets.len() as f64;
    let times = most as f64 / mean.max(1.0);
    println!("storm      by second: {buckets:?}");
    let figure = format!("{events} retries, busiest second {times:.1} times the mean");
    stage.step("storm", from, figure).await;
    if times > 3.0 {
        return Err(format!("storm: {most} in one second, {mean:.0} on average"));
    }
    Ok(())
}

/// A mass of dead letters is redriven.
pub(super) async fn letters(stage: &mut Stage) -> Result<(), String> {
    let (events, rate) = stage.size.letters;
    stage.dead.behave(Manner::Status(422, 0));
    batches::publish(stage, "t.dead", events).await?;
    loop {
        let (_, listed) = stage.gateway.admin("GET", "/v1/subscriptions").await?;
        let dead = listed.as_array().into_iter().flatten();
        let mut dead = dead.filter(|s| s["name"] == "dead");
        let dead = dead.next().map(|s| s["account"]["dead_lettered"].clone());
        if dead.and_then(|n| n.as_u64()) >= Some(events as u64) {
            break;
        }
        if let Some(status) = stage.gateway.gone() {
            return Err(format!("the gateway ended: {status}"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    stage.dead.met();
    stage.dead.behave(Manner::Good);
    let from = stage.watch.now_us();
    let moved = stage.gateway.redrive("dead").await?;
    let took = (stage.watch.now_us() - from) / 1000;
    stage.until_all("dead", "t.dead").await?;
    let (taken, _) = stage.dead.met();
    let buckets = seconds(&taken, from);
    println!(
        "redrive    by second: {:?}",
        &buckets[..buckets.len().min(12)]
    );
    let first = within(&buckets, rate).map_err(|what| format!("redrive: {what}"))?;
    let twice = stage.oracle.repetitions_at("dead");
    let figure = format!(
        "{moved} dead letters redriven (call {took} ms), {first} in the first 10 s at {rate}/s, {twice} twice"
    );
    stage.step("redrive", from, figure).await;
    if twice > 0 || moved != events as u64 {
        return Err(format!("{moved} of {events} were redriven, {twice} twice"));
    }
    Ok(())
}

/// One stream gets a hundred times what the quiet one gets.
pub(super) async fn loud(stage: &mut Stage) -> Result<(), String> {
    let from = stage.watch.now_us();
    let rate = 100.0 * QUIET;
    let feed = stage.feed("/loud", "t.loud", 64, Some(rate));
    let load = Load::feed(&stage.oracle, &stage.watch, feed);
    tokio::time::sleep(stage.size.window).await;
    let refused = load.stop().await;
    let events = stage.oracle.acknowledged_as("t.loud");
    let figure = format!("a stream at {rate}/s beside one at {QUIET}/s, {events} events");
    stage.step("loud", from, figure).await;
    match refused.total() {
        0 => Ok(()),
        n => Err(format!("{n} publishes were refused: {refused:?}")),
    }
}

/// More publishers than requests that are taken at once.
pub(super) async fn flood(stage: &mut Stage) -> Result<(), String> {
    let from = stage.watch.now_us();
    let feed = stage.feed("/events", "t.flood", stage.size.publishers, None);
    let load = Load::feed(&stage.oracle, &stage.watch, feed);
    tokio::time::sleep(stage.size.window).await;
    let refused = load.stop().await;
    let taken = stage.oracle.acknowledged_as("t.flood");
    let figure = format!(
        "{} publishers at once: {taken} taken, {} told when to come again",
        stage.size.publishers,
        refused.total(),
    );
    stage.step("flood", from, figure).await;
    let honest = |status: &u16| matches!(status, 429 | 503 | 507);
    if refused.without_retry_after > 0 || !refused.statuses.keys().all(honest) {
        return Err(format!(
            "refused otherwise than with Retry-After: {refused:?}"
        ));
    }
    if refused.total() == 0 {
        return Err("nobody was refused: capacity was not exceeded".into());
    }
    Ok(())
}
