//! Numbered events, published in batches.

use crate::gateway::Gateway;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::fmt::Write;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Most bytes of one batch: below the gateway's default limit of a request.
const BATCH_BYTES: usize = 900 << 10;
/// Most events of one batch.
const BATCH: u64 = 500;
/// Batches under way at once.
const PUBLISHERS: usize = 4;

/// What is published.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Events {
    pub(crate) ty: &'static str,
    /// Bytes of `data`.
    pub(crate) bytes: usize,
}

/// The `data` of event number `n`: the same whenever it is asked for.
pub(crate) fn data(n: u64, bytes: usize) -> Vec<u8> {
    const TEXT: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut data = vec![0; bytes];
    fastrand::Rng::with_seed(n).fill(&mut data);
    for byte in &mut data {
        *byte = TEXT[usize::from(*byte & 63)];
    }
    data
}

/// Publishes events with these numbers; returns when all are acknowledged.
pub(crate) async fn publish(
    gateway: &Gateway,
    events: Events,
    numbers: Range<u64>,
) -> Result<(), String> {
    let next = Arc::new(AtomicU64::new(numbers.start));
    let step = (BATCH_BYTES / (events.bytes + 200)).max(1) as u64;
    let step = step.min(BATCH);
    let mut tasks = JoinSet::<Result<(), String>>::new();
    for _ in 0..PUBLISHERS {
        let (next, address, end) = (Arc::clone(&next), gateway.address, numbers.end);
        tasks.spawn(async move {
            let mut sender = connect(address).await?;
            loop {
                let from = next.fetch_add(step, Ordering::Relaxed);
                if from >= end {
                    return Ok(());
                }
                let body = batch(events, from..(from + step).min(end));
                send(&mut sender, body).await?;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|e| e.to_string())??;
    }
    Ok(())
}

fn batch(events: Events, numbers: Range<u64>) -> Bytes {
    let mut body = String::from("[");
    for n in numbers {
        let data = data(n, events.bytes);
        let data = String::from_utf8_lossy(&data);
        let comma = if body.len() > 1 { "," } else { "" };
        write!(
            body,
            "{comma}{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"/{}\",\"type\":\"{}\",\"datacontenttype\":\"text/plain\",\"data\":\"{data}\"}}",
            events.ty, events.ty,
        )
        .ok();
    }
    body.push(']');
    body.into()
}

async fn send(sender: &mut SendRequest<Full<Bytes>>, body: Bytes) -> Result<(), String> {
    for _ in 0..600 {
        let request = Request::post("/events")
            .header("host", "localhost")
            .header("content-type", "application/cloudevents-batch+json")
            .body(Full::new(body.clone()))
            .map_err(|e| e.to_string())?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|e| format!("a publish got no answer: {e}"))?;
        let status = answer.status();
        #[allow(clippy::disallowed_methods, reason = "limited")]
        let said = Limited::new(answer.into_body(), 4 << 20).collect().await;
        let said = said.map_err(|e| e.to_string())?.to_bytes();
        match status.as_u16() {
            200..300 => return Ok(()),
            429 | 503 => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => {
                let said = String::from_utf8_lossy(&said);
                let said: String = said.chars().take(500).collect();
                return Err(format!("a publish was answered {status}: {said}"));
            }
        }
    }
    Err("a publish was put off for a minute".into())
}

async fn connect(gateway: SocketAddr) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = tokio::net::TcpStream::connect(gateway).await;
    let stream = stream.map_err(|e| e.to_string())?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|e| e.to_string())?;
    tokio::spawn(connection);
    Ok(sender)
}
