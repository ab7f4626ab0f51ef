//! kill -9 at a random moment, restart, again; then nothing acknowledged may be missing.

use crate::gateway::{Gateway, balance};
use crate::load::Load;
use crate::oracle::Oracle;
use crate::{Options, Proved, sinks};
use std::net::SocketAddr;
use std::time::Duration;

/// Three subscriptions: everything, one type, and one type that its sink refuses.
pub(crate) fn subscriptions(sinks: SocketAddr) -> String {
    let sink = |way: &str, name: &str| {
        format!(
            "sink: {{ kind: http, url: \"http://{sinks}/{way}/{name}\", allow-http: true, allow-private: [127.0.0.0/8] }}"
        )
    };
    format!(
        "  all: {{ concurrency: 64, {} }}\n  some: {{ filter: {{ exact: {{ type: prove.some }} }}, {} }}\n  refused: {{ filter: {{ exact: {{ type: prove.refused }} }}, breaker: {{ failures: 0 }}, {} }}\n",
        sink("sink", "all"),
        sink("sink", "some"),
        sink("refuse", "refused"),
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
        if still > 300 {
            let all = oracle.missing("all", |_| true);
            return Err(format!(
                "{missing} acknowledged deliveries are missing, for instance of {:?}",
                all.first()
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let accounts = gateway.accounts(&["all", "some", "refused"]).await?;
    for (name, account) in &accounts {
        balance(name, account)?;
        if name == "refused" {
            let dead = account["dead_lettered"].as_u64().unwrap_or_default();
            let acknowledged = oracle.acknowledged_as("prove.refused") as u64;
            if dead < acknowledged {
                return Err(format!(
                    "{dead} dead letters for {acknowledged} acknowledged refusals"
                ));
            }
        }
    }
    match oracle.faults().as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("\n")),
    }
}

/// Runs the loop.
pub(crate) async fn run(options: &Options) -> Proved {
    let oracle = Oracle::default();
    let mut restarts = Vec::new();
    let outcome = rounds(options, &oracle, &mut restarts).await;
    restarts.sort_unstable();
    let worst = restarts.last().copied().unwrap_or_default();
    let figures = format!(
        "{} kills, {} events acknowledged, 0 may be lost or altered, {} repeated deliveries, slowest restart {} ms",
        restarts.len().saturating_sub(1),
        oracle.acknowledgements(),
        oracle.repetitions(),
        worst.as_millis(),
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn rounds(
    options: &Options,
    oracle: &Oracle,
    restarts: &mut Vec<Duration>,
) -> Result<(), String> {
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let mut gateway = Gateway::new(&options.gateway, &subscriptions(sinks))?;
    restarts.push(gateway.start().await?);
    for round in 1..=options.rounds.unwrap_or(50) {
        let load = Load::start(oracle, gateway.address, 16, TYPES);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(5..500))).await;
        gateway.kill().await?;
        load.stop().await;
        restarts.push(gateway.start().await?);
        if round % 10 == 0 {
            println!("round {round}: {} acknowledged", oracle.acknowledgements());
            settled(&gateway, oracle).await?;
        }
    }
    settled(&gateway, oracle).await
}
