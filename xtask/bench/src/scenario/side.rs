//! Sides of a comparison, and their runs in turn.

use crate::Options;
use crate::figures::{Spread, row};
use crate::gateway::Gateway;
use crate::load::Measured;
use crate::process::{Process, this};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;

/// Length of the part at a fixed rate.
const PACED_SECONDS: f64 = 3.0;

/// What is measured: a gateway or something in its place.
pub(super) enum Subject {
    Gateway(Gateway),
    Baseline(Process),
    /// L, which counts its syncs.
    Log(Process),
}

/// A side that runs.
pub(super) struct Running {
    pub(super) subject: Subject,
    /// Where its deliveries go.
    pub(super) upstream: Option<Process>,
    /// Where its files are, if not in the gateway's care.
    pub(super) _folder: Option<TempDir>,
    /// How many deliveries an event makes that its sender does not wait for.
    pub(super) copies: u64,
}

impl Running {
    pub(super) fn alone(subject: Subject) -> Self {
        Self {
            subject,
            upstream: None,
            _folder: None,
            copies: 0,
        }
    }

    fn process(&self) -> &Process {
        match &self.subject {
            Subject::Gateway(gateway) => &gateway.process,
            Subject::Baseline(process) | Subject::Log(process) => process,
        }
    }

    fn syncs(&self) -> Result<u64, String> {
        match &self.subject {
            Subject::Gateway(gateway) => gateway.syncs(),
            Subject::Baseline(_) => Ok(0),
            Subject::Log(process) => asked(process.address, "/syncs")?
                .parse()
                .map_err(|e| format!("syncs: {e}")),
        }
    }

    fn load(&self, events: u64, warm: u64, rate: Option<f64>) -> Result<Measured, String> {
        let (to, account) = (self.process().address, self.process().id());
        let mut command = this(&["role", "load"])?;
        command
            .arg(format!("--to={to}"))
            .arg(format!("--account={account}"))
            .arg(format!("--events={events}"))
            .arg(format!("--warm={warm}"))
            .args(rate.map(|rate| format!("--rate={rate}")));
        if let Some(upstream) = self.upstream.as_ref().filter(|_| self.copies > 0) {
            command
                .arg(format!("--upstream={}", upstream.address))
                .arg(format!("--copies={}", self.copies));
        }
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!("the load ended with {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|e| format!("the load's figures: {e}"))
    }
}

/// What one run showed: cost and capacity in a closed loop, latencies at half of that rate.
pub(super) struct Sample {
    pub(super) cpu_us: f64,
    pub(super) per_second: f64,
    pub(super) events_per_sync: f64,
    pub(super) paced: Measured,
}

type Start<'a> = Box<dyn Fn() -> Result<Running, String> + 'a>;

/// A row of the table.
pub(super) struct Side<'a> {
    label: &'static str,
    start: Start<'a>,
}

impl<'a> Side<'a> {
    pub(super) fn new(
        label: &'static str,
        start: impl Fn() -> Result<Running, String> + 'a,
    ) -> Self {
        Self {
            label,
            start: Box::new(start),
        }
    }
}

/// Runs every side in turn, as many rounds as asked, and prints their rows. Each run has a new
/// process.
pub(super) fn compare(
    options: &Options,
    sides: &[Side<'_>],
    events: u64,
) -> Result<Vec<Vec<Sample>>, String> {
    let events = options.events(events);
    let mut samples: Vec<Vec<Sample>> = sides.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds() {
        for (side, samples) in sides.iter().zip(&mut samples) {
            let sample = (side.start)().and_then(|running| sample(&running, events));
            samples.push(sample.map_err(|e| format!("{}: {e}", side.label))?);
        }
    }
    let headings = ["cpu us/event", "events/s", "p50 ms", "p99 ms", "RSS MiB"];
    row("", &headings.map(String::from));
    for (side, samples) in sides.iter().zip(&samples) {
        let column =
            |figure: fn(&Sample) -> f64| Spread::of(samples.iter().map(figure)).to_string();
        row(
            side.label,
            &[
                column(|s| s.cpu_us),
                column(|s| s.per_second),
                column(|s| s.paced.p50_ms),
                column(|s| s.paced.p99_ms),
                column(|s| s.paced.resident_kib as f64 / 1024.0),
            ],
        );
    }
    Ok(samples)
}

fn sample(running: &Running, events: u64) -> Result<Sample, String> {
    let before = running.syncs()?;
    let closed = running.load(events, events / 10, None)?;
    let syncs = running.syncs()? - before;
    let rate = closed.per_second / 2.0;
    let paced = running.load((rate * PACED_SECONDS) as u64, 0, Some(rate))?;
    Ok(Sample {
        cpu_us: closed.cpu_us,
        per_second: closed.per_second,
        events_per_sync: closed.sent as f64 / syncs.max(1) as f64,
        paced,
    })
}

/// CPU of the baseline over CPU of the gateway, run by run.
pub(super) fn ratio(baseline: &[Sample], gateway: &[Sample]) -> Spread {
    let pairs = baseline.iter().zip(gateway);
    Spread::of(pairs.map(|(baseline, gateway)| baseline.cpu_us / gateway.cpu_us))
}

/// The body of a GET.
fn asked(address: SocketAddr, path: &str) -> Result<String, String> {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = ask().map_err(|e| format!("{path}: {e}"))?;
    let (_, body) = text.split_once("\r\n\r\n").ok_or("an answer without end")?;
    Ok(body.to_owned())
}
