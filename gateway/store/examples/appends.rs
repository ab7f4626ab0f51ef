//! Acknowledged appends per second on this machine: `appends [publishers] [seconds] [directory]`.

// It measures, and prints what it measured.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tradewind_store::{Embedded, Entry, Error, Identity, Kind, Settings, Streams};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let publishers: u128 = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(64);
    let seconds = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(5);
    let dir = args.next().unwrap_or_else(|| "target/appends".into());
    let streams = Embedded::open(&dir)?;
    let stream = streams.open("bench/appends", &Settings::default()).await?;
    let payload = Bytes::from(vec![b'x'; 1024]);
    let next = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let until = begin + Duration::from_secs(seconds);
    let run = begin.elapsed().as_nanos() ^ u128::from(std::process::id());
    let tasks: Vec<_> = (0..publishers)
        .map(|_| {
            let (stream, payload, next) = (Arc::clone(&stream), payload.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let number = u128::from(next.fetch_add(1, Ordering::Relaxed));
                    let id = (run << 64 | number)
                        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                    let identity = Identity {
                        id,
                        content: id,
                        window_ms: 600_000,
                    };
                    let entry = Entry {
                        shard_key: 0,
                        identity: Some(identity),
                        kind: Kind::Event,
                        payload: payload.clone(),
                        decoded: None,
                    };
                    let asked = Instant::now();
                    stream.append(vec![entry]).await?;
                    waits.push(asked.elapsed());
                }
                Ok::<_, Error>(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        if let Ok(part) = task.await {
            waits.extend(part?);
        }
    }
    let took = begin.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |part: f64| {
        waits
            .get((waits.len() as f64 * part) as usize)
            .copied()
            .unwrap_or_default()
    };
    let stats = stream.stats();
    println!(
        "{:.0} appends/s by {publishers} publishers of 1 KiB, p50 {:?}, p99 {:?}; {} syncs, {:.1} events each",
        waits.len() as f64 / took,
        at(0.5),
        at(0.99),
        stats.syncs,
        stats.appended as f64 / stats.syncs as f64,
    );
    stream.close().await
}
