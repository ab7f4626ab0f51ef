//! `tradewind audit`

use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::{Term, plain};
use crate::run::audit::DIR;
use clap::Subcommand;
use serde_json::Value;
use std::io::ErrorKind;
use std::path::PathBuf;
use tradewind_audit::{Fault, Head, Record, Report};

/// Commands of `tradewind audit`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what operators did, oldest first
    #[command(
        after_help = "Examples:\n  tradewind audit list --data-dir /var/lib/tradewind\n  \
            tradewind audit list --what purge --object 'subscription orders' --output json"
    )]
    List {
        #[command(flatten)]
        of: Of,
        /// Only lines after this number
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// Only this action, for instance purge
        #[arg(long)]
        what: Option<String>,
        /// Only by this principal
        #[arg(long)]
        by: Option<String>,
        /// Only on this object, for instance 'subscription orders'
        #[arg(long)]
        object: Option<String>,
        /// Only this owner's objects
        #[arg(long)]
        owner: Option<String>,
        /// Most lines: the last ones
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Hold every byte against its hashes; prints the head, to be kept elsewhere
    ///
    /// Finds every byte that was changed, added, moved or removed, also while the gateway runs. Who may write all
    /// files of the log can write another log, whole and with its own hashes: a head that is kept elsewhere tells.
    #[command(
        after_help = "Examples:\n  tradewind audit verify --data-dir /var/lib/tradewind\n  \
            tradewind audit verify --head 4711:9f86d0...\n\nExit codes: 0 as it was written, 1 not"
    )]
    Verify {
        #[command(flatten)]
        of: Of,
        /// A head that was kept elsewhere, SEQ:HASH: the log must still hold that line
        #[arg(long)]
        head: Option<Head>,
    },
}

/// Which log.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// Data directory of the gateway; the log is audit in it
    #[arg(long, env = "TRADEWIND_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration of the gateway, to learn its data directory
    #[arg(long, env = "TRADEWIND_CONFIG")]
    config: Option<PathBuf>,
}

impl Of {
    fn dir(self) -> Result<PathBuf, Failure> {
        let gateway = GatewayArgs {
            admin: None,
            data_dir: self.data_dir,
            config: self.config,
            token: None,
            tls: Default::default(),
        };
        let dir = gateway.data()?.join(DIR);
        match dir.metadata() {
            Ok(found) if found.is_dir() => Ok(dir),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::new(format!(
                "cannot read {}: {error}",
                dir.display()
            ))),
            _ => Err(Failure::new(format!("there is no {}", dir.display()))
                .hint("name the gateway's --data-dir")),
        }
    }
}

pub(super) fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::List {
            of,
            after,
            what,
            by,
            object,
            owner,
            limit,
        } => {
            let same = |wanted: &Option<String>, has: Option<&str>| {
                wanted.as_deref().is_none_or(|wanted| Some(wanted) == has)
            };
            let mut found = std::collections::VecDeque::new();
            tradewind_audit::read(&of.dir()?, |record| {
                let entry = &record.entry;
                let wanted = record.seq > after
                    && same(&what, Some(&entry.what))
                    && same(&by, Some(&entry.by))
                    && same(&object, entry.object.as_deref())
                    && same(&owner, entry.owner.as_deref());
                if wanted {
                    if found.len() == limit.max(1) {
                        found.pop_front();
                    }
                    found.push_back(record);
                }
            })
            .map_err(|error| Failure::new(error.to_string()))?;
            list(found.make_contiguous(), term)
        }
        Command::Verify { of, head } => {
            let report = tradewind_audit::verify(&of.dir()?, head)
                .map_err(|error| Failure::new(error.to_string()))?;
            show(&report, term)
        }
    }
}

fn list(records: &[Record], term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(&records)?;
        return Ok(());
    }
    let or = |text: &Option<String>| plain(text.as_deref().unwrap_or("-"));
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| {
            let entry = &record.entry;
            let outcome = match (&entry.outcome, entry.of) {
                (Some(outcome), Some(of)) => format!("{of}: {outcome}"),
                _ => detail(entry.detail.as_ref()),
            };
            vec![
                record.seq.to_string(),
                plain(&record.at),
                plain(&entry.by),
                plain(&entry.what),
                or(&entry.object),
                or(&entry.owner),
                or(&entry.why),
                plain(&outcome),
            ]
        })
        .collect();
    let header = ["", "at", "by", "what", "object", "owner", "why", "detail"];
    term.table(&header, &rows)?;
    Ok(())
}

/// On one line; a change of the configuration by the keys that differ.
fn detail(detail: Option<&Value>) -> String {
    let Some(detail) = detail else {
        return "-".into();
    };
    match detail["keys"].as_array() {
        Some(keys) => {
            let keys: Vec<&str> = keys.iter().filter_map(|key| key["key"].as_str()).collect();
            keys.join(", ")
        }
        None => detail.to_string(),
    }
}

fn show(report: &Report, term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(report)?;
    } else {
        term.line(report.head.as_deref().unwrap_or("-"))?;
        for Fault { file, line, what } in &report.faults {
            let place = match (file.as_str(), line) {
                ("", _) => String::new(),
                (file, 0) => format!("{file}: "),
                (file, line) => format!("{file}:{line}: "),
            };
            term.note(&format!("{place}{what}"));
        }
    }
    if report.unfinished {
        term.note("the last line is not finished: a crash, or a gateway that writes just now");
    }
    if report.holds() {
        term.note(&format!(
            "{} lines in {} files, from {}: as they were written",
            report.records,
            report.files,
            report.first.unwrap_or_default()
        ));
        return Ok(());
    }
    Err(Failure::new(format!(
        "the audit log was changed: {} faults",
        report.fault_count
    ))
    .hint("keep a copy of the folder; what is still whole is shown by `tradewind audit list`"))
}
