//! Fault loops against the real binary, with an oracle outside the process.
//!
//! The oracle keeps what was acknowledged and what arrived; the gateway is only ever asked from
//! outside. Every proof ends with one line: `<name>: <figures>: holds` or `: falls short`.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod apicurio;
mod audit;
mod authentication;
mod authorisation;
mod aws;
mod aws_migration;
mod backlog;
mod backup;
mod certificates;
mod drain;
mod framed;
mod full;
mod gateway;
mod hostile;
mod hosts;
mod isolation;
mod kill;
mod languages;
mod load;
mod ministack;
mod moto;
mod oracle;
mod outbound;
mod overload;
mod packages;
mod permissions;
mod reload;
mod routes;
mod schemas;
mod secrets;
mod sinks;
mod ssrf;
mod target;
mod telemetry;
mod tenants;
mod tools;
mod vitals;
mod watch;

use clap::Parser;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

type Run = for<'a> fn(&'a Options) -> Pin<Box<dyn Future<Output = Proved> + 'a>>;

/// One line per proof; `xtask/src/prove.rs` has what each is for.
const PROOFS: &[(&str, Run)] = &[
    ("kill", |options| Box::pin(kill::run(options))),
    ("drain", |options| Box::pin(drain::run(options))),
    ("reload", |options| Box::pin(reload::run(options))),
    ("disk-full", |options| Box::pin(full::prove(options))),
    ("isolation", |options| Box::pin(isolation::run(options))),
    ("overload", |options| Box::pin(overload::run(options))),
    ("routes", |options| Box::pin(routes::run(options))),
    ("backlog", |options| Box::pin(backlog::run(options))),
    ("backup", |options| Box::pin(backup::run(options))),
    ("telemetry", |options| Box::pin(telemetry::run(options))),
    ("hostile", |options| Box::pin(hostile::run(options))),
    ("hosts", |options| Box::pin(hosts::run(options))),
    ("packages", |options| Box::pin(packages::run(options))),
    ("languages", |options| Box::pin(languages::run(options))),
    ("aws", |options| Box::pin(aws::run(options))),
    ("aws-migration", |options| {
        Box::pin(aws_migration::run(options))
    }),
    ("aws-permissions", |options| {
        Box::pin(permissions::run(options))
    }),
    ("audit", |options| Box::pin(audit::run(options))),
    ("authentication", |options| {
        Box::pin(authentication::run(options))
    }),
    ("outbound", |options| Box::pin(outbound::run(options))),
    ("authorisation", |options| {
        Box::pin(authorisation::run(options))
    }),
    ("schemas", |options| Box::pin(schemas::run(options))),
    ("framed", |options| Box::pin(framed::run(options))),
    ("secrets", |options| Box::pin(secrets::run(options))),
    ("ssrf", |options| Box::pin(ssrf::run(options))),
    ("tenants", |options| Box::pin(tenants::run(options))),
];

#[derive(Parser)]
#[command(about = "Fault loops against the real binary")]
pub(crate) struct Options {
    /// The proof.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(PROOFS.iter().map(|(name, _)| name)))]
    name: String,
    /// The `tradewind` binary.
    #[arg(long)]
    gateway: PathBuf,
    /// How often; the default is the proof's own.
    #[arg(long)]
    rounds: Option<u32>,
    /// Fewer and shorter steps: seconds instead of minutes.
    #[arg(long)]
    short: bool,
    /// `hostile` with the attacks whose names hold this only.
    #[arg(long)]
    attack: Option<String>,
    /// `hosts` on this one only.
    #[arg(long)]
    host: Option<String>,
    /// How many events; the default is the proof's own.
    #[arg(long)]
    events: Option<u64>,
    /// How many subscriptions; the default is the proof's own.
    #[arg(long)]
    subscriptions: Option<u64>,
    /// `backlog` with ten million pending events, and nothing else.
    #[arg(long)]
    ten_million: bool,
    /// Brokers, `HOST:PORT`: `kill`, `drain` and `reload` with their stream there; what `framed` reads.
    #[arg(long)]
    kafka: Option<String>,
    /// Repeats the random choices of a run; printed by every run.
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    /// The settings of a stream where `--kafka` wants it, else these.
    fn stream(&self, embedded: &str) -> String {
        match &self.kafka {
            None => format!("streams: {{ default: {{ {embedded} }} }}\n"),
            Some(brokers) => format!(
                "streams: {{ default: {{ engine: kafka, cluster: {{ brokers: [\"{brokers}\"] }}, replication: \
                 unreplicated, shared: false, topic-prefix: prove-{:016x} }} }}\n",
                fastrand::u64(..)
            ),
        }
    }
}

/// Figures, or figures and what is wrong.
pub(crate) type Proved = Result<String, (String, String)>;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let name = options.name.as_str();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    fastrand::seed(seed);
    println!("{name}: seed {seed}");
    let Some((_, run)) = PROOFS.iter().find(|(known, _)| *known == name) else {
        return ExitCode::FAILURE;
    };
    let ended = tokio::select! {
        ended = run(&options) => ended,
        // What was started ends with what is dropped here.
        () = told_to_end() => return ExitCode::FAILURE,
    };
    match ended {
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

/// SIGTERM or SIGINT.
async fn told_to_end() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
