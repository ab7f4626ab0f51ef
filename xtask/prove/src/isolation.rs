//! One subscription's trouble is nobody else's: a hundred subscriptions at a fixed rate, one of them
//! with a target that goes through every misbehaviour, base lines between.

mod checks;
mod phases;

use crate::gateway::{Gateway, balance};
use crate::load::{Feed, Load};
use crate::oracle::Oracle;
use crate::target::{Manner, Target};
use crate::watch::{Quantiles, Watch};
use crate::{Options, Proved, sinks};
use std::sync::Arc;
use std::time::Duration;

/// Healthy subscriptions.
const OTHERS: u64 = 99;
/// Events a second, in the short form and else; one of ten is for the bad target.
const RATES: [f64; 2] = [50.0, 300.0];
/// Limits of the subscription with the bad target.
const CONCURRENCY: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(2);
const COOLDOWN: Duration = Duration::from_millis(500);
const FAILURES: usize = 5;
/// Attempts at a poison event.
const POISON_ATTEMPTS: u32 = 4;

/// Everything that a phase works with.
struct Stage {
    gateway: Gateway,
    oracle: Oracle,
    watch: Watch,
    bad: Target,
    poison: Target,
    keys: Target,
    /// Connections that came by way of a redirect.
    trap: phases::Trap,
    /// Lengths of a phase and of a base line.
    phase: Duration,
    base: Duration,
    /// Base lines and phases, as measured.
    lines: Vec<Line>,
    resident: Vec<u64>,
}

/// A measured window.
struct Line {
    name: &'static str,
    base: bool,
    others: Quantiles,
}

