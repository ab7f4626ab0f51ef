//! Handing requests on and answering what came back, against F.

use super::side::{Running, Side, Subject, compare};
use crate::figures::verdict;
use crate::gateway::on_disk;
use crate::process::Process;
use crate::{Options, proxy};

pub(crate) fn forward(options: &Options) -> Result<(), String> {
    println!("forward: structured 1 KiB events to one HTTP target, answered by it");
    let mut sides = vec![Side::new("F: axum + hyper client", || relay(&[]))];
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
    compare(options, &sides, 60_000)?;
    verdict(
        "forward",
        &[("the gateway has no request/reply route".into(), false)],
    )
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
