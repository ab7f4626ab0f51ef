//! Batches: as the way to publish much, and as large as the limits let them be.

use super::Stage;
use crate::load::{ask, connect};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Most that a batch may take of memory, beside the batch's own limit, twice.
const SLACK_KIB: u64 = 64 << 10;
const LIMIT_KIB: u64 = 64 << 10;

/// Adds an event to a batch; the payload is JSON text.
fn event(text: &mut String, id: &str, ty: &str, data: &str) {
    let comma = if text.is_empty() { '[' } else { ',' };
    text.push_str(&format!(
        "{comma}{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"/prove\",\"type\":\"{ty}\",\"datacontenttype\":\"application/json\",\"data\":{data}}}"
    ));
}

fn letters(n: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(n)
        .collect()
}

/// A batch that the oracle knows: its ids and its text.
fn batch(stage: &Stage, ty: &str, events: usize, bytes: usize) -> (Vec<String>, String) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut ids = Vec::with_capacity(events);
    let mut text = String::with_capacity(events * (bytes + 160));
    for _ in 0..events {
        let id = format!("batched-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let data = format!("\"{}\"", letters(bytes));
        stage.oracle.sent(&id, ty, data.as_bytes());
        event(&mut text, &id, ty, &data);
        ids.push(id);
    }
    text.push(']');
    (ids, text)
}

async fn post(stage: &Stage, text: String) -> Result<Response<Bytes>, String> {
    let mut sender = connect(stage.gateway.address)
        .await
        .ok_or("no connection")?;
    let request = Request::post("/events")
        .header("host", "localhost")
        .header("content-type", "application/cloudevents-batch+json")
        .body(Full::new(text.into()))
        .map_err(|e| e.to_string())?;
    let answer = ask(&mut sender, request).await;
    answer.ok_or_else(|| "no answer to a batch".into())
}

/// Publishes so many events, a thousand at a time.
pub(super) async fn publish(stage: &Stage, ty: &str, events: usize) -> Result<(), String> {
    let mut left = events;
    while left > 0 {
        let size = left.min(1000);
        let (ids, text) = batch(stage, ty, size, 200);
        taken(stage, &ids, text).await?;
        left -= size;
    }
    Ok(())
}

async fn taken(stage: &Stage, ids: &[String], text: String) -> Result<(), String> {
    let answer = post(stage, text).await?;
    if !answer.status().is_success() {
        let why = String::from_utf8_lossy(answer.body()).into_owned();
        return Err(format!("a batch was answered {}: {why}", answer.status()));
    }
    for id in ids {
        stage.oracle.acknowledged(id);
    }
    Ok(())
}

/// The largest that there can be, and one with a flaw.
pub(super) async fn run(stage: &mut Stage) -> Result<(), String> {
    let from = stage.watch.now_us();
    let before = stage.gateway.memory()?.resident >> 10;
    let (ids, many) = batch(stage, "t.batch", 10_000, 1000);
    taken(stage, &ids, many).await?;
    stage.until_all("batch", "t.batch").await?;
    let between = stage.gateway.memory()?.resident >> 10;
    // Just below 64 MiB.
    let (ids, large) = batch(stage, "t.batch", 64, (1 << 20) - 1024);
    let size = large.len() >> 20;
    let mut peak = peak(stage, taken(stage, &ids, large)).await?;
    stage.until_all("batch", "t.batch").await?;
    peak = peak.max(stage.gateway.memory()?.resident >> 10);
    let index = flawed(stage).await?;
    let figure = format!(
        "batches of 10000 events and of {size} MiB taken whole (memory {} to {} MiB), one with a flaw in event {index} of 1000 refused whole",
        before >> 10,
        peak >> 10,
    );
    stage.step("batches", from, figure).await;
    if peak > between + 2 * LIMIT_KIB + SLACK_KIB {
        return Err("a batch takes more than twice its limit of memory".into());
    }
    Ok(())
}

/// The most memory that the gateway has while `work` lasts, KiB.
async fn peak(
    stage: &Stage,
    work: impl Future<Output = Result<(), String>>,
) -> Result<u64, String> {
    let mut work = std::pin::pin!(work);
    let mut peak = 0;
    loop {
        peak = peak.max(stage.gateway.memory()?.resident >> 10);
        tokio::select! {
            done = &mut work => return done.map(|()| peak),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
}

/// A batch in which one event has no type: the answer names it, and nothing of it is stored. The
/// oracle does not know its ids, so that any delivery of them is a fault.
async fn flawed(stage: &Stage) -> Result<usize, String> {
    let flaw = fastrand::usize(0..1000);
    let mut text = String::new();
    for n in 0..1000 {
        let ty = if n == flaw { "" } else { "t.batch" };
        event(&mut text, &format!("flawed-{n}"), ty, "1");
    }
    text.push(']');
    let answer = post(stage, text).await?;
    let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let named = said.to_string().contains(&flaw.to_string());
    if answer.status() != 400 || !named {
        return Err(format!(
            "a batch with a flaw in event {flaw} was answered {}: {said}",
            answer.status()
        ));
    }
    Ok(flaw)
}
