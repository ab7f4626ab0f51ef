//! `tradewind check`

use super::failure::Failure;
use super::gateway_args::default_config;
use super::term::Term;
use serde_json::json;
use std::path::PathBuf;
use tradewind_config::{Checked, Diagnostics, System};

/// Check a configuration, and say where it is wrong
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind check tradewind.yaml\n  tradewind check --deny warnings --output json"
)]
pub(super) struct Args {
    /// Configuration file [default: tradewind.yaml]
    #[arg(env = "TRADEWIND_CONFIG")]
    file: Option<PathBuf>,
    /// The same, as the other commands have it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
    /// What makes it fail besides errors
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// List every object with its owner and what it is for
    #[arg(long)]
    owners: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    /// Warnings
    Warnings,
}

/// The file that a command is about.
pub(super) fn named(file: Option<PathBuf>) -> Result<PathBuf, Failure> {
    file.or_else(default_config).ok_or_else(|| {
        Failure::usage("no configuration").hint("name a file; there is no tradewind.yaml here")
    })
}

pub(super) fn run(args: &Args, term: &Term) -> Result<(), Failure> {
    let path = named(args.config.clone().or_else(|| args.file.clone()))?;
    let loaded = tradewind_config::load(&path, &crate::registry(), &System);
    let (findings, summary) = match &loaded {
        Ok(checked) => (
            &checked.warnings,
            format!(
                "{} is valid: {} source(s), {} stream(s), {} subscription(s)",
                path.display(),
                checked.sources.len(),
                checked.streams.len(),
                checked.subscriptions.len()
            ),
        ),
        Err(findings) => (findings, String::new()),
    };
    let denied = args.deny == Some(Deny::Warnings) && !findings.is_empty();
    let valid = loaded.is_ok() && !denied;
    if term.json() {
        let objects = loaded.as_ref().map(Checked::objects).unwrap_or_default();
        term.value(&json!({ "valid": valid, "findings": findings, "objects": objects }))?;
    } else {
        show(findings, term);
        if valid {
            if let (true, Ok(checked)) = (args.owners, &loaded) {
                list(checked, term)?;
            }
            term.line(&summary)?;
        }
    }
    if valid {
        return Ok(());
    }
    Err(Failure::config(
        if term.json() || !denied || loaded.is_err() {
            String::new()
        } else {
            "warnings are denied".into()
        },
    ))
}

fn list(checked: &Checked, term: &Term) -> Result<(), Failure> {
    let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let rows: Vec<Vec<String>> = checked
        .objects()
        .into_iter()
        .map(|o| vec![o.object.into(), o.name, or(o.owner), or(o.why)])
        .collect();
    term.table(&["object", "name", "owner", "why"], &rows)?;
    Ok(())
}

fn show(findings: &Diagnostics, term: &Term) {
    if !findings.is_empty() {
        term.note(&findings.render_all(term.colour()));
        term.note("");
    }
}
