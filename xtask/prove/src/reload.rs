//! Reloads under load: every event sees exactly one generation; an invalid file changes nothing.

use crate::gateway::{Gateway, balance};
use crate::load::{Feed, Load};
use crate::oracle::Oracle;
use crate::watch::Watch;
use crate::{Options, Proved, sinks};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

const TYPES: &[&str] = &["prove.odd", "prove.even"];
/// Events a second.
const RATE: f64 = 5000.0;
/// One round in so many leaves it to the watcher to notice, which takes it seconds.
const WATCHED: u32 = 40;

/// Two subscriptions with complementary filters, which the generations swap: in each generation an
/// event belongs to exactly one of them.
fn generation(sinks: SocketAddr, swapped: bool) -> String {
    let (left, right) = if swapped {
        (TYPES[1], TYPES[0])
    } else {
        (TYPES[0], TYPES[1])
    };
    let one = |name: &str, ty: &str| {
        let sink = sinks::at(sinks, "sink", name);
        format!("  {name}: {{ concurrency: 64, filter: {{ exact: {{ type: {ty} }} }}, {sink} }}\n")
    };
    one("left", left) + &one("right", right)
}

#[derive(Default)]
struct Tally {
    /// Invalid files, refused.
    invalid: u32,
    /// Files that came to be in other ways than by one rename.
    odd: u32,
    /// Events a second that were acknowledged.
    rate: f64,
}

/// Runs the loop.
pub(crate) async fn run(options: &Options) -> Proved {
    let oracle = Oracle::default();
    let count = options.rounds.unwrap_or(50);
    let mut tally = Tally::default();
    let outcome = rounds(options, count, &oracle, &mut tally).await;
    let figures = format!(
        "{count} reloads, {} of them invalid and refused, {} by links, removal or writing in pieces, {} events acknowledged at {:.0}/s, 0 may be lost or misrouted",
        tally.invalid,
        tally.odd,
        oracle.acknowledgements(),
        tally.rate,
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn rounds(
    options: &Options,
    count: u32,
    oracle: &Oracle,
    tally: &mut Tally,
) -> Result<(), String> {
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let mut gateway = Gateway::new(&options.gateway, &generation(sinks, false))?;
    gateway.settings = options.stream("");
    gateway.configure(&generation(sinks, false))?;
    gateway.start().await?;
    let watch = Watch::default();
    let feed = Feed {
        gateway: gateway.address,
        path: "/events",
        publishers: 32,
        rate: Some(RATE),
        kind: Arc::new(|n| (TYPES[n as usize % TYPES.len()].to_owned(), None)),
    };
    let load = Load::feed(oracle, &watch, feed);
    for round in 0..count {
        let next = generation(sinks, round % 4 < 2);
        change(&gateway, &next, round, tally)
            .await
            .map_err(|what| format!("round {round}: {what}"))?;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(10..60))).await;
    }
    tally.rate = oracle.acknowledgements() as f64 * 1e6 / watch.now_us() as f64;
    let refused = load.stop().await;
    if refused.total() > 0 {
        return Err(format!("publishes were refused: {refused:?}"));
    }
    let mut quiet = 0;
    let mut arrivals = 0;
    while !oracle.not_at_exactly_one(&["left", "right"]).is_empty() {
        let now = oracle.arrivals();
        quiet = if now == arrivals { quiet + 1 } else { 0 };
        arrivals = now;
        if quiet > 100 {
            let wrong = oracle.not_at_exactly_one(&["left", "right"]);
            return Err(format!(
                "{} events did not reach exactly one of the two, for instance {:?}",
                wrong.len(),
                wrong.first()
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (name, account) in gateway.accounts(&["left", "right"]).await? {
        balance(&name, &account)?;
    }
    match oracle.faults().as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("\n")),
    }
}

/// One change of the file: every other one is invalid, and the ways in which files come about
/// alternate.
async fn change(
    gateway: &Gateway,
    next: &str,
    round: u32,
    tally: &mut Tally,
) -> Result<(), String> {
    let io = |e: std::io::Error| e.to_string();
    if round % WATCHED == WATCHED - 2 {
        tally.odd += 1;
        return in_pieces(gateway, next).await;
    }
    match round % 8 {
        // A file cut off in the middle.
        1 => {
            let whole = gateway.text(next);
            let cut = whole.rfind("sink:").unwrap_or(whole.len()) + 12;
            replace(gateway, &whole[..cut])?;
        }
        2 => {
            tally.odd += 1;
            link(gateway, next, round)?;
        }
        3 => gateway.configure(&format!("{next}  broken: {{ snik: {{}} }}\n"))?,
        4 => {
            tally.odd += 1;
            fs::remove_file(gateway.config()).map_err(io)?;
            gateway.signal(Signal::HUP)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            gateway.configure(next)?;
        }
        5 => gateway.configure(&next.replace("exact:", "exactly:"))?,
        7 => gateway.configure(&next.replace("concurrency: 64", "concurrency: many"))?,
        _ => gateway.configure(next)?,
    }
    if round.is_multiple_of(6) {
        return gateway.signal(Signal::HUP);
    }
    let (status, answer) = gateway.admin("POST", "/v1/config/reload").await?;
    let detail = answer["detail"].as_str().unwrap_or_default();
    match round % 2 {
        0 if status == 200 => Ok(()),
        1 if status == 422 && located(detail) => {
            tally.invalid += 1;
            Ok(())
        }
        _ => Err(format!("the reload was answered {status}: {answer}")),
    }
}

/// Whether a diagnostic names line and column.
fn located(detail: &str) -> bool {
    detail
        .split_once("tradewind.yaml:")
        .is_some_and(|(_, rest)| {
            let mut numbers = rest.splitn(3, ':');
            let mut number = || {
                let part = numbers.next().unwrap_or_default();
                part.starts_with(|c: char| c.is_ascii_digit())
            };
            number() && number()
        })
}

fn replace(gateway: &Gateway, text: &str) -> Result<(), String> {
    let new = gateway.config().with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, gateway.config()))
        .map_err(|e| e.to_string())
}

