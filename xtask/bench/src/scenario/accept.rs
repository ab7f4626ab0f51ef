//! Taking events: in memory against S, durably against L.

use super::side::{Running, Sample, Side, Subject, compare, ratio};
use crate::figures::{Spread, verdict};
use crate::gateway::{Durability, Gateway, on_disk, unmoved};
use crate::process::Process;
use crate::{Options, disk};

pub(crate) fn accept(options: &Options) -> Result<(), String> {
    println!(
        "accept: structured 1 KiB events, API key, one subscription that takes none, in memory"
    );
    let sink = |extra: &'static [&'static str]| {
        move || {
            let arguments = [&["role", "sink"], extra].concat();
            let process = Process::role(&arguments)?;
            Ok(Running::alone(Subject::Baseline(process)))
        }
    };
    let mut sides = vec![
        Side::new("S: axum sink", sink(&[])),
        Side::new("gateway", || gateway(options, Durability::Ephemeral)),
    ];
    if options.trusted {
        // With policies and a schema beside the key.
        sides.push(Side::new("gateway, trusted", || {
            let gateway =
                Gateway::trusted(&options.gateway, Durability::Ephemeral, &unmoved())?.ready()?;
            Ok(Running::alone(Subject::Gateway(gateway)))
        }));
    }
    if options.reference {
        sides.push(Side::new("S on one thread", sink(&["--current-thread"])));
    }
    let samples = compare(options, &sides, 150_000)?;
    let [baseline, gateway, more @ ..] = samples.as_slice() else {
        return Ok(());
    };
    let judged = |what: &str, gateway: &[Sample]| {
        let found = ratio(baseline, gateway);
        (
            format!("{what}{found} S, at least 0.60"),
            found.median >= 0.6,
        )
    };
    let mut found = vec![judged("", gateway)];
    if let (true, Some(trusted)) = (options.trusted, more.first()) {
        found.push(judged("with policies and a schema ", trusted));
    }
    verdict("accept", &found)
}

pub(crate) fn durable(options: &Options) -> Result<(), String> {
    println!("durable: structured 1 KiB events, API key, fdatasync before the answer");
    let folder = on_disk(&options.gateway)?;
    let log = |extra: &'static [&'static str]| {
        move || {
            let folder = on_disk(&options.gateway)?;
            let file = format!("--file={}", folder.path().join("log").display());
            let arguments = [&["role", "log", file.as_str()], extra].concat();
            let process = Process::role(&arguments)?;
            Ok(Running {
                _folder: Some(folder),
                ..Running::alone(Subject::Log(process))
            })
        }
    };
    let mut sides = vec![
        Side::new("L: axum + group commit", log(&[])),
        Side::new("gateway", || gateway(options, Durability::Fsync)),
    ];
    if options.reference {
        sides.push(Side::new("L on one thread", log(&["--current-thread"])));
    }
    let before = disk::sync_times(folder.path())?;
    let samples = compare(options, &sides, 100_000)?;
    let after = disk::sync_times(folder.path())?;
    println!(
        "  the disk alone: fdatasync p50 {:.2} and {:.2} ms, p99 {:.2} and {:.2} ms, before and after",
        before.0, after.0, before.1, after.1
    );
    let [baseline, gateway, ..] = samples.as_slice() else {
        return Ok(());
    };
    let grouped = |samples: &[Sample]| Spread::of(samples.iter().map(|s| s.events_per_sync));
    println!(
        "  events per sync: L {}, gateway {}",
        grouped(baseline),
        grouped(gateway)
    );
    let found = ratio(baseline, gateway);
    verdict(
        "durable",
        &[(format!("{found} L, at least 0.80"), found.median >= 0.8)],
    )
}

fn gateway(options: &Options, durability: Durability) -> Result<Running, String> {
    let gateway = Gateway::start(&options.gateway, durability, &unmoved())?.ready()?;
    Ok(Running::alone(Subject::Gateway(gateway)))
}
