//! Attempts that fail one by one, so that each delivery is a retry scheduled on disk; then operators
//! at work on all of it, while another subscription goes on.

use super::pending::{promise, restart};
use super::publisher::{Events, publish};
use super::report::{Report, mib};
use super::tally::{Tally, listen, reserve};
use crate::gateway::Gateway;
use rustix::process::Signal;
use std::cell::Cell;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

const PARKED: Events = Events {
    ty: "prove.parked",
    bytes: 512,
};
const DEAD: Events = Events {
    ty: "prove.dead",
    bytes: 512,
};
/// Matches no subscription: what it costs is the accept alone.
const ACCEPTED: Events = Events {
    ty: "prove.accepted",
    bytes: 512,
};
/// What goes on meanwhile.
const OTHER: Events = Events {
    ty: "prove.other",
    bytes: 512,
};
/// Growth of memory that retries on disk may cause.
const GROWTH: u64 = 64 << 20;
/// Events that cost enough CPU to be told from the ticks in which it is counted.
const SAMPLE: u64 = 200_000;
/// Room for the events that go on meanwhile.
const OTHERS_MAX: u64 = 1 << 20;
/// Longest wait of another subscription's event while operators work on a million deliveries.
const PATIENCE: Duration = Duration::from_secs(1);

/// Parked: each delivery failed once and waits for half a day. Behind: paused, so nothing of its
/// backlog was read. Dead: no second attempt. Other: a sink that takes everything.
const NAMES: [&str; 4] = ["parked", "behind", "dead", "other"];

fn subscriptions(sink: SocketAddr, without: &[&str]) -> String {
    let mut text = String::new();
    for name in NAMES.iter().filter(|name| !without.contains(name)) {
        let (ty, way, more) = match *name {
            "parked" => (
                PARKED.ty,
                "fail",
                "retry: { pauses: [12h], jitter: none }, ",
            ),
            "dead" => (DEAD.ty, "fail", "retry: { max-attempts: 1 }, "),
            "behind" => (PARKED.ty, "fail", ""),
            _ => (OTHER.ty, "take/0", ""),
        };
        text.push_str(&format!(
            "  {name}: {{ concurrency: 64, breaker: {{ failures: 0 }}, {more}filter: {{ exact: {{ type: {ty} }} }}, sink: {{ kind: http, url: \"http://{sink}/{way}\", allow-http: true, allow-private: [127.0.0.0/8] }} }}\n"
        ));
    }
    text
}

pub(crate) async fn run(binary: &Path, events: u64, report: &mut Report) -> Result<(), String> {
    let address = reserve()?;
    let others = Others {
        tally: Tally::new(OTHERS_MAX),
        next: Cell::new(0),
    };
    let sink = listen(address, others.tally.clone()).await?;
    let plain = unparked(binary, address, events).await?;
    let mut gateway = Gateway::new(binary, &subscriptions(address, &[]))?;
    gateway.start().await?;
    gateway.ready().await?;
    gateway.ask(&["subscriptions", "pause", "behind"]).await?;
    park(&gateway, plain, events, report).await?;
    restart(&mut gateway, &promise(events), report).await?;

    let dead = events / 10;
    publish(&gateway, DEAD, 0..dead).await?;
    gateway
        .counted("dead", |account| account["dead_lettered"] == dead)
        .await?;
    others.meanwhile(&gateway, async { Ok(()) }).await?;
    let all = ["redrive", "purge"].map(|what| ["dead-letters", what, "dead", "--all"]);
    for command in all {
        others.operate(&gateway, &command, dead, report).await?;
        gateway
            .counted("dead", |account| account["pending"] == 0)
            .await?;
    }
    gateway.configure(&subscriptions(address, &["parked", "behind"]))?;
    gateway.signal(Signal::HUP)?;
    for name in ["parked", "behind"] {
        gateway.suspended(name).await?;
        let command = ["subscriptions", "discard", name];
        others.operate(&gateway, &command, events, report).await?;
    }
    let memory = gateway.memory()?;
    report.figure(format!(
        "afterwards {} resident (at most {})",
        mib(memory.resident),
        mib(memory.peak)
    ));
    gateway.balanced().await?;
    sink.abort();
    others.tally.fault().map_or(Ok(()), Err)
}

