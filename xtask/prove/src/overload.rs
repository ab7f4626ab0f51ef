//! More than there is room for: a backlog that meets a sink which is back, publishers above
//! capacity, a mass of dead letters, huge batches, a loud stream. A quiet stream goes on all the
//! while, and its times are measured in each step.

mod batches;
mod steps;

use crate::gateway::{Gateway, balance};
use crate::load::{Feed, Load};
use crate::oracle::Oracle;
use crate::target::Target;
use crate::watch::Watch;
use crate::{Options, Proved, sinks};
use std::sync::Arc;
use std::time::Duration;

/// Events a second of the quiet stream.
const QUIET: f64 = 20.0;
/// What a busy machine adds by itself, milliseconds and times the base line.
const NOISE: (f64, f64) = (100.0, 3.0);

/// How much of it.
struct Size {
    /// Events that wait for the sink to come back, and its rate.
    backlog: (usize, u64),
    /// Events that are retried while their sink is away.
    storm: usize,
    /// Dead letters, and the rate of their redrive.
    letters: (usize, u64),
    /// Connections that publish at once.
    publishers: u64,
    /// Length of a base line and of a step that has no end of its own.
    window: Duration,
}

impl Size {
    fn of(options: &Options) -> Self {
        let seconds = Duration::from_secs;
        match options.short {
            false => Self {
                backlog: (100_000, 1000),
                storm: 4000,
                letters: (100_000, 2000),
                publishers: 1500,
                window: seconds(10),
            },
            true => Self {
                backlog: (4000, 200),
                storm: 500,
                letters: (1500, 200),
                publishers: 1200,
                window: seconds(3),
            },
        }
    }
}