/// As a container platform mounts a map: the file is a link into a folder that is itself a link,
/// which is swapped.
fn link(gateway: &Gateway, next: &str, round: u32) -> Result<(), String> {
    let swap = || {
        let config = gateway.config();
        let folder = config.with_file_name(format!("..{round}"));
        fs::create_dir(&folder)?;
        fs::write(folder.join("tradewind.yaml"), gateway.text(next))?;
        let (new, data) = (
            config.with_file_name("..new"),
            config.with_file_name("..data"),
        );
        symlink(&folder, &new)?;
        fs::rename(&new, &data)?;
        if !config.is_symlink() {
            symlink("..data/tradewind.yaml", &new)?;
            fs::rename(&new, &config)?;
        }
        Ok(())
    };
    swap().map_err(|e: std::io::Error| e.to_string())
}

/// Rewrites the file in place, piece by piece. Nobody says so: the watcher is to find out, and to
/// take none of the pieces for the whole.
async fn in_pieces(gateway: &Gateway, next: &str) -> Result<(), String> {
    let io = |e: std::io::Error| e.to_string();
    let generation =
        |(_, status): (u16, serde_json::Value)| status["config"]["generation"].as_u64();
    let failures = |(_, status): (u16, serde_json::Value)| status["config"]["last-failure"].clone();
    let before = generation(gateway.admin("GET", "/v1/status").await?);
    // Another limit makes it a change for certain.
    let limit = format!("concurrency: {}", fastrand::u32(65..10_000));
    let text = gateway.text(&next.replace("concurrency: 64", &limit));
    let body = text.find("subscriptions:").unwrap_or_default();
    let mut file = fs::File::create(gateway.config()).map_err(io)?;
    let mut written = 0;
    // Each cut falls into a `{`: however long the machine makes this wait, no piece is valid.
    for at in
        [0.05, 0.2, 0.35, 0.45, 1.0].map(|part| body as f64 + (text.len() - body) as f64 * part)
    {
        let until = (at as usize).max(body + 30).min(text.len());
        file.write_all(&text.as_bytes()[written..until])
            .map_err(io)?;
        file.sync_data().map_err(io)?;
        written = until;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    for _ in 0..600 {
        let status = gateway.admin("GET", "/v1/status").await?;
        if generation(status.clone()) != before && failures(status).is_null() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the watcher does not notice a file that was rewritten".into())
}
