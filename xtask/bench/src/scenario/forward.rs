//! Handing requests on and answering what came back, against F.

use super::side::{Running, Side, Subject, compare, ratio};
use crate::figures::verdict;
use crate::gateway::{Gateway, on_disk};
use crate::process::Process;
use crate::{Options, proxy};

pub(crate) fn forward(options: &Options) -> Result<(), String> {
    println!("forward: structured 1 KiB events to one HTTP target, answered by it");
    let mut sides = vec![
        Side::new("F: axum + hyper client", || relay(&[])),
        Side::new("gateway", || gateway(options)),
    ];
    if options.reference {
        sides.push(Side::new("F on one thread", || {
            relay(&["--current-thread"])
        }));
    }
    if proxy::installed() {
        sides.push(Side::new("nginx", || nginx(options)));
    } else {
        println!("  nginx: skipped, not installed");
    }
    let samples = compare(options, &sides, 60_000)?;
    let [baseline, gateway, ..] = samples.as_slice() else {
        return Ok(());
    };
    let found = ratio(baseline, gateway);
    verdict(
        "forward",
        &[(format!("{found} F, at least 0.80"), found.median >= 0.8)],
    )
}

fn gateway(options: &Options) -> Result<Running, String> {
    let upstream = Process::role(&["role", "upstream"])?;
    let gateway = Gateway::proxy(&options.gateway, upstream.address)?.ready()?;
    Ok(Running {
        upstream: Some(upstream),
        ..Running::alone(Subject::Gateway(gateway))
    })
}

/// F before a target of its own.
pub(super) fn relay(extra: &[&str]) -> Result<Running, String> {
    let upstream = Process::role(&["role", "upstream"])?;
    let to = format!("--to={}", upstream.address);
    let process = Process::role(&[&["role", "forward", to.as_str()], extra].concat())?;
    Ok(Running {
        upstream: Some(upstream),
        ..Running::alone(Subject::Baseline(process))
    })
}

fn nginx(options: &Options) -> Result<Running, String> {
    let upstream = Process::role(&["role", "upstream"])?;
    let folder = on_disk(&options.gateway)?;
    let process = proxy::start(folder.path(), upstream.address)?;
    Ok(Running {
        upstream: Some(upstream),
        _folder: Some(folder),
        ..Running::alone(Subject::Baseline(process))
    })
}