struct Stage {
    gateway: Gateway,
    oracle: Oracle,
    watch: Watch,
    size: Size,
    outage: Target,
    storm: Target,
    dead: Target,
    /// p99 of the quiet stream in its base line and, by step, in the steps.
    base: f64,
    quiet: Vec<(&'static str, f64)>,
    figures: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut stage = match stage(options).await {
        Ok(stage) => stage,
        Err(what) => return Err(("nothing measured".into(), what)),
    };
    let outcome = all(&mut stage).await;
    let worst = stage.quiet.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let (step, p99) = worst.copied().unwrap_or_default();
    let figures = format!(
        "{}; a quiet stream beside it: p99 {:.1} ms, at worst {p99:.1} ms ({step}); {} events acknowledged, 0 may be lost or altered",
        stage.figures.join("; "),
        stage.base,
        stage.oracle.acknowledgements(),
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn stage(options: &Options) -> Result<Stage, String> {
    let (oracle, watch) = (Oracle::default(), Watch::default());
    let size = Size::of(options);
    let good = sinks::watched(oracle.clone(), watch.clone())
        .await
        .map_err(|e| e.to_string())?;
    let outage = Target::start("outage", &oracle, &watch).await?;
    let storm = Target::start("storm", &oracle, &watch).await?;
    let dead = Target::start("dead", &oracle, &watch).await?;
    let subscription = |name: &str, keys: &str, sink: String| {
        format!("  {name}: {{ filter: {{ exact: {{ type: t.{name} }} }}, {keys} {sink} }}\n")
    };
    let at = |target: &Target, name: &str| sinks::at(target.address, "sink", name);
    let rate = |rate: u64| format!("rate: {rate}, concurrency: 64,");
    let mut subscriptions = [
        subscription(
            "outage",
            &(rate(size.backlog.1) + "breaker: { cooldown: 500ms, cooldown-max: 1s },"),
            at(&outage, "outage"),
        ),
        subscription(
            "storm",
            "concurrency: 256, breaker: { failures: 0 }, retry: { pauses: [5s], max-attempts: 1000 },",
            at(&storm, "storm"),
        ),
        subscription("dead", &rate(size.letters.1), at(&dead, "dead")),
        subscription("batch", "concurrency: 64,", sinks::at(good, "sink", "batch")),
        subscription("flood", "concurrency: 64,", sinks::at(good, "sink", "flood")),
    ]
    .concat();
    for stream in ["quiet", "loud"] {
        let sink = sinks::at(good, "sink", stream);
        subscriptions += &format!("  {stream}: {{ stream: {stream}, concurrency: 64, {sink} }}\n");
    }
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    gateway.settings =
        "streams: { quiet: {}, loud: {} }\nlimits: { batch: 10000, body: 64MiB }\n".into();
    gateway.sources = ["quiet", "loud"]
        .map(|name| {
            format!(
                "  {name}: {{ kind: http, path: /{name}, auth: none-i-understand, stream: {name} }}\n"
            )
        })
        .concat();
    gateway.configure(&subscriptions)?;
    gateway.start().await?;
    Ok(Stage {
        gateway,
        oracle,
        watch,
        size,
        outage,
        storm,
        dead,
        base: 0.0,
        quiet: Vec::new(),
        figures: Vec::new(),
    })
}

async fn all(stage: &mut Stage) -> Result<(), String> {
    let quiet = stage.feed("/quiet", "t.quiet", 4, Some(QUIET));
    let quiet = Load::feed(&stage.oracle, &stage.watch, quiet);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let from = stage.watch.now_us();
    tokio::time::sleep(stage.size.window).await;
    stage.base = stage.beside("alone", from).await;

    steps::outage(stage).await?;
    steps::storm(stage).await?;
    steps::letters(stage).await?;
    batches::run(stage).await?;
    steps::loud(stage).await?;
    steps::flood(stage).await?;

    quiet.stop().await;
    stage.nothing_lost().await?;
    let (add, times) = NOISE;
    // The flood takes the whole machine, and is meant to.
    let hurt = stage.quiet.iter().filter(|(step, _)| *step != "flood");
    match hurt
        .map(|(step, p99)| (step, *p99))
        .find(|(_, p99)| *p99 > stage.base * times + add)
    {
        None => Ok(()),
        Some((step, p99)) => Err(format!(
            "{step}: the quiet stream had p99 {p99:.1} ms, alone {:.1} ms",
            stage.base
        )),
    }
}

impl Stage {
    fn feed(
        &self,
        path: &'static str,
        ty: &'static str,
        publishers: u64,
        rate: Option<f64>,
    ) -> Feed {
        Feed {
            gateway: self.gateway.address,
            path,
            publishers,
            rate,
            kind: Arc::new(move |_| (ty.to_owned(), None)),
        }
    }

    /// p99 of the quiet stream since `from`.
    async fn beside(&self, step: &str, from: u64) -> f64 {
        let to = self.watch.now_us();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let quiet = self.watch.quantiles((from, to), |sink| sink == "quiet");
        println!(
            "{step:<10} quiet stream: {} events, p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
            quiet.count, quiet.p50, quiet.p99, quiet.worst
        );
        quiet.p99
    }

    /// A step has ended.
    async fn step(&mut self, step: &'static str, from: u64, figure: String) {
        println!("{step:<10} {figure}");
        let p99 = self.beside(step, from).await;
        self.quiet.push((step, p99));
        self.figures.push(figure);
    }

    /// Waits until all of a type has arrived; gives up after a minute in which nothing does.
    async fn until_all(&self, sink: &str, ty: &str) -> Result<(), String> {
        let (mut still, mut before) = (0, usize::MAX);
        loop {
            let missing = self.oracle.missing(sink, |of| of == ty).len();
            if missing == 0 {
                return Ok(());
            }
            still = if missing == before { still + 1 } else { 0 };
            before = missing;
            if still > 240 {
                return Err(format!("{missing} events of {ty} never arrived at {sink}"));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn nothing_lost(&self) -> Result<(), String> {
        for name in ["outage", "storm", "dead", "batch", "flood", "quiet", "loud"] {
            self.until_all(name, &format!("t.{name}")).await?;
        }
        let accounts = self.gateway.accounts(&["outage", "storm", "dead"]).await?;
        for (name, account) in &accounts {
            balance(name, account)?;
        }
        match self.oracle.faults().as_slice() {
            [] => Ok(()),
            faults => Err(faults.join("\n")),
        }
    }
}
