//! `tradewind check`

use super::failure::Failure;
use super::gateway_args::config_in_use;
use super::term::Term;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tradewind_config::{CODES, Checked, Code, Diagnostics, Severity, System};

/// Check a configuration: what is wrong with it, and what is probably not meant or not safe
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind check tradewind.yaml\n  tradewind check --deny warnings --format sarif > tradewind.sarif\n  tradewind check --explain no-tls"
)]
pub(super) struct Args {
    /// Configuration file [default: tradewind.yaml, else /etc/tradewind/config.yaml]
    #[arg(env = "TRADEWIND_CONFIG")]
    file: Option<PathBuf>,
    /// The same, as the other commands have it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
    /// What makes it fail besides errors
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Lets findings of this code pass; in the file it can be said for one place (`check.allow`)
    #[arg(long, value_name = "CODE", value_parser = allowed)]
    allow: Vec<&'static Code>,
    /// How findings are written, in place of --output
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Print what a code means, why, and the fix
    #[arg(long, value_name = "CODE", value_parser = known)]
    explain: Option<&'static Code>,
    /// List every object with its owner and what it is for
    #[arg(long)]
    owners: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    /// Warnings
    Warnings,
    /// Warnings and notes
    Notes,
}

impl Deny {
    fn denies(self, worst: Option<Severity>) -> bool {
        match worst {
            Some(Severity::Note) => self == Self::Notes,
            Some(_) => true,
            None => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, with the line and a caret
    Text,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code-scanning services
    Sarif,
}

fn known(name: &str) -> Result<&'static Code, String> {
    Code::named(name).ok_or_else(|| {
        let names: Vec<&str> = CODES.iter().map(|code| code.name).collect();
        format!("there is no such code; there are {}", names.join(", "))
    })
}

fn allowed(name: &str) -> Result<&'static Code, String> {
    match known(name)? {
        code if code.severity == Severity::Error => Err("it is an error, which cannot pass".into()),
        code => Ok(code),
    }
}

/// The file that a command is about.
pub(super) fn named(file: Option<PathBuf>) -> Result<PathBuf, Failure> {
    file.or_else(config_in_use).ok_or_else(|| {
        Failure::usage("no configuration")
            .hint("name a file; there is no tradewind.yaml here, and no /etc/tradewind/config.yaml")
    })
}

pub(super) fn run(args: &Args, term: &Term) -> Result<(), Failure> {
    if let Some(code) = args.explain {
        return explain(code, term);
    }
    let path = named(args.config.clone().or_else(|| args.file.clone()))?;
    let mut loaded = tradewind_config::load(&path, &crate::registry(), &System);
    let findings = match &mut loaded {
        Ok(checked) => &mut checked.warnings,
        Err(findings) => findings,
    };
    for code in &args.allow {
        findings.allow(code.name);
    }
    let findings = findings.clone();
    let denied = args.deny.is_some_and(|deny| deny.denies(findings.worst()));
    let valid = loaded.is_ok() && !denied;
    let format = args.format.unwrap_or_else(|| match term.json() {
        true => Format::Json,
        false => Format::Text,
    });
    match format {
        Format::Json => {
            let objects = loaded.as_ref().map(Checked::objects).unwrap_or_default();
            let allowed = findings.allowed();
            let engines = loaded.as_ref().map(engines).unwrap_or_default();
            term.value(&json!({
                "valid": valid, "findings": findings, "allowed": allowed, "objects": objects, "engines": engines
            }))?;
        }
        Format::Sarif => term.value(&tradewind_config::sarif(
            &findings,
            env!("CARGO_PKG_VERSION"),
        ))?,
        Format::Text => {
            show(&findings, term);
            if let (true, Ok(checked)) = (valid, &loaded) {
                if args.owners {
                    list(checked, term)?;
                }
                term.line(&summary(&path.display().to_string(), checked))?;
                for (name, engine) in engines(checked) {
                    term.line(&lies(&name, &engine))?;
                }
            }
        }
    }
    match (valid, format) {
        (true, _) => Ok(()),
        (false, Format::Text) if loaded.is_ok() => {
            let worst = match findings.worst() {
                Some(Severity::Note) => "notes",
                _ => "warnings",
            };
            Err(Failure::config(format!("{worst} are denied")))
        }
        (false, _) => Err(Failure::config(String::new())),
    }
}

fn summary(path: &str, checked: &Checked) -> String {
    let allowed = match checked.warnings.allowed().len() {
        0 => String::new(),
        count => format!("; {count} finding(s) allowed"),
    };
    format!(
        "{path} is valid: {} source(s), {} stream(s), {} subscription(s){allowed}",
        checked.sources.len(),
        checked.streams.len(),
        checked.subscriptions.len()
    )
}

/// Streams that do not lie in the data directory: where, and what is otherwise there.
fn engines(checked: &Checked) -> BTreeMap<String, Value> {
    let streams = checked.streams.iter();
    let elsewhere = streams.filter_map(|(name, stream)| {
        let built = &stream.engine.as_ref()?.built;
        let told = json!({ "at": built.describe(), "capability": built.capability() });
        Some((name.clone(), told))
    });
    elsewhere.collect()
}

fn lies(stream: &str, engine: &Value) -> String {
    let can = &engine["capability"];
    let without: Vec<&str> = [
        (can["delays"] == false, "events for later"),
        (can["retention-bytes"] == false, "`retention-bytes`"),
    ]
    .into_iter()
    .filter_map(|(lacks, what)| lacks.then_some(what))
    .collect();
    let without = match without.is_empty() {
        true => String::new(),
        false => format!(", without {}", without.join(" and ")),
    };
    format!(
        "stream {stream}: {}; an answer means `{}`; {} identities{without}",
        engine["at"].as_str().unwrap_or_default(),
        can["durability"].as_str().unwrap_or_default(),
        can["dedupe-max"],
    )
}

fn explain(code: &Code, term: &Term) -> Result<(), Failure> {
    match term.json() {
        true => term.value(&json!({
            "code": code.name, "severity": code.severity, "means": code.means, "page": code.page
        }))?,
        false => term.line(code.page.trim_end())?,
    }
    Ok(())
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
