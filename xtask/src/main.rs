//! Contributor tasks: `cargo xtask` lists them.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod arrows;
mod bench;
mod clone;
mod dist;
mod lint;
mod newcomer;
mod prove;
mod shell;
mod test;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  try [--once]           build and start the gateway with an example handler, print what to try
  test [--core]          install and start what tests need, run everything, count what was skipped
  prove [<name> ...]     conformance suites and fault loops; without a name, a list
  bench [<name>]         ratios against baselines; without a name, a list
  dist [--all]           static binaries, archives, Debian packages, bill of materials, checksums, in
                         target/dist: for this processor, or for all
  lint                   format, clippy, docs, dependency direction, cargo deny
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let done = match args.first().map(String::as_str) {
        Some("try") => newcomer::run(rest),
        Some("test") => test::run(rest),
        Some("prove") => prove::run(rest),
        Some("bench") => bench::run(rest),
        Some("dist") => dist::run(rest),
        Some("lint") => lint::run(),
        None | Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(format!("no task `{other}`\n\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
