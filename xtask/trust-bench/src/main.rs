//! CPU time per event of 1 KiB of what stands between a request and the log: the API key, the policies, the schema.
//!
//! Events are decoded before, as in the gateway; each is judged once, so that nothing is kept of it but what the gateway
//! keeps: decisions, by what they were made from.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod hostile;
mod world;

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::process::ExitCode;
use tradewind_event::Event;
use world::World;

/// As the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const POLICIES: usize = 100;
/// Different events; of one principal, with sources and subjects of their own.
const EVENTS: usize = 1000;
/// Passes over all events of which the fastest counts: others are those in which the machine did something else.
const ROUNDS: usize = 30;
/// Longest time to compile a schema, or to refuse it, in milliseconds.
const COMPILE_MOST: f64 = 50.0;
/// Longest time to compare two versions of one, in milliseconds.
const COMPARE_MOST: f64 = 2000.0;
/// What all three may cost together, in nanoseconds, when the decision is remembered.
const MOST: f64 = 5000.0;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("trust: {error}: falls short");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, String> {
    let world = World::new(POLICIES)?;
    let documents = world::documents(EVENTS);
    let size = documents.iter().map(String::len).sum::<usize>() / EVENTS;
    let authenticate = measure(&documents, ROUNDS, |_| world.authenticate())?;
    let remembered = measure(&documents, ROUNDS, |event| world.decide(event))?;
    let afresh = measure(&documents, 3, |event| world.decide_afresh(event))?;
    let validate = measure(&documents, ROUNDS, |event| world.validate(event))?;
    let together = measure(&documents, ROUNDS, |event| {
        world.authenticate() && world.decide(event) && world.validate(event)
    })?;
    println!("events of {size} bytes, {POLICIES} policies, CPU time each");
    for (what, ns) in [
        ("API key", authenticate),
        ("decision, remembered", remembered),
        ("decision, afresh", afresh),
        ("JSON Schema", validate),
        ("all three, remembered", together),
    ] {
        println!("  {what:<24}{:>9.2} µs", ns / 1000.0);
    }
    let (count, slowest) = compile()?;
    let (pairs, longest) = compare();
    let holds = together <= MOST && slowest <= COMPILE_MOST && longest <= COMPARE_MOST;
    println!(
        "trust: {:.2} µs for API key, decision and schema together ({:.1} µs for a decision afresh), at most {:.0} µs; \
         {count} hostile schemas compiled or refused within {slowest:.1} ms each, at most {COMPILE_MOST:.0} ms, \
         {pairs} pairs of versions compared within {longest:.1} ms, at most {COMPARE_MOST:.0} ms: {}",
        together / 1000.0,
        afresh / 1000.0,
        MOST / 1000.0,
        if holds { "holds" } else { "falls short" }
    );
    Ok(holds)
}

/// Nanoseconds of CPU for each event; in each round the events are decoded anew, which is not counted.
fn measure(
    documents: &[String],
    rounds: usize,
    mut what: impl FnMut(&Event) -> bool,
) -> Result<f64, String> {
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let events = world::decode(documents)?;
        let began = cpu();
        for event in &events {
            if !black_box(what(black_box(event))) {
                return Err(format!("the event {} was not let in", event.id()));
            }
        }
        least = least.min((cpu() - began) / events.len() as f64);
    }
    Ok(least)
}

/// The milliseconds that the slowest of the hostile schemas takes, each the fastest of three.
fn compile() -> Result<(usize, f64), String> {
    let (all, mut slowest) = (hostile::all(), 0.0_f64);
    println!("hostile schemas, CPU time to compile or to refuse");
    for (what, format, text) in &all {
        let (mut least, mut taken) = (f64::INFINITY, false);
        for _ in 0..3 {
            let began = cpu();
            taken = hostile::compile(format, text)?;
            least = least.min((cpu() - began) / 1e6);
        }
        let verdict = if taken { "taken" } else { "refused" };
        println!("  {what:<40.40}{least:>9.2} ms  {verdict}");
        slowest = slowest.max(least);
    }
    Ok((all.len(), slowest))
}

/// The milliseconds that the slowest comparison takes, in both directions.
fn compare() -> (usize, f64) {
    let (all, mut slowest) = (hostile::pairs(), 0.0_f64);
    println!("hostile pairs of versions, CPU time to compare in both directions");
    for (what, earlier, later) in &all {
        let Some(owes_nothing) = hostile::compare(earlier, later) else {
            println!("  {what:<40.40}{:>9}     refused", "");
            continue;
        };
        let began = cpu();
        let verdict = if owes_nothing() { "fits" } else { "does not" };
        let took = (cpu() - began) / 1e6;
        println!("  {what:<40.40}{took:>9.2} ms  {verdict}");
        slowest = slowest.max(took);
    }
    (all.len(), slowest)
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
