//! Both sides: how a rule set is built, and what a match costs.

use crate::rules::Set;
use bytes::Bytes;
use quamina::Quamina;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tradewind_event::{Event, json};
use tradewind_filter::{Index, Limits, Scratch, Snapshot, View};

/// Runs of which the quickest counts: whatever else the machine does only adds.
const ROUNDS: usize = 5;
/// CPU time of one run, in nanoseconds.
const RUN: u64 = 60_000_000;

/// CPU time of this thread, in nanoseconds.
pub(crate) fn cpu() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// CPU per call in nanoseconds: the quickest of several runs, and all that the calls returned once.
pub(crate) fn measure(events: usize, call: impl FnMut(usize) -> usize) -> (f64, usize) {
    let mut alone = in_turn(vec![(events, call)]);
    alone.pop().unwrap_or((f64::NAN, 0))
}

/// The same of several that are held against each other: a run of each follows a run of the other, so that
/// what else the machine does meets all of them.
pub(crate) fn in_turn(mut sides: Vec<(usize, impl FnMut(usize) -> usize)>) -> Vec<(f64, usize)> {
    let mut figures: Vec<(f64, usize)> = sides
        .iter_mut()
        .map(|(events, call)| (f64::INFINITY, (0..*events).map(call).sum()))
        .collect();
    for _ in 0..ROUNDS {
        for ((events, call), (quickest, _)) in sides.iter_mut().zip(&mut figures) {
            *quickest = quickest.min(run(*events, call));
        }
    }
    figures
}

fn run(events: usize, call: &mut impl FnMut(usize) -> usize) -> f64 {
    let (start, mut calls) = (cpu(), 0);
    loop {
        for event in 0..events {
            std::hint::black_box(call(event));
        }
        calls += events;
        let spent = cpu() - start;
        if spent > RUN {
            return spent as f64 / calls as f64;
        }
    }
}

/// A rule set of Tradewind, and what it took to build.
pub(crate) struct Ours {
    snapshot: Snapshot,
    pub(crate) build_ns: f64,
    pub(crate) bytes: f64,
}

impl Ours {
    pub(crate) fn new(set: Set, rules: usize) -> Result<Self, String> {
        let mut snapshot = Snapshot::new(Limits::default());
        let mut spent = 0;
        let mut result = Ok(());
        let used = allocation_counter::measure(|| {
            for n in 0..rules {
                let (formula, _) = set.rule(n);
                let start = cpu();
                result = snapshot.add(n as u64, &formula);
                spent += cpu() - start;
                if result.is_err() {
                    return;
                }
            }
        });
        result.map_err(|refused| refused.to_string())?;
        Ok(Self {
            snapshot,
            build_ns: spent as f64 / rules as f64,
            bytes: used.bytes_current as f64 / rules as f64,
        })
    }

    /// Matches an event by its number.
    pub(crate) fn matching(&self, events: &[Event]) -> impl FnMut(usize) -> usize {
        let (mut scratch, mut out) = (Scratch::default(), Vec::new());
        move |at| {
            let view = View::new(&events[at]);
            self.snapshot.matches(&view, &mut scratch, &mut out);
            out.len()
        }
    }

    /// The longest of some changes of one filter while somebody holds the set, in milliseconds.
    pub(crate) fn change(self, set: Set, rules: usize) -> f64 {
        let index = Index::from(self.snapshot);
        let mut longest = 0;
        for n in rules..rules + 50 {
            let held = index.load();
            let (formula, _) = set.rule(n);
            let start = cpu();
            let added = index.add(n as u64, &formula);
            let after = cpu();
            let removed = index.remove(n as u64);
            longest = longest.max(after - start).max(cpu() - after);
            std::hint::black_box((held.len(), added.is_ok(), removed));
        }
        longest as f64 / 1e6
    }
}

/// What quamina makes of the same set: CPU per event and matches; `None` where it gives up.
pub(crate) fn quamina(patterns: &[Value], events: &[String]) -> Option<(f64, usize)> {
    let build = || {
        let mut quamina: Quamina<usize> = Quamina::new();
        for (n, pattern) in patterns.iter().enumerate() {
            quamina.add_pattern(n, &pattern.to_string()).ok()?;
        }
        Some(measure(events.len(), |at| {
            quamina
                .matches_for_event(events[at].as_bytes())
                .map_or(0, |found| found.len())
        }))
    };
    catch_unwind(AssertUnwindSafe(build)).ok().flatten()
}

pub(crate) fn decoded(events: &[String]) -> Result<Vec<Event>, String> {
    let decode = |text: &String| json::decode(Bytes::copy_from_slice(text.as_bytes()));
    events
        .iter()
        .map(|text| decode(text).map_err(|error| error.to_string()))
        .collect()
}
