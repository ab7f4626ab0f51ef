//! What matching costs per event, by the number of filters and by the type of rule, against other
//! engines in one run.
//!
//! Tradewind matches events that are decoded already, as the gateway does: decoding is measured on a
//! line of its own, and is part of the comparison with quamina, which reads the document itself. By the type
//! of rule it is measured twice, see `table`.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod citylots;
mod peers;
mod rules;
mod sides;
mod table;

use bytes::Bytes;
use rules::Set;
use sides::{Ours, in_turn, measure};
use std::process::ExitCode;
use table::Closest;
use tradewind_event::json;

const SIZES: [usize; 5] = [1, 100, 1_000, 10_000, 100_000];
/// Above this, quamina's own limit of memory is met.
const QUAMINA_MAX: usize = 10_000;

struct Row {
    set: Set,
    rules: usize,
    ours: f64,
    theirs: Option<f64>,
    change: f64,
}

fn main() -> ExitCode {
    // Quamina gives up on some sets by a panic, which is expected.
    std::panic::set_hook(Box::new(|_| {}));
    match run() {
        Ok(line) => {
            println!("{line}");
            if line.ends_with("holds") {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            println!("filter: {error}: falls short");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let documents = rules::events(1000);
    let bodies: Vec<Bytes> = documents.into_iter().map(Bytes::from).collect();
    let (decode, _) = measure(bodies.len(), |at| {
        json::decode(bodies[at].clone()).map_or(0, |event| event.id().len())
    });
    println!("decode and validate a structured event of 1 KiB: {decode:.0} ns\n");
    println!(
        "             filters   match ns   add ns   bytes each   longest change ms   quamina ns"
    );
    let mut rows = Vec::new();
    for set in Set::ALL {
        rows.extend(rows_of(set)?);
    }
    let lots = table::run()?;
    Ok(judged(&rows, decode, lots))
}

/// All sizes of a set.
fn rows_of(set: Set) -> Result<Vec<Row>, String> {
    let mut sides = Vec::new();
    for rules in SIZES {
        let documents = rules::events(rules);
        let events = sides::decoded(&documents)?;
        sides.push((rules, documents, events, Ours::new(set, rules)?));
    }
    let calls = sides.iter();
    let calls = calls.map(|(_, _, events, built)| (events.len(), built.matching(events)));
    let figures = in_turn(calls.collect());
    let rows = sides.into_iter().zip(figures);
    rows.map(|((rules, documents, _, built), figure)| row(set, rules, &documents, built, figure))
        .collect()
}

fn row(
    set: Set,
    rules: usize,
    documents: &[String],
    built: Ours,
    (ours, found): (f64, usize),
) -> Result<Row, String> {
    let (build_ns, bytes) = (built.build_ns, built.bytes);
    let change = built.change(set, rules);
    let patterns: Vec<_> = (0..rules.min(QUAMINA_MAX + 1))
        .map(|n| set.rule(n).1)
        .collect();
    let theirs = (rules <= QUAMINA_MAX)
        .then(|| sides::quamina(&patterns, documents))
        .flatten();
    if let Some((_, theirs)) = theirs
        && theirs != found
    {
        let (name, n) = (set.name(), documents.len());
        return Err(format!(
            "{name}: {found} matches of {n} events, quamina says {theirs}"
        ));
    }
    let quamina = theirs.map_or_else(|| "-".into(), |(ns, _)| format!("{ns:.0}"));
    println!(
        "{:<11} {rules:>8} {ours:>10.0} {build_ns:>8.0} {bytes:>12.0} {change:>19.2} {quamina:>12}",
        set.name()
    );
    Ok(Row {
        set,
        rules,
        ours,
        theirs: theirs.map(|(ns, _)| ns),
        change,
    })
}

fn judged(rows: &[Row], decode: f64, lots: Option<Closest>) -> String {
    let at = |set: Set, rules: usize| {
        let row = rows.iter().find(|row| row.set == set && row.rules == rules);
        row.map_or(f64::NAN, |row| row.ours)
    };
    let over = |set: Set, rules: usize, decode: f64| {
        let row = rows.iter().find(|row| row.set == set && row.rules == rules);
        let theirs = row.and_then(|row| row.theirs);
        theirs.map_or(f64::NAN, |theirs| theirs / (at(set, rules) + decode))
    };
    let mut figures = vec![
        (
            "attributes µs",
            at(Set::Attributes, 100_000) / 1e3,
            1.0,
            false,
        ),
        (
            "100,000 : 1",
            at(Set::Attributes, 100_000) / at(Set::Attributes, 1),
            1.5,
            false,
        ),
        ("two paths µs", at(Set::TwoPaths, 100_000) / 1e3, 2.0, false),
        (
            "mixed 10,000 : 100",
            at(Set::Mixed, 10_000) / at(Set::Mixed, 100),
            2.0,
            false,
        ),
        (
            "longest change ms",
            rows.iter().map(|row| row.change).fold(0.0, f64::max),
            50.0,
            false,
        ),
        (
            "quamina : decode and match, exact",
            over(Set::Exact, 10_000, decode),
            1.0,
            true,
        ),
        (
            "the same, 1,000 mixed",
            over(Set::Mixed, 1_000, decode),
            5.0,
            true,
        ),
    ];
    match lots {
        Some(Closest { anew, known }) => figures.extend([
            ("event-ruler : check and match, closest", anew, 3.0, true),
            ("event-ruler : match, closest", known, 3.0, true),
        ]),
        None => println!("\nSKIPPED: event-ruler was not measured"),
    }
    println!();
    let mut holds = true;
    let mut said = Vec::new();
    for (name, figure, limit, above) in figures {
        let meets = if above {
            figure >= limit
        } else {
            figure <= limit
        };
        holds &= meets;
        let sign = if above { "≥" } else { "≤" };
        println!(
            "{name:<38} {figure:>8.2} ({sign} {limit}){}",
            if meets { "" } else { " !" }
        );
        said.push(format!("{name} {figure:.2}"));
    }
    let alone = "quamina : match of a decoded event, exact";
    println!(
        "{alone:<41} {:>5.2} (not judged)",
        over(Set::Exact, 10_000, 0.0)
    );
    let verdict = if holds { "holds" } else { "falls short" };
    format!("filter: {}: {verdict}", said.join(", "))
}
