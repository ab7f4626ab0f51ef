//! The load generator: keep-alive connections, closed loop or at a fixed rate.

mod connection;
mod pace;
pub(crate) mod wire;

use crate::process;
use connection::{Connection, counted};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{JoinSet, LocalSet};
use wire::Template;

/// What to send where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Connections are dealt to these in turn.
    #[arg(long, required = true)]
    to: Vec<SocketAddr>,
    #[arg(long)]
    events: u64,
    /// Events sent before anything is measured.
    #[arg(long, default_value_t = 0)]
    warm: u64,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Events per second, whatever the answers; without it, each connection sends when it is
    /// answered.
    #[arg(long)]
    rate: Option<f64>,
    /// The process whose CPU time is read.
    #[arg(long)]
    account: u32,
    /// Where deliveries arrive, if the run ends with their arrival.
    #[arg(long)]
    upstream: Option<SocketAddr>,
    /// Deliveries of each event.
    #[arg(long, default_value_t = 1)]
    copies: u64,
}

/// What a run showed. Latencies count from the moment at which an event was to be sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) cpu_us: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) delivered_p50_ms: f64,
    pub(crate) delivered_p99_ms: f64,
    pub(crate) resident_kib: u64,
    pub(crate) sent: u64,
}

/// Times in nanoseconds.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u64>);

impl Latencies {
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.0.push(nanoseconds);
    }
    /// Median and 99th percentile in milliseconds.
    pub(crate) fn quantiles(mut self) -> Option<(f64, f64)> {
        self.0.sort_unstable();
        let at = |percent: usize| {
            let value = self.0.get(self.0.len() * percent / 100)?;
            Some(*value as f64 / 1e6)
        };
        at(50).zip(at(99))
    }
}

/// Nanoseconds of the clock that all processes share.
pub(crate) fn moment() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

pub(crate) async fn run(args: &Args) -> std::io::Result<()> {
    let measured = LocalSet::new().run_until(measure(args)).await?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

async fn measure(args: &Args) -> std::io::Result<Measured> {
    let mut connections = Vec::new();
    for to in args.to.iter().cycle().take(args.connections) {
        connections.push(Connection::open(*to).await?);
    }
    let upstream = Arrivals::of(args).await?;
    let (connections, _) = publish(connections, args.warm, None).await?;
    upstream.wait(args.copies * args.warm).await?;

    let cpu = || process::cpu(args.account).map_err(std::io::Error::other);
    let (before, began) = (cpu()?, moment());
    let (_, latencies) = publish(connections, args.events, args.rate).await?;
    let (delivered_p50_ms, delivered_p99_ms) = upstream
        .wait(args.copies * (args.warm + args.events))
        .await?;
    let (spent, took) = (cpu()? - before, moment() - began);
    let (p50_ms, p99_ms) = latencies.quantiles().unwrap_or_default();
    let (resident_kib, _) = process::resident(args.account).map_err(std::io::Error::other)?;
    Ok(Measured {
        cpu_us: spent.as_secs_f64() * 1e6 / args.events as f64,
        per_second: args.events as f64 * 1e9 / took as f64,
        p50_ms,
        p99_ms,
        delivered_p50_ms,
        delivered_p99_ms,
        resident_kib,
        sent: args.warm + args.events,
    })
}

/// What the connections share.
struct Run {
    number: Cell<u64>,
    latencies: RefCell<Latencies>,
    pace: Option<pace::Pace>,
}

async fn publish(
    connections: Vec<Connection>,
    events: u64,
    rate: Option<f64>,
) -> std::io::Result<(Vec<Connection>, Latencies)> {
    let run = Rc::new(Run {
        number: Cell::new(0),
        latencies: RefCell::default(),
        pace: rate.map(|rate| pace::Pace::start(rate, events)),
    });
    let mut tasks = JoinSet::new();
    for connection in connections {
        let template = Template::new(connection.to, "/events");
        tasks.spawn_local(send(run.clone(), connection, template, events));
    }
    let mut back = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        back.push(ended.map_err(std::io::Error::other)??);
    }
    Ok((back, run.latencies.take()))
}

async fn send(
    run: Rc<Run>,
    mut connection: Connection,
    mut template: Template,
    events: u64,
) -> std::io::Result<Connection> {
    loop {
        let number = run.number.get();
        if number >= events {
            return Ok(connection);
        }
        run.number.set(number + 1);
        let due = match &run.pace {
            None => moment(),
            Some(pace) => pace.due(number).await,
        };
        let status = connection.exchange(template.request(due, number)).await?;
        if !(200..300).contains(&status) {
            return Err(std::io::Error::other(format!("answered {status}")));
        }
        run.latencies.borrow_mut().add(moment() - due);
    }
}

/// Deliveries that have arrived, where a run waits for them.
struct Arrivals {
    at: Option<SocketAddr>,
    before: u64,
}

impl Arrivals {
    async fn of(args: &Args) -> std::io::Result<Self> {
        let before = match args.upstream {
            Some(at) => counted(at).await?.requests,
            None => 0,
        };
        Ok(Self {
            at: args.upstream,
            before,
        })
    }

    /// Waits for that many; returns median and 99th percentile of the time they took.
    async fn wait(&self, wanted: u64) -> std::io::Result<(f64, f64)> {
        let Some(at) = self.at else {
            return Ok((0.0, 0.0));
        };
        let (mut quantiles, mut last, mut still) = ((0.0, 0.0), 0, 0);
        loop {
            let counted = counted(at).await?;
            if counted.p99_ms > 0.0 {
                quantiles = (counted.p50_ms, counted.p99_ms);
            }
            if counted.requests >= self.before + wanted {
                return Ok(quantiles);
            }
            still = if counted.requests == last {
                still + 1
            } else {
                0
            };
            last = counted.requests;
            if still > 5_000 {
                return Err(std::io::Error::other(format!(
                    "{} of {wanted} deliveries arrived",
                    last - self.before
                )));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