/// Runs it.
pub(crate) async fn run(options: &Options) -> Proved {
    let (oracle, watch) = (Oracle::default(), Watch::default());
    let stage = match stage(options, &oracle, &watch).await {
        Ok(stage) => stage,
        Err(what) => return Err(("nothing measured".into(), what)),
    };
    let mut stage = stage;
    let outcome = all(&mut stage, options.short).await;
    let (worst, base) = checks::extremes(&stage.lines);
    let figures = format!(
        "{} phases of {} s, the other {OTHERS} subscriptions: p99 {:.1} to {:.1} ms in the base lines, at worst {:.1} ms ({}) in a phase; {} events acknowledged, 0 may be lost or altered; memory {} to {} MiB",
        stage.lines.iter().filter(|line| !line.base).count(),
        stage.phase.as_secs(),
        base.0,
        base.1,
        worst.1,
        worst.0,
        oracle.acknowledgements(),
        stage.resident.first().copied().unwrap_or_default() >> 10,
        stage.resident.iter().max().copied().unwrap_or_default() >> 10,
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn stage(options: &Options, oracle: &Oracle, watch: &Watch) -> Result<Stage, String> {
    let good = sinks::watched(oracle.clone(), watch.clone())
        .await
        .map_err(|e| e.to_string())?;
    let bad = Target::start("bad", oracle, watch).await?;
    let poison = Target::start("poison", oracle, watch).await?;
    let keys = Target::start("keys", oracle, watch).await?;
    poison.treat("poison.bad", Manner::Hangup);
    let mut subscriptions: String = (1..=OTHERS)
        .map(|n| {
            let sink = sinks::at(good, "sink", &format!("s{n}"));
            format!("  s{n}: {{ filter: {{ exact: {{ type: t.{n} }} }}, {sink} }}\n")
        })
        .collect();
    let patient = "retry: { initial: 200ms, max: 1s, max-attempts: 1000 }";
    let limits = format!(
        "concurrency: {CONCURRENCY}, timeout: {}s, breaker: {{ failures: {FAILURES}, cooldown: {}ms, cooldown-max: 1s }}",
        TIMEOUT.as_secs(),
        COOLDOWN.as_millis(),
    );
    subscriptions += &format!(
        "  bad: {{ filter: {{ exact: {{ type: t.0 }} }}, {limits}, {patient}, {} }}\n",
        sinks::at(bad.address, "sink", "bad"),
    );
    subscriptions += &format!(
        "  poison: {{ filter: {{ prefix: {{ type: poison. }} }}, retry: {{ initial: 200ms, max: 1s, max-attempts: {POISON_ATTEMPTS} }}, {} }}\n",
        sinks::at(poison.address, "sink", "poison"),
    );
    subscriptions += &format!(
        "  keys: {{ stream: ordered, {limits}, {patient}, {} }}\n",
        sinks::at(keys.address, "sink", "keys"),
    );
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    gateway.settings = "streams: { ordered: { order-by: subject } }\n".into();
    gateway.sources =
        "  keys: { kind: http, path: /keys, auth: none-i-understand, stream: ordered }\n".into();
    gateway.configure(&subscriptions)?;
    gateway.start().await?;
    let trap = phases::Trap::start().await?;
    bad.redirect_to(trap.address);
    let seconds = |whole, short| Duration::from_secs(if options.short { short } else { whole });
    Ok(Stage {
        gateway,
        oracle: oracle.clone(),
        watch: watch.clone(),
        bad,
        poison,
        keys,
        trap,
        phase: seconds(10, 3),
        base: seconds(5, 2),
        lines: Vec::new(),
        resident: Vec::new(),
    })
}

async fn all(stage: &mut Stage, short: bool) -> Result<(), String> {
    let feed = Feed {
        gateway: stage.gateway.address,
        path: "/events",
        publishers: 128,
        rate: Some(RATES[usize::from(!short)]),
        kind: Arc::new(|n| {
            let one = if n % 10 == 0 { 0 } else { 1 + n % OTHERS };
            (format!("t.{one}"), None)
        }),
    };
    let load = Load::feed(&stage.oracle, &stage.watch, feed);
    // The first connections and the first pages of memory belong to no base line.
    tokio::time::sleep(Duration::from_secs(1)).await;
    phases::run(stage, short).await?;
    stage.baseline().await?;
    // From here on the process is killed, which repeats deliveries.
    let repeated: u64 = (1..=OTHERS)
        .map(|n| stage.oracle.repetitions_at(&format!("s{n}")))
        .sum();
    if repeated > 0 {
        return Err(format!(
            "{repeated} deliveries to healthy targets were repeated"
        ));
    }
    phases::poison_event(stage).await?;
    let refused = load.stop().await;
    if refused.total() > 0 {
        return Err(format!("publishes were refused: {refused:?}"));
    }
    checks::nothing_lost(stage).await?;
    checks::judge(stage)
}

impl Stage {
    /// Measures for a while.
    async fn window(
        &mut self,
        name: &'static str,
        base: bool,
        length: Duration,
    ) -> Result<(), String> {
        let from = self.watch.now_us();
        tokio::time::sleep(length).await;
        self.measure(name, base, from).await
    }

    /// What the others met since `from`.
    async fn measure(&mut self, name: &'static str, base: bool, from: u64) -> Result<(), String> {
        let to = self.watch.now_us();
        // Time for the last ones to arrive.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let others = self
            .watch
            .quantiles((from, to), |sink| sink.starts_with('s'));
        let resident = self.gateway.memory()?.resident >> 10;
        println!(
            "{name:<20} others: {:>6} events, p50 {:>6.1} ms, p99 {:>7.1} ms, worst {:>7.1} ms; memory {} MiB",
            others.count,
            others.p50,
            others.p99,
            others.worst,
            resident >> 10,
        );
        self.resident.push(resident);
        self.lines.push(Line { name, base, others });
        Ok(())
    }

    async fn baseline(&mut self) -> Result<(), String> {
        // The bad target is good again; its circuit closes and its backlog goes out meanwhile.
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.window("base line", true, self.base).await
    }

    async fn balanced(&self) -> Result<(), String> {
        let accounts = self.gateway.accounts(&["bad", "poison", "keys"]).await?;
        accounts
            .iter()
            .try_for_each(|(name, account)| balance(name, account))
    }
}
