//! The command line: data to stdout, everything else to stderr.

mod api_keys;
mod audit;
#[cfg(feature = "backup")]
mod backup;
mod check;
mod client;
mod compare;
mod completions;
mod contracts;
mod cutover;
mod dead_letters;
mod dev;
mod diff;
mod event;
mod explain;
mod failure;
mod filter;
mod gateway_args;
mod happening;
mod import;
mod input;
mod log;
mod man;
mod permissions;
mod policy;
mod registered;
mod relocate;
mod replay;
#[cfg(feature = "backup")]
mod restore;
mod schedules;
mod schema;
mod scope;
mod secured;
mod send;
mod serve;
#[cfg(feature = "webhooks")]
mod simulate;
mod sources;
mod status;
mod streams;
mod subscriptions;
mod tail;
mod term;
mod transform;
mod written;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;
use term::Term;

/// An event gateway that does not lose events.
#[derive(Debug, Parser)]
#[command(
    name = "tradewind",
    version,
    propagate_version = true,
    after_help = "Examples:\n  tradewind dev                          try it without any configuration\n  \
        tradewind serve --config tradewind.yaml\n  tradewind explain 6f1c2a90             what happened to my event?\n\n\
        Exit codes: 0 ok, 1 failed, 2 wrong usage, 78 bad configuration"
)]
pub struct Cli {
    /// How data is written: text for people, json for programs
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "TRADEWIND_OUTPUT"
    )]
    output: term::Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Dev(dev::Args),
    Check(check::Args),
    Diff(diff::Args),
    /// Everything about the configuration file
    #[command(subcommand)]
    Config(schema::Command),
    Send(send::Args),
    Tail(tail::Args),
    Explain(explain::Args),
    Replay(replay::Args),
    /// What could not be delivered
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    Compare(compare::Args),
    Cutover(cutover::Args),
    /// What is delivered where
    #[command(subcommand)]
    Subscriptions(subscriptions::Command),
    /// Durable logs of events
    #[command(subcommand)]
    Streams(streams::Command),
    /// Read providers' payloads, and write events as providers do
    #[command(subcommand)]
    Event(event::Command),
    #[cfg(feature = "webhooks")]
    Simulate(simulate::Args),
    /// Try filters without a gateway
    #[command(subcommand)]
    Filter(filter::Command),
    /// What data must look like: tried without a gateway, or in a running one
    #[command(subcommand)]
    Schema(contracts::Command),
    /// Try policies and roles without a gateway
    #[command(subcommand)]
    Policy(policy::Command),
    /// Try transforms without a gateway
    #[command(subcommand)]
    Transform(transform::Command),
    /// Read what other event services have, and write a configuration
    #[command(subcommand)]
    Import(import::Command),
    Permissions(permissions::Args),
    /// Where events come from
    #[command(subcommand)]
    Sources(sources::Command),
    /// Events by the clock
    #[command(subcommand)]
    Schedules(schedules::Command),
    /// Keys that senders and operators show
    #[command(subcommand)]
    ApiKeys(api_keys::Command),
    /// What operators did, in a log in which no byte changes unseen
    #[command(subcommand)]
    Audit(audit::Command),
    Status(status::Args),
    #[cfg(feature = "backup")]
    Backup(backup::Args),
    #[cfg(feature = "backup")]
    Restore(restore::Args),
    Completions(completions::Args),
    Man(man::Args),
    Version(completions::VersionArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; clap knows which is which.
            error.print().ok();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let term = Term::new(cli.output);
    match run(cli.command, &term) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(&term);
            ExitCode::from(failure.code)
        }
    }
}

fn run(command: Command, term: &Term) -> Result<(), Failure> {
    let serves = matches!(command, Command::Serve(_) | Command::Dev(_));
    let mut runtime = if serves {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::run(args, term).await,
            Command::Dev(args) => dev::run(args, term).await,
            Command::Check(args) => check::run(&args, term),
            Command::Diff(args) => diff::run(args, term).await,
            Command::Config(command) => schema::run(&command, term),
            Command::Send(args) => send::run(args, term).await,
            Command::Tail(args) => tail::run(args, term).await,
            Command::Explain(args) => explain::run(args, term).await,
            Command::Replay(args) => replay::run(args, term).await,
            Command::DeadLetters(command) => dead_letters::run(command, term).await,
            Command::Compare(args) => compare::run(args, term).await,
            Command::Cutover(args) => cutover::run(args, term).await,
            Command::Subscriptions(command) => subscriptions::run(command, term).await,
            Command::Streams(command) => streams::run(command, term).await,
            Command::Sources(command) => sources::run(command, term).await,
            Command::Event(command) => event::run(&command, term),
            #[cfg(feature = "webhooks")]
            Command::Simulate(args) => simulate::run(args, term).await,
            Command::Filter(command) => filter::run(&command, term),
            Command::Schema(command) => contracts::run(command, term).await,
            Command::Policy(command) => policy::run(&command, term),
            Command::Transform(command) => transform::run(&command, term),
            Command::Permissions(args) => permissions::run(&args, term),
            Command::Import(command) => import::run(&command, term),
            Command::Schedules(command) => schedules::run(command, term).await,
            Command::Audit(command) => audit::run(command, term),
            Command::ApiKeys(command) => api_keys::run(command, term).await,
            Command::Status(args) => status::run(args, term).await,
            #[cfg(feature = "backup")]
            Command::Backup(args) => backup::run(args, term).await,
            #[cfg(feature = "backup")]
            Command::Restore(args) => restore::run(args, term).await,
            Command::Completions(args) => completions::run(&args, term),
            Command::Man(args) => man::run(&args),
            Command::Version(_) => completions::version(term),
        }
    })
}
