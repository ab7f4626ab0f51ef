//! Tenants: one of them sends a hundred times its share, the others are timed; and what callers of one may see and do of
//! another's.

mod access;

use crate::gateway::{Gateway, balance};
use crate::load::{Feed, Load, Refusals};
use crate::oracle::Oracle;
use crate::watch::{Quantiles, Watch};
use crate::{Options, Proved, sinks};
use std::sync::Arc;
use std::time::Duration;

/// The noisy one first.
const SPACES: [(&str, &str); 4] = [
    ("noisy", "/noisy"),
    ("quiet-a", "/quiet-a"),
    ("quiet-b", "/quiet-b"),
    ("quiet-c", "/quiet-c"),
];
/// Events per second of each one's share, and how many times that the noisy one sends.
const SHARE: u32 = 20;
const TIMES: f64 = 100.0;
/// Attempts of each one at once.
const PLACES: u32 = 16;
/// As in `isolation`: what a busy machine adds by itself. The simulation judges the 20 %.
const NOISE_MS: f64 = 50.0;
const NOISE_TIMES: f64 = 3.0;

#[derive(Default)]
struct Figures {
    base: Quantiles,
    beside: Quantiles,
    quiet: usize,
    noisy: (u64, u64),
    cells: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} quiet tenants beside one at {TIMES} times its share: p99 {:.1} ms against {:.1} ms, {} events of theirs \
             acknowledged, none refused; {} of the noisy one's acknowledged and delivered, {} refused by 429; {} cells \
             of the admin API as told",
            SPACES.len() - 1,
            self.beside.p99,
            self.base.p99,
            self.quiet,
            self.noisy.0,
            self.noisy.1,
            self.cells,
        )
    }
}

/// Runs it.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    let outcome = async {
        noise(options, &mut figures).await?;
        figures.cells = access::table(options).await?;
        Ok(())
    };
    let outcome: Result<(), String> = outcome.await;
    match outcome {
        Ok(()) => Ok(figures.to_string()),
        Err(what) => Err((figures.to_string(), what)),
    }
}

fn configuration(gateway: &mut Gateway, sinks: std::net::SocketAddr) -> Result<(), String> {
    let (mut spaces, mut streams) = (String::new(), String::new());
    let mut subscriptions = String::new();
    for (name, path) in SPACES {
        spaces.push_str(&format!(
            "  {name}: {{ quotas: {{ events-per-second: {SHARE}, deliveries: {PLACES}, queued-bytes: 64MiB }} }}\n"
        ));
        streams.push_str(&format!("  {name}: {{ space: {name} }}\n"));
        gateway.sources.push_str(&format!(
            "  {name}: {{ space: {name}, kind: http, path: {path}, auth: none-i-understand, stream: {name} }}\n"
        ));
        let sink = sinks::at(sinks, "sink", name);
        subscriptions.push_str(&format!(
            "  {name}: {{ space: {name}, owner: prove, stream: {name}, {sink} }}\n"
        ));
    }
    gateway.settings = format!("spaces:\n{spaces}streams:\n{streams}");
    gateway.configure(&subscriptions)
}

