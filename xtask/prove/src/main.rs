//! Fault loops against the real binary, with an oracle outside the process.
//!
//! The oracle keeps what was acknowledged and what arrived; the gateway is only ever asked from
//! outside. Every proof ends with one line: `<name>: <figures>: holds` or `: falls short`.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod drain;
mod gateway;
mod kill;
mod load;
mod oracle;
mod reload;
mod sinks;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Fault loops against the real binary")]
struct Cli {
    #[command(subcommand)]
    proof: Proof,
}

#[derive(Subcommand)]
enum Proof {
    /// kill -9 at a random moment of the load, restart, compare.
    Kill(Options),
    /// SIGTERM under load with one sink a black hole.
    Drain(Options),
    /// Reloads under load, half of them invalid.
    Reload(Options),
}

#[derive(clap::Args, Clone)]
pub(crate) struct Options {
    /// The `tradewind` binary.
    #[arg(long)]
    gateway: PathBuf,
    /// How often.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// Repeats a run; printed by every run.
    #[arg(long)]
    seed: Option<u64>,
}

/// Figures, or figures and what is wrong.
pub(crate) type Proved = Result<String, (String, String)>;

#[tokio::main]
async fn main() -> ExitCode {
    let (name, options) = match Cli::parse().proof {
        Proof::Kill(options) => ("kill", options),
        Proof::Drain(options) => ("drain", options),
        Proof::Reload(options) => ("reload", options),
    };
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    fastrand::seed(seed);
    println!("{name}: seed {seed}");
    let proved = match name {
        "kill" => kill::run(&options).await,
        "drain" => drain::run(&options).await,
        _ => reload::run(&options).await,
    };
    match proved {
        Ok(figures) => {
            println!("{name}: {figures}: holds");
            ExitCode::SUCCESS
        }
        Err((figures, what)) => {
            println!("{what}");
            println!("{name}: {figures}: falls short");
            ExitCode::FAILURE
        }
    }
}
