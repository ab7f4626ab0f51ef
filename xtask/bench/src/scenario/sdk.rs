//! The SDK against what stands below it: a function by bare `lambda_runtime`, a server by bare axum, with the same
//! handler; and the size of the example.

use super::side::{Running, Side, Subject, compare, ratio};
use crate::figures::{Spread, row, verdict};
use crate::load::moment;
use crate::process::{Process, on_cpu, resident};
use crate::runtime_api::{RuntimeApi, Step};
use crate::{Options, SdkOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Events that a function gets before it is measured, and while it is.
const WARM: u64 = 2_000;
const EVENTS: u64 = 20_000;
/// Starts of each function in a round.
const STARTS: usize = 20;
const BARE: &str = "sdk-bare-lambda";
const OURS: &str = "sdk-handler";

pub(crate) fn sdk(options: &SdkOptions) -> Result<(), String> {
    let general = Options {
        gateway: options.subjects.join(OURS),
        rounds: options.rounds,
        quick: options.quick,
        reference: false,
        trusted: false,
        jars: None,
    };
    let mut found = lambda(options, &general)?;
    found.push(http(options, &general)?);
    found.push(size(&options.subjects)?);
    verdict("sdk", &found)
}

/// What a run of a function showed.
struct Sample {
    start_ms: f64,
    cpu_us: f64,
    resident_mib: f64,
}

fn lambda(options: &SdkOptions, general: &Options) -> Result<Vec<(String, bool)>, String> {
    println!("lambda: a structured 1 KiB event by the Runtime API, its data read into a type");
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..general.rounds() {
        for (name, samples) in [BARE, OURS].into_iter().zip(&mut samples) {
            let sample = function(&options.subjects.join(name), general);
            samples.push(sample.map_err(|e| format!("{name}: {e}"))?);
        }
    }
    let headings = ["start ms", "cpu us/event", "RSS MiB"];
    row("", &headings.map(String::from));
    let figures: [fn(&Sample) -> f64; 3] = [|s| s.start_ms, |s| s.cpu_us, |s| s.resident_mib];
    for (label, samples) in ["bare lambda_runtime", "SDK"].into_iter().zip(&samples) {
        let column =
            |figure: &fn(&Sample) -> f64| Spread::of(samples.iter().map(figure)).to_string();
        row(label, &figures.iter().map(column).collect::<Vec<_>>());
    }
    let [bare, ours] = &samples;
    let added = |figure: fn(&Sample) -> f64| {
        Spread::of(
            bare.iter()
                .zip(ours)
                .map(|(bare, ours)| figure(ours) - figure(bare)),
        )
    };
    let judged = |what: &str, figure, most: f64| {
        let found = added(figure);
        (
            format!("{found} {what} added, at most {most}"),
            found.median <= most,
        )
    };
    Ok(vec![
        judged("ms of start-up", |s| s.start_ms, 1.0),
        judged("MiB", |s| s.resident_mib, 2.0),
        judged("us of CPU per event", |s| s.cpu_us, 5.0),
    ])
}

/// Starts it several times, the last time for work.
fn function(binary: &Path, options: &Options) -> Result<Sample, String> {
    let mut starts = Vec::new();
    for nth in 1..=STARTS {
        let api = RuntimeApi::start().map_err(|e| e.to_string())?;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(variables(api.address))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let began = moment();
        let process = Process::listening(&mut command, api.address)?;
        match api.step()? {
            Step::Began(asked) => starts.push((asked - began) as f64 / 1e6),
            step => return Err(format!("{step:?}")),
        }
        if nth < STARTS {
            continue;
        }
        let events = options.events(EVENTS);
        api.allow(WARM)?;
        let before = on_cpu(process.id())?;
        api.allow(events)?;
        let spent = on_cpu(process.id())? - before;
        let (resident, _) = resident(process.id())?;
        return Ok(Sample {
            start_ms: Spread::of(starts).median,
            cpu_us: spent.as_secs_f64() * 1e6 / events as f64,
            resident_mib: resident as f64 / 1024.0,
        });
    }
    Err("it was not started".into())
}

/// What Lambda sets; `lambda_runtime` does not start without most of it.
fn variables(api: SocketAddr) -> [(&'static str, String); 6] {
    [
        ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", "orders".into()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/orders".into()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".into()),
    ]
}

fn http(options: &SdkOptions, general: &Options) -> Result<(String, bool), String> {
    println!("http: the same event over HTTP");
    let side = |name: &'static str, variable: &'static str| {
        move || {
            let address = free()?;
            let mut command = Command::new(options.subjects.join(name));
            command
                .env(variable, address.to_string())
                .stdin(Stdio::null())
                .stderr(Stdio::null());
            let mut process = Process::listening(&mut command, address)?;
            process.ready()?;
            Ok(Running::alone(Subject::Baseline(process)))
        }
    };
    let sides = [
        Side::new("bare axum", side("sdk-bare-axum", "LISTEN")),
        Side::new("SDK", side(OURS, "TRADEWIND_LISTEN")),
    ];
    let samples = compare(general, &sides, 150_000)?;
    let [bare, ours] = samples.as_slice() else {
        return Err("two sides have two samples".into());
    };
    let found = ratio(bare, ours);
    Ok((
        format!("HTTP {found} of bare axum, at least 0.85"),
        found.median >= 0.85,
    ))
}

fn free() -> Result<SocketAddr, String> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())
}

/// The example with every host that is compiled in by default, without symbols.
fn size(subjects: &Path) -> Result<(String, bool), String> {
    const MOST: f64 = 6.0;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let stripped = folder.path().join("orders");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(subjects.join("orders"))
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return Err("strip did not take the example's binary".into());
    }
    let bytes = std::fs::metadata(&stripped)
        .map_err(|e| e.to_string())?
        .len();
    let size = bytes as f64 / f64::from(1 << 20);
    Ok((
        format!("the example {size:.2} MiB, at most {MOST}"),
        size <= MOST,
    ))
}
