//! Judgement at the end.

use super::{Line, OTHERS, Stage};
use std::time::Duration;

/// What a busy machine adds by itself, milliseconds: the simulation judges the 20 %, where nothing
/// else runs.
const NOISE_MS: f64 = 50.0;
/// How many times the base line is still noise.
const NOISE_TIMES: f64 = 3.0;
/// Growth of the process that a phase may cause, KiB: its caches fill over the run.
const GROWTH_KIB: u64 = 64 << 10;

/// The worst phase, and the range of the base lines.
pub(super) fn extremes(lines: &[Line]) -> ((&'static str, f64), (f64, f64)) {
    let worst = lines
        .iter()
        .filter(|line| !line.base)
        .map(|line| (line.name, line.others.p99))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let base = lines.iter().filter(|line| line.base);
    let p99 = base.map(|line| line.others.p99);
    let range = p99.fold((f64::INFINITY, 0.0_f64), |(low, high), p99| {
        (low.min(p99), high.max(p99))
    });
    (worst.unwrap_or_default(), range)
}

/// Each phase against the base lines beside it.
pub(super) fn judge(stage: &Stage) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (at, line) in stage.lines.iter().enumerate().filter(|(_, l)| !l.base) {
        let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
        let base = beside
            .filter_map(|at| stage.lines.get(at).filter(|line| line.base))
            .map(|line| line.others.p99)
            .fold(0.0, f64::max);
        let limit = base * NOISE_TIMES + NOISE_MS;
        if line.others.count == 0 || line.others.p99 > limit {
            let p99 = line.others.p99;
            wrong.push(format!(
                "{}: p99 {p99:.1} ms against {base:.1} ms",
                line.name
            ));
        }
    }
    let first = stage.resident.first().copied().unwrap_or_default();
    let most = stage.resident.iter().max().copied().unwrap_or_default();
    if most > first + GROWTH_KIB {
        wrong.push(format!("memory grew from {first} to {most} KiB"));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

/// Every acknowledged event is at its target or, where it belongs there, among the dead letters.
pub(super) async fn nothing_lost(stage: &Stage) -> Result<(), String> {
    let oracle = &stage.oracle;
    let mut sinks: Vec<(String, String)> = (1..=OTHERS)
        .map(|n| (format!("s{n}"), format!("t.{n}")))
        .collect();
    for (sink, ty) in [
        ("bad", "t.0"),
        ("keys", "key.held"),
        ("keys", "key.free"),
        ("poison", "poison.good"),
    ] {
        sinks.push((sink.into(), ty.into()));
    }
    for (sink, ty) in &sinks {
        let mut patience = 600;
        loop {
            let missing = oracle.missing(sink, |of| of == ty).len();
            if missing == 0 {
                break;
            }
            if patience == 0 {
                return Err(format!("{missing} events of {ty} never arrived at {sink}"));
            }
            patience -= 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    stage.balanced().await?;
    match oracle.faults().as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("\n")),
    }
}
