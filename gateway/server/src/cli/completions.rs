//! `tradewind completions` and `tradewind version`

use super::Cli;
use super::failure::Failure;
use super::term::Term;
use clap::CommandFactory;
use serde_json::json;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  source <(tradewind completions bash)")]
pub(super) struct Args {
    /// Shell
    shell: clap_complete::Shell,
}

/// Print the version
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tradewind version --output json")]
pub(super) struct VersionArgs {}

pub(super) fn run(args: &Args, term: &Term) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tradewind", &mut script);
    term.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(())
}

pub(super) fn version(term: &Term) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let registry = crate::registry();
    let sources: Vec<&str> = registry.source_kinds().collect();
    let sinks: Vec<&str> = registry.sink_kinds().collect();
    if term.json() {
        term.value(&json!({ "version": version, "sources": sources, "sinks": sinks }))?;
    } else {
        term.line(&format!("tradewind {version}"))?;
        term.line(&format!("sources: {}", sources.join(", ")))?;
        term.line(&format!("sinks: {}", sinks.join(", ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(command: &clap::Command, path: &str, without: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            let help = sub.get_after_help().map(ToString::to_string);
            let leaf = sub.get_subcommands().next().is_none();
            if leaf && !help.is_some_and(|text| text.contains("Example")) {
                without.push(path.clone());
            }
            commands(sub, &path, without);
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        let root = Cli::command();
        root.clone().debug_assert();
        let mut without = Vec::new();
        commands(&root, "tradewind", &mut without);
        assert!(without.is_empty(), "no example: {without:?}");
    }
}
