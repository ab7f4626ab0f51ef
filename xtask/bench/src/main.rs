//! CPU per event of the gateway against baselines, measured from outside in one run.
//!
//! Every side is a process of its own: the gateway, the baselines S, F and L, the target of
//! deliveries and the load generator. Runs of all sides alternate; a row shows the median and the
//! range. What is judged is CPU time, which a busy machine disturbs far less than rates and
//! latencies.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod disk;
mod figures;
mod gateway;
mod load;
mod process;
mod proxy;
mod role;
mod runtime_api;
mod scenario;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "CPU per event of the gateway against baselines")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accept in memory, against S.
    Accept(Options),
    /// Synchronous pass-through, against F.
    Forward(Options),
    /// Accept with fdatasync before the answer, against L.
    Durable(Options),
    /// Durable accept and delivery to one HTTP target, against F.
    Deliver(Options),
    /// What each further target of an event costs.
    FanOut(Options),
    /// Memory at rest and the time to the first 2xx.
    Idle(Options),
    /// From SQS to HTTP and from HTTP to SQS.
    Aws(Options),
    /// From HTTP over a stream on Kafka to HTTP, and from a topic to HTTP.
    #[cfg(feature = "kafka")]
    Kafka(Options),
    /// Everything but `aws` and `kafka`, which need Java.
    All(Options),
    /// The SDK against bare lambda_runtime and bare axum.
    Sdk(SdkOptions),
    /// A process of a scenario.
    #[command(subcommand, hide = true)]
    Role(role::Role),
}

/// How long and with what to measure.
#[derive(clap::Args, Clone)]
pub(crate) struct Options {
    /// The `tradewind` binary.
    #[arg(long)]
    gateway: PathBuf,
    /// Runs of each side.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Three runs with a fifth of the events: for development, too coarse to quote.
    #[arg(long)]
    quick: bool,
    /// Adds rows for baselines on a current-thread runtime; they are not judged.
    #[arg(long)]
    reference: bool,
    /// Adds a row to `accept`, judged as well: with a hundred policies and a schema.
    #[arg(long)]
    trusted: bool,
    /// A folder with the jars of the server: ElasticMQ for `aws`, Apache Kafka for `kafka`.
    #[arg(long)]
    jars: Option<PathBuf>,
}

/// The same without a gateway.
#[derive(clap::Args, Clone)]
pub(crate) struct SdkOptions {
    /// Folder of what is measured.
    #[arg(long)]
    subjects: PathBuf,
    /// Runs of each side.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Three runs with a fifth of the events: for development, too coarse to quote.
    #[arg(long)]
    quick: bool,
}

impl Options {
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 3 } else { self.rounds.max(1) }
    }
    pub(crate) fn events(&self, full: u64) -> u64 {
        if self.quick { full / 5 } else { full }
    }
}

type Scenario = fn(&Options) -> Result<(), String>;

const ALL: [Scenario; 6] = [
    scenario::accept,
    scenario::forward,
    scenario::durable,
    scenario::deliver,
    scenario::fan_out,
    scenario::idle,
];

fn main() -> ExitCode {
    let (options, scenarios): (_, &[Scenario]) = match Cli::parse().command {
        Command::Role(role) => return role::play(role),
        Command::Sdk(options) => {
            let done = scenario::sdk(&options);
            if let Err(message) = &done {
                println!("{message}");
            }
            return if done.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        Command::Accept(options) => (options, &[scenario::accept]),
        Command::Forward(options) => (options, &[scenario::forward]),
        Command::Durable(options) => (options, &[scenario::durable]),
        Command::Deliver(options) => (options, &[scenario::deliver]),
        Command::FanOut(options) => (options, &[scenario::fan_out]),
        Command::Idle(options) => (options, &[scenario::idle]),
        Command::Aws(options) => (options, &[scenario::aws]),
        #[cfg(feature = "kafka")]
        Command::Kafka(options) => (options, &[scenario::kafka]),
        Command::All(options) => (options, &ALL),
    };
    let mut failed = Vec::new();
    for scenario in scenarios {
        if let Err(message) = scenario(&options) {
            println!("{message}");
            failed.push(message);
        }
        println!();
    }
    if scenarios.len() > 1 {
        println!(
            "all: {} of {} hold",
            scenarios.len() - failed.len(),
            scenarios.len()
        );
    }
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
