//! The spine in simulated time: `spine <proof> [--seeds N] [--seed S]`. Ends with one line that says
//! `holds` or `falls short`, and exits with 1 when a promise is broken.

#![allow(clippy::print_stdout)] // the figures are what it is for

mod simulation;
mod steady;

use std::process::ExitCode;

/// Figures, and what does not hold.
type Proved = (String, Vec<String>);

/// What a proof is asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    seeds: Option<u64>,
    seed: Option<u64>,
}

const USAGE: &str =
    "usage: spine simulation|clocks|isolation|tenants|overload [--seeds N] [--seed S]";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let mut asked = Asked::default();
    while let Some(arg) = args.next() {
        let value = args.next().and_then(|value| value.parse().ok());
        match (arg.as_str(), value) {
            ("--seeds", Some(_)) => asked.seeds = value,
            ("--seed", Some(_)) => asked.seed = value,
            _ => return usage(),
        }
    }
    let proof = match name.as_str() {
        "simulation" => simulation::prove,
        "clocks" => steady::clocks,
        "isolation" => steady::isolation,
        "tenants" => steady::tenants,
        "overload" => steady::overload,
        _ => return usage(),
    };
    let (figures, broken) = proof(asked);
    for what in &broken {
        println!("{what}");
    }
    let verdict = match broken.is_empty() {
        true => "holds",
        false => "falls short",
    };
    println!("{name}: {figures}: {verdict}");
    ExitCode::from(u8::from(!broken.is_empty()))
}

fn usage() -> ExitCode {
    println!("{USAGE}");
    ExitCode::from(2)
}
