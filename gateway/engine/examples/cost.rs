//! CPU per event of engine and store without HTTP around them:
//! `cost [subscriptions] [publishers] [seconds] [directory]`.

// It measures, and prints what it measured.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Outcome, Report, Sink};
use tradewind_engine::{Engine, Origin, Plan, Policy, Start, StreamPlan, SubscriptionPlan};
use tradewind_event::Event;
use tradewind_store::{Durability, Embedded};

/// As in the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug)]
struct Clock(Instant, u64);

#[async_trait]
impl tradewind_engine::Clock for Clock {
    fn unix_ms(&self) -> u64 {
        self.1 + self.monotonic_ms()
    }
    fn monotonic_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
    async fn sleep_until(&self, at: u64) {
        tokio::time::sleep_until((self.0 + Duration::from_millis(at)).into()).await;
    }
}

#[derive(Debug, Default)]
struct Counting(AtomicU64);

#[async_trait]
impl Sink for Counting {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, _cancel: CancellationToken) {
        tokio::task::yield_now().await;
        for index in 0..batch.len() {
            self.0.fetch_add(1, Ordering::Relaxed);
            let accepted = Outcome::Accepted {
                receipt: None,
                reply: None,
            };
            report.settle(index, accepted);
        }
    }
    fn capability(&self) -> Capability {
        Capability::default()
    }
    fn describe(&self) -> String {
        "counting".into()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workers = std::env::var("WORKERS").ok().and_then(|w| w.parse().ok());
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers.unwrap_or(2))
        .enable_all()
        .build()?
        .block_on(measure())
}

async fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut number = |default: u64| {
        args.next()
            .and_then(|arg| arg.parse().ok())
            .unwrap_or(default)
    };
    let (subscriptions, publishers, seconds) = (number(1), number(64), number(5));
    let dir = args.next().unwrap_or_else(|| "target/cost".into());
    let sink = Arc::new(Counting::default());
    let mut plan = Plan {
        streams: BTreeMap::from([("default".to_owned(), StreamPlan::default())]),
        ..Plan::default()
    };
    if std::env::var_os("EPHEMERAL").is_some() {
        let stream = plan.streams.get_mut("default").ok_or("no stream")?;
        stream.settings.durability = Durability::Ephemeral;
    }
    for n in 0..subscriptions {
        let subscription = SubscriptionPlan {
            space: "default".into(),
            stream: "default".into(),
            filter: tradewind_filter::compile(&serde_json::Value::Null)?,
            definition: serde_json::Value::Null,
            sight: None,
            transform: None,
            sink: Arc::clone(&sink) as Arc<dyn Sink>,
            start: Start::Tip,
            renamed_from: None,
            group: None,
            shadow: None,
            paused: None,
            policy: Policy {
                concurrency: 64,
                ..Policy::default()
            },
        };
        plan.subscriptions.insert(format!("s{n}"), subscription);
    }
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let clock = Arc::new(Clock(Instant::now(), unix.as_millis() as u64));
    let engine = Engine::start(plan, Arc::new(Embedded::open(&dir)?), clock).await?;
    let origin = Origin {
        who: tradewind_policy::Principal::operator(),
        source: "bench".into(),
        principal: "bench".into(),
        dedupe_window: None,
    };
    let next = Arc::new(AtomicU64::new(0));
    let run = unix.as_nanos();
    let (begin, cpu) = (Instant::now(), cpu_ns()?);
    let until = begin + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..publishers)
        .map(|_| {
            let (engine, origin, next) = (engine.clone(), origin.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let data = vec![b'x'; 900];
                while Instant::now() < until {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Ok(event) = Event::builder(format!("{run}-{n}"), "/bench", "bench.event")
                        .subject("s")
                        .data("application/octet-stream", data.clone())
                        .build()
                    else {
                        return;
                    };
                    if engine
                        .publish("default", &origin, vec![event])
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    engine.quiesced().await;
    let took = begin.elapsed().as_secs_f64();
    let events = next.load(Ordering::Relaxed) as f64;
    let us = (cpu_ns()? - cpu) as f64 / 1000.0;
    println!(
        "{events} events, {} deliveries in {took:.1} s: {:.0}/s, {:.2} us CPU per event",
        sink.0.load(Ordering::Relaxed),
        events / took,
        us / events,
    );
    engine.drain(Duration::from_secs(5)).await?;
    Ok(())
}

/// CPU time of all threads of this process.
fn cpu_ns() -> Result<u64, Box<dyn std::error::Error>> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let first = stat.split(' ').next().ok_or("no schedstat")?;
        sum += first.parse::<u64>()?;
    }
    Ok(sum)
}
