//! kill -9 at a random moment, restart, again; then nothing acknowledged may be missing.

use crate::gateway::{Gateway, balance};
use crate::load::Load;
use crate::oracle::Oracle;
use crate::{Options, Proved, sinks};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::process::Child;

/// Three subscriptions: everything, one type, and one type that its sink refuses.
pub(crate) fn subscriptions(sinks: SocketAddr) -> String {
    format!(
        "  all: {{ concurrency: 64, {} }}\n  some: {{ filter: {{ exact: {{ type: prove.some }} }}, {} }}\n  refused: {{ filter: {{ exact: {{ type: prove.refused }} }}, breaker: {{ failures: 0 }}, {} }}\n",
        sinks::at(sinks, "sink", "all"),
        sinks::at(sinks, "sink", "some"),
        sinks::at(sinks, "refuse", "refused"),
    )
}

/// Types that the publishers cycle through.
pub(crate) const TYPES: &[&str] = &[
    "prove.other",
    "prove.some",
    "prove.other",
    "prove.other",
    "prove.other",
    "prove.other",
    "prove.other",
    "prove.refused",
];

/// Everything acknowledged has arrived, or lies in the dead letters; the accounts balance.
pub(crate) async fn settled(gateway: &Gateway, oracle: &Oracle) -> Result<(), String> {
    let mut still = 0;
    let mut arrivals = 0;
    loop {
        let missing = oracle.missing("all", |_| true).len()
            + oracle.missing("some", |ty| ty == "prove.some").len()
            + oracle.missing("refused", |ty| ty == "prove.refused").len();
        if missing == 0 {
            break;
        }
        let now = oracle.arrivals();
        still = if now == arrivals { still + 1 } else { 0 };
        arrivals = now;
        if still > 1500 {
            let all = oracle.missing("all", |_| true);
            return Err(format!(
                "{missing} acknowledged deliveries are missing, for instance of {:?}",
                all.first()
            ));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let accounts = gateway.accounts(&["all", "some", "refused"]).await?;
    for (name, account) in &accounts {
        balance(name, account)?;
        if name == "refused" {
            let figure = |key: &str| account[key].as_u64().unwrap_or_default();
            let dead = figure("dead_lettered") + figure("purged");
            let acknowledged = oracle.acknowledged_as("prove.refused") as u64;
            if dead < acknowledged {
                return Err(format!(
                    "{dead} dead letters for {acknowledged} acknowledged refusals"
                ));
            }
        }
    }
    oracle.complete();
    match oracle.faults().as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("\n")),
    }
}

/// What goes on beside the load when the process is killed. The log is short and its segments are
/// small, so every restart trims besides.
const MEANWHILE: &[&str] = &["nothing", "reload", "redrive", "replay", "purge"];
/// Rounds between two comparisons.
const COMPARE_EVERY: u32 = 10;
/// A run of this many rounds is judged by its restarts too: fewer say nothing about a percentile.
const JUDGED: usize = 300;

/// Runs the loop.
pub(crate) async fn run(options: &Options) -> Proved {
    let oracle = Oracle::default();
    let mut restarts = Vec::new();
    let mut outcome = rounds(options, &oracle, &mut restarts).await;
    restarts.sort_unstable();
    let percentile = |p: usize| restarts.get(restarts.len() * p / 100).copied();
    let [p50, p99] = [50, 99].map(|p| percentile(p).unwrap_or_default());
    if restarts.len() > JUDGED && p99 > Duration::from_secs(2) && outcome.is_ok() {
        outcome = Err("the 99th percentile of the restarts is above 2 s".into());
    }
    let figures = format!(
        "{} kills, also while reloading, redriving, replaying, purging and trimming, {} events acknowledged, 0 may be lost or altered, {} repeated deliveries, restart to ready p50 {} ms, p99 {} ms, worst {} ms",
        restarts.len().saturating_sub(1),
        oracle.acknowledgements(),
        oracle.repetitions(),
        p50.as_millis(),
        p99.as_millis(),
        restarts.last().copied().unwrap_or_default().as_millis(),
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

/// Something that takes a moment; what never ends is a finding, and no reason to wait.
async fn within<T>(what: &str, step: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(Duration::from_secs(60), step)
        .await
        .map_err(|_| format!("{what} within a minute"))
}

async fn rounds(
    options: &Options,
    oracle: &Oracle,
    restarts: &mut Vec<Duration>,
) -> Result<(), String> {
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let subscriptions = subscriptions(sinks);
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    gateway.settings = options.stream("retention-bytes: 16MiB");
    gateway.configure(&subscriptions)?;
    restarts.push(gateway.start().await?);
    for round in 1..=options.rounds.unwrap_or(50) {
        let load = Load::start(oracle, gateway.address, 16, TYPES);
        let meanwhile = MEANWHILE[round as usize % MEANWHILE.len()];
        let calling = begin(&gateway, meanwhile, &subscriptions, round)?;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(5..500))).await;
        within("the killed gateway did not end", gateway.kill()).await??;
        drop(calling);
        within("the publishers did not stop", load.stop()).await?;
        let restart = gateway.start().await;
        restarts.push(restart.map_err(|e| format!("round {round}, {meanwhile}: {e}"))?);
        if round % COMPARE_EVERY == 0 {
            settled(&gateway, oracle).await?;
        }
        if round % (COMPARE_EVERY * 10) == 0 {
            println!("round {round}: {} acknowledged", oracle.acknowledgements());
        }
    }
    settled(&gateway, oracle).await
}

/// Begins what the kill is to interrupt; a call of the command line ends when it is dropped.
fn begin(
    gateway: &Gateway,
    what: &str,
    subscriptions: &str,
    round: u32,
) -> Result<Option<Child>, String> {
    let command: &[&str] = match what {
        "reload" => {
            let concurrency = format!("concurrency: {}", 16 + round % 64);
            gateway.configure(&subscriptions.replace("concurrency: 64", &concurrency))?;
            gateway.signal(Signal::HUP)?;
            return Ok(None);
        }
        "redrive" => &["dead-letters", "redrive", "refused", "--all"],
        "purge" => &["dead-letters", "purge", "refused", "--all"],
        "replay" => &["replay", "all", "--from", "oldest", "--rate", "2000"],
        _ => return Ok(None),
    };
    let calling = gateway.command(command).spawn();
    calling.map(Some).map_err(|e| e.to_string())
}