/// Base line, noise, and what became of it.
async fn noise(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let (oracle, watch) = (Oracle::default(), Watch::default());
    let sinks = sinks::watched(oracle.clone(), watch.clone()).await;
    let sinks = sinks.map_err(|e| e.to_string())?;
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    configuration(&mut gateway, sinks)?;
    gateway.start().await?;
    let feed = |at: usize, publishers, rate| Feed {
        gateway: gateway.address,
        path: SPACES[at].1,
        publishers,
        rate: Some(rate),
        kind: Arc::new(move |_| (format!("t.{}", SPACES[at].0), None)),
    };
    // Half of their shares: a machine that is late catches up within the quota.
    let quiet = |at| Load::feed(&oracle, &watch, feed(at, 4, f64::from(SHARE) / 2.0));
    let quiet: Vec<Load> = (1..SPACES.len()).map(quiet).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let length = Duration::from_secs(if options.short { 4 } else { 30 });
    figures.base = window(&watch, length).await;
    let begun = watch.now_us();
    let rate = f64::from(SHARE) * TIMES;
    let noisy = Load::feed(&oracle, &watch, feed(0, 64, rate));
    tokio::time::sleep(Duration::from_millis(500)).await;
    figures.beside = window(&watch, length).await;
    let refused = noisy.stop().await;
    let seconds = (watch.now_us() - begun).div_ceil(1_000_000);
    for load in quiet {
        let refused = load.stop().await;
        if refused.total() > 0 {
            return Err(format!("quiet tenants were refused: {refused:?}"));
        }
    }
    figures.noisy = (
        oracle.acknowledged_as("t.noisy") as u64,
        refused.statuses.get(&429).copied().unwrap_or_default(),
    );
    let of = |space: &str| oracle.acknowledged_as(&format!("t.{space}"));
    figures.quiet = SPACES[1..].iter().map(|(space, _)| of(space)).sum();
    only_by_quota(&refused)?;
    // One second's worth at once, and one more for each second begun.
    let most = u64::from(SHARE) * (seconds + 2);
    if figures.noisy.0 > most || figures.noisy.0 < u64::from(SHARE) {
        return Err(format!(
            "the noisy one had {} events taken in {seconds} s",
            figures.noisy.0
        ));
    }
    if figures.noisy.1 < figures.noisy.0 {
        return Err("the noisy one was not noisy".into());
    }
    delivered(&gateway, &oracle).await?;
    counted(&gateway, figures).await?;
    gateway.said_no_panic()?;
    // The short form judges no times: it runs unoptimised, beside whatever else runs.
    let limit = figures.base.p99 * NOISE_TIMES + NOISE_MS;
    match options.short || figures.beside.p99 <= limit {
        true => Ok(()),
        false => Err("the quiet ones were slowed down".into()),
    }
}

fn only_by_quota(refused: &Refusals) -> Result<(), String> {
    let others = refused.statuses.keys().any(|status| *status != 429);
    match others || refused.without_retry_after > 0 {
        true => Err(format!(
            "refused otherwise than by 429 with retry-after: {refused:?}"
        )),
        false => Ok(()),
    }
}

async fn window(watch: &Watch, length: Duration) -> Quantiles {
    let from = watch.now_us();
    tokio::time::sleep(length).await;
    let to = watch.now_us();
    tokio::time::sleep(Duration::from_millis(500)).await;
    watch.quantiles((from, to), |sink| sink.starts_with("quiet"))
}

/// Every acknowledged event is at its target.
async fn delivered(gateway: &Gateway, oracle: &Oracle) -> Result<(), String> {
    let accounts = gateway.accounts(&SPACES.map(|(name, _)| name)).await?;
    for (name, account) in &accounts {
        balance(name, account)?;
    }
    for (name, _) in SPACES {
        let ty = format!("t.{name}");
        let missing = oracle.missing(name, |of| of == ty).len();
        if missing > 0 {
            return Err(format!("{missing} events of {name} never arrived"));
        }
    }
    match oracle.faults().as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("\n")),
    }
}

/// What the gateway says of each space is what publishers were told.
async fn counted(gateway: &Gateway, figures: &Figures) -> Result<(), String> {
    let (_, spaces) = gateway.admin("GET", "/v1/spaces").await?;
    let noisy = spaces.as_array().into_iter().flatten();
    let noisy = noisy.into_iter().find(|space| space["name"] == "noisy");
    let noisy = noisy.ok_or("no space noisy")?;
    let (accepted, refused) = (
        noisy["accepted"]["events"].as_u64(),
        noisy["refused"]["events-per-second"].as_u64(),
    );
    // An answer that never arrived was counted, too.
    let least = |n: Option<u64>, told: u64| n.is_some_and(|n| (told..=told + 64).contains(&n));
    match least(accepted, figures.noisy.0) && least(refused, figures.noisy.1) {
        true => Ok(()),
        false => Err(format!("the accounts of the space are off: {noisy}")),
    }
}
