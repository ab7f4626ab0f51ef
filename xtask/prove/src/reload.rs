//! Reloads under load: every event sees exactly one generation; an invalid file changes nothing.

use crate::gateway::{Gateway, balance};
use crate::load::Load;
use crate::oracle::Oracle;
use crate::{Options, Proved, sinks};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::time::Duration;

const TYPES: &[&str] = &["prove.odd", "prove.even"];

/// Two subscriptions with complementary filters, which the generations swap: in each generation an
/// event belongs to exactly one of them.
fn generation(sinks: SocketAddr, swapped: bool) -> String {
    let (left, right) = if swapped {
        (TYPES[1], TYPES[0])
    } else {
        (TYPES[0], TYPES[1])
    };
    let one = |name: &str, ty: &str| {
        format!(
            "  {name}: {{ concurrency: 64, filter: {{ exact: {{ type: {ty} }} }}, sink: {{ kind: http, url: \"http://{sinks}/sink/{name}\", allow-http: true, allow-private: [127.0.0.0/8] }} }}\n"
        )
    };
    one("left", left) + &one("right", right)
}

/// Runs the loop.
pub(crate) async fn run(options: &Options) -> Proved {
    let oracle = Oracle::default();
    let count = options.rounds.unwrap_or(50);
    let outcome = rounds(options, count, &oracle).await;
    let refused = outcome.as_ref().copied().unwrap_or_default();
    let figures = format!(
        "{count} reloads, {refused} of them invalid and refused, {} events acknowledged, 0 may be lost or misrouted",
        oracle.acknowledgements(),
    );
    outcome
        .map(|_| figures.clone())
        .map_err(|what| (figures, what))
}

async fn rounds(options: &Options, count: u32, oracle: &Oracle) -> Result<u32, String> {
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let mut gateway = Gateway::new(&options.gateway, &generation(sinks, false))?;
    gateway.start().await?;
    let load = Load::start(oracle, gateway.address, 8, TYPES);
    let mut invalid = 0;
    for round in 0..count {
        let next = generation(sinks, round % 4 < 2);
        match round % 4 {
            0 | 2 => gateway.configure(&next)?,
            // A file cut off in the middle, and one with an unknown key.
            1 => {
                invalid += 1;
                let whole = gateway.text(&next);
                let cut = whole.rfind("sink:").unwrap_or(whole.len()) + 12;
                std::fs::write(gateway.config(), &whole[..cut]).map_err(|e| e.to_string())?;
            }
            _ => {
                invalid += 1;
                gateway.configure(&(next + "  broken: { snik: {} }\n"))?;
            }
        }
        gateway.signal(Signal::HUP)?;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(10..60))).await;
    }
    let refused = load.stop().await;
    gateway.configure(&generation(sinks, false))?;
    if refused > 0 {
        return Err(format!("{refused} publishes were refused during reloads"));
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
        [] => Ok(invalid),
        faults => Err(faults.join("\n")),
    }
}
