//! The command line: data to stdout, everything else to stderr.

use crate::term::{Output, Term};
use crate::{dev, new, package};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Write an event handler once, run it on any host
#[derive(Debug, Parser)]
#[command(
    name = "cargo tradewind",
    bin_name = "cargo tradewind",
    version,
    after_help = "Examples:\n  cargo tradewind new orders               a project with a handler and its test\n  \
        cargo tradewind dev                      run it behind a local gateway, reload on change\n  \
        cargo tradewind package --for lambda     pack it, and print how to deploy it\n\n\
        Exit codes: 0 ok, 1 failed, 2 wrong usage"
)]
struct Cli {
    /// How data is written: text for people, json for programs
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "TRADEWIND_OUTPUT"
    )]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::Args),
    Dev(dev::Args),
    Package(package::Args),
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(arguments(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; clap knows which is which.
            error.print().ok();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let term = Term::new(cli.output);
    let done = match cli.command {
        Command::New(args) => new::run(&args, &term),
        Command::Dev(args) => dev::run(&args, &term),
        Command::Package(args) => package::run(&args, &term),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(&term);
            ExitCode::from(failure.code)
        }
    }
}

/// Cargo calls a subcommand with its name as the first argument; who calls the program itself need not.
fn arguments<T: Into<std::ffi::OsString>>(all: impl Iterator<Item = T>) -> Vec<std::ffi::OsString> {
    let mut all: Vec<_> = all.map(Into::into).collect();
    if all.get(1).is_some_and(|first| first == "tradewind") {
        all.remove(1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_each_command_shows_examples() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands_mut() {
            let help = sub.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{}", sub.get_name());
        }
    }

    #[test]
    fn cargo_and_people_call_it_alike() {
        let by_cargo = arguments(["cargo-tradewind", "tradewind", "new", "x"].into_iter());
        let by_hand = arguments(["cargo-tradewind", "new", "x"].into_iter());
        assert_eq!(by_cargo, by_hand);
        assert!(Cli::try_parse_from(by_cargo).is_ok());
    }
}
