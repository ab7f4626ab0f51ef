//! The log, its end after a crash, and what `verify` finds.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod bytes;
mod log;

use std::path::{Path, PathBuf};
use tradewind_audit::{Entry, Log, Options, verify};

const NOON: u64 = 1_793_620_800_000;
const DAY: u64 = 24 * 3600 * 1000;

fn entry(what: &str) -> Entry {
    Entry {
        what: what.into(),
        by: "operator".into(),
        object: Some("subscription orders".into()),
        owner: Some("shop".into()),
        ..Entry::default()
    }
}

fn open(dir: &Path) -> Log {
    Log::open(dir, small(), NOON).unwrap()
}

/// Files that are soon full.
fn small() -> Options {
    Options {
        file_bytes: 700,
        ahead_bytes: 4096,
        ..Options::default()
    }
}

/// A log of this many lines, over several files.
fn filled(dir: &Path, lines: u64) -> Log {
    let mut log = open(dir);
    for n in 0..lines {
        log.append([entry(&format!("redrive {n}"))], NOON + n)
            .unwrap();
    }
    log
}

fn parts(dir: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some())
        .collect();
    parts.sort();
    parts
}

fn faults(dir: &Path) -> Vec<String> {
    let report = verify(dir, None).unwrap();
    report.faults.into_iter().map(|fault| fault.what).collect()
}

fn whats(dir: &Path) -> Vec<String> {
    let mut whats = Vec::new();
    tradewind_audit::read(dir, |record| whats.push(record.entry.what)).unwrap();
    whats
}
