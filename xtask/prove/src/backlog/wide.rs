//! Many subscriptions on one stream, and events that go to all of them.

use super::pending::{promise, restart};
use super::publisher::{Events, publish};
use super::report::{Report, mib};
use super::tally::{Tally, listen, reserve};
use crate::gateway::Gateway;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Goes to all of them.
const WIDE: Events = Events {
    ty: "prove.wide",
    bytes: 16 << 10,
};
/// Passes no filter.
const NARROW: Events = Events {
    ty: "prove.narrow",
    bytes: 512,
};
/// Events that go to all: enough that what files are extended by does not count.
const EVENTS: u64 = 300;
/// Events for each subscription whose acceptance is measured.
const SAMPLE: u64 = 100;
/// Disk that a delivery may take, beside its share of the payload.
const DELIVERY: f64 = 100.0;
/// Disk that a payload may take, for each of its bytes.
const PAYLOAD: f64 = 1.2;

fn subscriptions(sink: SocketAddr, n: u64) -> String {
    (0..n)
        .map(|i| {
            format!(
                "  s{i}: {{ filter: {{ exact: {{ type: {} }} }}, sink: {{ kind: http, url: \"http://{sink}/take/{}\", allow-http: true, allow-private: [127.0.0.0/8] }} }}\n",
                WIDE.ty,
                i * EVENTS
            )
        })
        .collect()
}

pub(crate) async fn run(binary: &Path, wide: u64, report: &mut Report) -> Result<(), String> {
    let address = reserve()?;
    let tally = Tally::new(wide * EVENTS);
    let sink = listen(address, tally.clone()).await?;
    let mut gateway = Gateway::new(binary, &subscriptions(address, 1))?;
    gateway.start().await?;
    gateway.ready().await?;
    let alone = gateway.rested().await?;
    let one = route(&gateway, wide * SAMPLE).await?;
    gateway.kill().await?;
    let mut gateway = Gateway::new(binary, &subscriptions(address, wide))?;
    gateway.start().await?;
    gateway.ready().await?;
    let idle = gateway.rested().await?;
    let many = route(&gateway, wide * SAMPLE).await?;
    report.figure(format!(
        "{wide} subscriptions: {} resident at rest instead of {} with one; accepting and routing costs {many:.1} µs of CPU an event instead of {one:.1}",
        mib(idle.resident),
        mib(alone.resident),
    ));
    fan_out(&gateway, wide, &tally, report).await?;
    restart(&mut gateway, &promise(0), report).await?;
    sink.abort();
    tally.fault().map_or(Ok(()), Err)
}

/// CPU of the gateway for an event that passes no filter, in microseconds.
async fn route(gateway: &Gateway, events: u64) -> Result<f64, String> {
    let before = gateway.cpu()?;
    publish(gateway, NARROW, 0..events).await?;
    gateway
        .counted("s0", |account| account["filtered"] == events)
        .await?;
    let cpu = gateway.cpu()?.saturating_sub(before);
    Ok(cpu.as_micros() as f64 / events as f64)
}

/// What the deliveries of an event to all subscriptions take on the disk.
async fn fan_out(
    gateway: &Gateway,
    wide: u64,
    tally: &Tally,
    report: &mut Report,
) -> Result<(), String> {
    let before = gateway.disk()?;
    let cpu = gateway.cpu()?;
    publish(gateway, WIDE, 0..EVENTS).await?;
    let deliveries = wide * EVENTS;
    let (mut last, mut still) = (0, 0);
    while tally.first() < deliveries {
        tokio::time::sleep(Duration::from_millis(100)).await;
        still = if tally.first() == last { still + 1 } else { 0 };
        last = tally.first();
        if still > 300 {
            return Err(format!("{last} of {deliveries} deliveries arrived"));
        }
    }
    let memory = gateway.rested().await?;
    let cpu = gateway.cpu()?.saturating_sub(cpu);
    let disk = gateway.disk()?.saturating_sub(before) as f64;
    let payload = (WIDE.bytes as u64 * EVENTS) as f64;
    let each = (disk - PAYLOAD * payload).max(0.0) / deliveries as f64;
    report.figure(format!(
        "{EVENTS} events of {} KiB to each of {wide}: {:.0} µs of CPU a delivery, {} on disk for {} of payload: {each:.0} bytes a delivery beyond {PAYLOAD} × payload, {} resident (at most {})",
        WIDE.bytes >> 10,
        cpu.as_micros() as f64 / deliveries as f64,
        mib(disk as u64),
        mib(payload as u64),
        mib(memory.resident),
        mib(memory.peak),
    ));
    // Fewer deliveries take less than what files are extended by.
    report.check(wide < 1000 || each <= DELIVERY, || {
        format!("a delivery takes {each:.0} bytes on the disk; promised are {DELIVERY}")
    });
    gateway.balanced().await
}
