//! From the request to the delivery, against F.

use super::forward::relay;
use super::side::{Running, Side, Subject, compare, ratio};
use crate::Options;
use crate::figures::{Spread, verdict};
use crate::gateway::{Durability, Gateway, delivered_to};
use crate::process::Process;

pub(crate) fn deliver(options: &Options) -> Result<(), String> {
    println!("deliver: durable accept of structured 1 KiB events and delivery to one HTTP target");
    let sides = [
        Side::new("F: axum + hyper client", || relay(&[])),
        Side::new("gateway", || gateway(options, 1)),
    ];
    let samples = compare(options, &sides, 60_000)?;
    let [baseline, gateway] = samples.as_slice() else {
        return Ok(());
    };
    let spread = |figure: fn(&super::side::Sample) -> f64| Spread::of(gateway.iter().map(figure));
    println!(
        "  sent to delivered at half of the rate: p50 {} ms, p99 {} ms; {} events per sync",
        spread(|s| s.paced.delivered_p50_ms),
        spread(|s| s.paced.delivered_p99_ms),
        spread(|s| s.events_per_sync),
    );
    let found = ratio(baseline, gateway);
    let cost = spread(|s| s.cpu_us);
    verdict(
        "deliver",
        &[
            (format!("{found} F, at least 0.60"), found.median >= 0.6),
            (
                format!("{cost} us per event, at most 30"),
                cost.median <= 30.0,
            ),
        ],
    )
}

/// A durable gateway with that many subscriptions that take everything.
pub(super) fn gateway(options: &Options, targets: usize) -> Result<Running, String> {
    let upstream = Process::role(&["role", "upstream"])?;
    let subscriptions: String = (0..targets)
        .map(|name| delivered_to(upstream.address, name))
        .collect();
    let gateway = Gateway::start(&options.gateway, Durability::Fsync, &subscriptions)?.ready()?;
    Ok(Running {
        upstream: Some(upstream),
        copies: targets as u64,
        ..Running::alone(Subject::Gateway(gateway))
    })
}
