//! `cargo tradewind`: starts a handler, runs it beside a gateway on this machine, and packs it for
//! a host.

mod build;
mod cli;
mod dev;
mod failure;
mod new;
mod package;
mod project;
mod term;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