/// Every event fails once.
async fn park(
    gateway: &Gateway,
    plain: f64,
    events: u64,
    report: &mut Report,
) -> Result<(), String> {
    let sample = sample(events);
    publish(gateway, ACCEPTED, 0..sample).await?;
    let memory = gateway.rested().await?;
    publish(gateway, PARKED, 0..events).await?;
    gateway
        .counted("parked", |account| account["attempts"] == events)
        .await?;
    let grown = gateway.rested().await?;
    let after = accept(gateway, sample..2 * sample).await?;
    report.figure(format!(
        "{events} retries parked on disk: {} resident instead of {} (at most {}), accepting costs {after:.1} µs of CPU an event instead of {plain:.1}, {} on disk",
        mib(grown.resident),
        mib(memory.resident),
        mib(grown.peak),
        mib(gateway.disk()?),
    ));
    report.check(grown.resident <= memory.resident + GROWTH, || {
        format!("memory grew by more than {}", mib(GROWTH))
    });
    report.check(sample < SAMPLE || after <= plain * 1.1, || {
        format!(
            "accepting costs {:.0} % more",
            (after / plain - 1.0) * 100.0
        )
    });
    Ok(())
}

/// What accepting costs after as many events that no subscription takes: a log that long, and nothing parked.
async fn unparked(binary: &Path, sink: SocketAddr, events: u64) -> Result<f64, String> {
    let mut gateway = Gateway::new(binary, &subscriptions(sink, &[]))?;
    gateway.start().await?;
    gateway.ready().await?;
    let before = events + sample(events);
    publish(&gateway, ACCEPTED, 0..before).await?;
    gateway.rested().await?;
    let cost = accept(&gateway, before..before + sample(events)).await?;
    gateway.kill().await?;
    Ok(cost)
}

fn sample(events: u64) -> u64 {
    events.min(SAMPLE)
}

/// CPU of the gateway for accepting an event, in microseconds.
async fn accept(gateway: &Gateway, numbers: Range<u64>) -> Result<f64, String> {
    let events = numbers.end - numbers.start;
    let before = gateway.cpu()?;
    publish(gateway, ACCEPTED, numbers).await?;
    let cpu = gateway.cpu()?.saturating_sub(before);
    Ok(cpu.as_micros() as f64 / events as f64)
}

/// Events of the subscription that goes on.
struct Others {
    tally: std::sync::Arc<Tally>,
    next: Cell<u64>,
}

impl Others {
    /// A command of an operator that concerns `deliveries`.
    async fn operate(
        &self,
        gateway: &Gateway,
        command: &[&str],
        deliveries: u64,
        report: &mut Report,
    ) -> Result<(), String> {
        let (longest, took, answer) = self.meanwhile(gateway, gateway.ask(command)).await?;
        let command = command.join(" ");
        report.figure(format!(
            "`{command}`: {} deliveries in {:.1} s, the other subscription's slowest in {} ms",
            answer["count"],
            took.as_secs_f64(),
            longest.as_millis(),
        ));
        report.check(answer["count"] == deliveries, || {
            format!("`{command}` answered {answer}, expected were {deliveries}")
        });
        report.check(longest <= PATIENCE, || {
            format!("`{command}` held another subscription up for {longest:?}")
        });
        Ok(())
    }

    /// Publishes one event after the other while `work` goes on; the longest that one took to
    /// arrive, how long the work took, and what it came to.
    #[allow(
        clippy::disallowed_methods,
        reason = "measures the process from outside"
    )]
    async fn meanwhile<T>(
        &self,
        gateway: &Gateway,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<(Duration, Duration, T), String> {
        let took = Cell::new(None);
        let begun = Instant::now();
        let work = async {
            let result = work.await;
            took.set(Some(begun.elapsed()));
            result
        };
        let others = async {
            let mut longest = Duration::ZERO;
            loop {
                let sent = Instant::now();
                let n = self.next.replace(self.next.get() + 1);
                publish(gateway, OTHER, n..n + 1).await?;
                while self.tally.first() <= n {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    if sent.elapsed() > Duration::from_secs(120) {
                        return Err("another subscription's event does not arrive".to_owned());
                    }
                }
                longest = longest.max(sent.elapsed());
                if took.get().is_some() {
                    return Ok(longest);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let (result, longest) = tokio::join!(work, others);
        Ok((longest?, took.get().unwrap_or_default(), result?))
    }
}
