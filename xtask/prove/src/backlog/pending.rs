//! Events that wait for a sink which takes no connections: memory, restart, and then all of them.

use super::publisher::{Events, publish};
use super::report::{Report, mib};
use super::tally::{Tally, listen, reserve};
use crate::gateway::Gateway;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const EVENTS: Events = Events {
    ty: "prove.pending",
    bytes: 512,
};
/// Asks whether events are taken; matches no subscription.
const PROBE: Events = Events {
    ty: "prove.probe",
    bytes: 16,
};
static PROBES: AtomicU64 = AtomicU64::new(0);
/// Above this many events a sink on two cores would take too long to get them all.
const DELIVERED_MAX: u64 = 1_000_000;
const MIB: u64 = 1 << 20;

/// What is promised for so many events waiting.
pub(super) struct Promise {
    pub(super) resident: u64,
    pub(super) ready: Duration,
}

pub(super) fn promise(events: u64) -> Promise {
    if events > 1_000_000 {
        Promise {
            resident: 256 * MIB,
            ready: Duration::from_secs(10),
        }
    } else {
        Promise {
            resident: 60 * MIB,
            ready: Duration::from_secs(2),
        }
    }
}

pub(crate) async fn run(binary: &Path, events: u64, report: &mut Report) -> Result<(), String> {
    let address = reserve()?;
    let mut gateway = Gateway::new(
        binary,
        &format!(
            "  down:\n    concurrency: 64\n    filter: {{ exact: {{ type: {} }} }}\n    breaker: {{ cooldown: 1s, cooldown-max: 1s }}\n    retry: {{ max: 1s, max-attempts: 100000 }}\n    sink: {{ kind: http, url: \"http://{address}/take/0\", allow-http: true, allow-private: [127.0.0.0/8] }}\n",
            EVENTS.ty
        ),
    )?;
    gateway.start().await?;
    let mut at = 0;
    let mut resident = Vec::new();
    for until in [events / 100, events / 10, events] {
        if until < 1000 {
            continue;
        }
        publish(&gateway, EVENTS, at..until).await?;
        at = until;
        let memory = gateway.rested().await?;
        let disk = gateway.disk()?;
        report.figure(format!(
            "{until} pending: {} resident (at most {}), {} on disk, {:.0} bytes an event",
            mib(memory.resident),
            mib(memory.peak),
            mib(disk),
            disk as f64 / until as f64,
        ));
        resident.push(memory.resident);
    }
    let promise = promise(events);
    let last = resident.last().copied().unwrap_or_default();
    report.check(last <= promise.resident, || {
        format!(
            "{} resident with {events} pending; promised are {}",
            mib(last),
            mib(promise.resident)
        )
    });
    // Fewer than 100,000 fill no buffer.
    if events == 1_000_000 {
        let tenth = resident[resident.len() - 2];
        report.check(last * 10 <= tenth * 11, || {
            format!(
                "{} with {events} pending are more than a tenth above {}",
                mib(last),
                mib(tenth)
            )
        });
    }
    restart(&mut gateway, &promise, report).await?;
    if events > DELIVERED_MAX {
        return Ok(());
    }
    deliver(&gateway, address, events, report).await
}

/// kill -9, and how long it then takes until the gateway says that it is ready and takes an event.
#[allow(
    clippy::disallowed_methods,
    reason = "measures the process from outside"
)]
pub(super) async fn restart(
    gateway: &mut Gateway,
    promise: &Promise,
    report: &mut Report,
) -> Result<(), String> {
    gateway.kill().await?;
    let begun = Instant::now();
    gateway.start().await?;
    gateway.ready().await?;
    let ready = begun.elapsed();
    let n = PROBES.fetch_add(1, Ordering::Relaxed);
    publish(gateway, PROBE, n..n + 1).await?;
    let acknowledged = begun.elapsed();
    let memory = gateway.rested().await?;
    report.figure(format!(
        "after kill -9 ready in {} ms, an event taken in {} ms, {} resident (at most {})",
        ready.as_millis(),
        acknowledged.as_millis(),
        mib(memory.resident),
        mib(memory.peak),
    ));
    report.check(acknowledged <= promise.ready, || {
        format!(
            "{acknowledged:?} until ready; promised are {:?}",
            promise.ready
        )
    });
    report.check(memory.resident <= promise.resident, || {
        format!("{} resident after the restart", mib(memory.resident))
    });
    Ok(())
}

/// The sink is back: everything arrives, and the account balances.
#[allow(
    clippy::disallowed_methods,
    reason = "measures the process from outside"
)]
async fn deliver(
    gateway: &Gateway,
    address: std::net::SocketAddr,
    events: u64,
    report: &mut Report,
) -> Result<(), String> {
    let tally = Tally::new(events);
    let cpu = gateway.cpu()?;
    let begun = Instant::now();
    let sink = listen(address, tally.clone()).await?;
    let (mut before, mut still) = (0, 0);
    while tally.first() < events {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = tally.first();
        still = if now == before { still + 1 } else { 0 };
        before = now;
        if still > 300 {
            return Err(format!(
                "{now} of {events} events arrived, and none for half a minute"
            ));
        }
    }
    let took = begun.elapsed();
    let cpu = gateway.cpu()?.saturating_sub(cpu);
    let account = gateway
        .counted("down", |account| account["pending"] == 0)
        .await?;
    report.check(account["accepted"] == events, || {
        format!("{events} events arrived; the account says {account}")
    });
    gateway.balanced().await?;
    let memory = gateway.memory()?;
    sink.abort();
    report.figure(format!(
        "all {events} delivered in {:.0} s ({:.0} µs of CPU each), {} of them more than once, {} resident (at most {})",
        took.as_secs_f64(),
        cpu.as_micros() as f64 / events as f64,
        tally.repeated(),
        mib(memory.resident),
        mib(memory.peak),
    ));
    tally.fault().map_or(Ok(()), Err)
}
