//! The target of deliveries: answers 204 with as little work as HTTP/1.1 allows.
//!
//! `GET /counted` says how many requests came and how long the events took that name the moment of
//! their sending in their id.

use crate::load::{Latencies, moment, wire};
use std::cell::RefCell;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

#[derive(Default)]
struct Seen {
    requests: u64,
    latencies: Latencies,
}

impl Seen {
    fn note(&mut self, head: &[u8]) {
        self.requests += 1;
        if let Some(sent) = wire::header(head, b"ce-id").and_then(wire::sent) {
            self.latencies.add(moment().saturating_sub(sent));
        }
    }
}

pub(super) async fn run() -> std::io::Result<()> {
    let listener = super::listen().await?;
    let seen = Rc::new(RefCell::new(Seen::default()));
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let seen = seen.clone();
            tokio::task::spawn_local(async move { answer(stream, &seen).await.ok() });
        }
    };
    LocalSet::new().run_until(accept).await
}

async fn answer(mut stream: TcpStream, seen: &RefCell<Seen>) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(16 << 10);
    loop {
        let Some(message) = wire::message(&buffer) else {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            continue;
        };
        if buffer.starts_with(b"GET ") {
            let body = report(&mut seen.borrow_mut());
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await?;
        } else {
            let head = buffer.get(..message.head).unwrap_or_default();
            seen.borrow_mut().note(head);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
        }
        buffer.drain(..message.whole);
    }
}

/// The latencies are those since the last report.
fn report(seen: &mut Seen) -> String {
    let quantiles = std::mem::take(&mut seen.latencies).quantiles();
    let (p50, p99) = quantiles.unwrap_or_default();
    serde_json::json!({ "requests": seen.requests, "p50_ms": p50, "p99_ms": p99 }).to_string()
}
