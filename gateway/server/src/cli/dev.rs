//! `tradewind dev`

use super::failure::Failure;
use super::gateway_args::dev_dir;
use super::serve::{Above, failure, until_stopped};
use super::term::Term;
use super::{happening, log};
use crate::run::{self, Error, Options, Running, Stops};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tradewind_config::{Checked, Diagnostics, Log, LogFormat, LogLevel, Mode, Severity};
use tradewind_store::Durability;

/// Run a gateway without any configuration, and print what happens
///
/// Takes CloudEvents, or any body at all, at /events on loopback from whoever is on this machine;
/// with --listen, from whoever reaches that address. Data lies in a temporary directory and is not meant to last.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind dev\n  tradewind dev --to http://127.0.0.1:8090/     deliver to a handler\n  \
    tradewind dev --config tradewind.yaml         with your own configuration"
)]
pub(super) struct Args {
    /// Configuration file, instead of none
    #[arg(long, env = "TRADEWIND_CONFIG", conflicts_with = "to")]
    config: Option<PathBuf>,
    /// Deliver everything to this URL, on loopback or elsewhere
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    #[command(flatten)]
    above: Above,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    log::install(&Log {
        format: LogFormat::Text,
        level: LogLevel::Error,
    });
    let mut above = args.above.clone();
    let temporary = match above.data_dir {
        Some(_) => None,
        None => {
            let dir = private_dir()?;
            above.data_dir = Some(dir.clone());
            Some(dir)
        }
    };
    let amend = {
        let above = above.clone();
        Arc::new(move |checked: &mut Checked| {
            above.amend(checked);
            checked.config.durability = Mode::Ephemeral;
            for stream in checked.streams.values_mut() {
                stream.settings.durability = Durability::Ephemeral;
            }
        })
    };
    let stops = Stops::install()?;
    let running = run::start(Options {
        path: args.config,
        text: configuration(args.to.as_deref()),
        amend,
        drain_delay: Duration::ZERO,
    })
    .await
    .map_err(|error| match (error, &args.to) {
        // The rest of that configuration is ours.
        (Error::Config(findings), Some(_)) => not_a_handler(&findings),
        (error, _) => failure(error, term),
    })?;
    welcome(&running, above.data_dir.as_deref(), term);
    let printing = tokio::spawn(print(running.gateway.engine.happenings(), term.json()));
    let result = until_stopped(running, stops, term).await;
    printing.abort();
    if let Some(dir) = temporary {
        std::fs::remove_dir_all(dir).ok();
    }
    result
}

fn not_a_handler(findings: &Diagnostics) -> Failure {
    let told: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.message.as_str())
        .collect();
    Failure::usage(format!("--to: {}", told.join("; ")))
        .hint("write a URL such as http://127.0.0.1:8090/ or https://example.com/events")
}

/// What is to be said where strangers may reach a source that asks nobody who they are.
fn exposed(listen: SocketAddr, warnings: &Diagnostics) -> Option<String> {
    let open = warnings.iter().any(|w| w.code == "no-authentication");
    (open && !listen.ip().is_loopback()).then(|| {
        format!("anybody who reaches {listen} can publish: a source there asks nobody who they are")
    })
}

fn configuration(to: Option<&str>) -> String {
    let sink = match to {
        // JSON is YAML, and quotes whatever was typed.
        Some(url) => serde_json::json!({
            "kind": "http", "url": url, "allow-private": ["127.0.0.0/8", "::1/128"]
        }),
        None => serde_json::json!({ "kind": "memory" }),
    };
    let name = if to.is_some() { "handler" } else { "nowhere" };
    serde_json::json!({
        "durability": "ephemeral",
        "sources": { "events": {
            "kind": "http",
            "path": "/events",
            "auth": "none-i-understand",
            "raw": { "type": "dev.body", "source": "/dev" },
        }},
        "subscriptions": { name: { "sink": sink } },
    })
    .to_string()
}

/// The usual place, so that the other commands find it; another one where it is taken.
fn private_dir() -> Result<PathBuf, Failure> {
    let usual = dev_dir();
    // What an earlier run left behind was not meant to last; one that is running has a socket that
    // answers.
    let busy = std::os::unix::net::UnixStream::connect(usual.join("admin.sock")).is_ok();
    if !busy {
        std::fs::remove_dir_all(&usual).ok();
        if std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&usual)
            .is_ok()
        {
            return Ok(usual);
        }
    }
    Ok(tempfile::Builder::new()
        .prefix("tradewind-dev-")
        .tempdir()?
        .keep())
}

fn welcome(running: &Running, data_dir: Option<&Path>, term: &Term) {
    let url = format!("http://{}", running.listen);
    let at = match data_dir {
        Some(dir) if dir != dev_dir() => format!(" --data-dir {}", dir.display()),
        _ => String::new(),
    };
    let config = running.gateway.config.load();
    let path = config
        .checked
        .sources
        .values()
        .find(|source| source.common.kind == "http")
        .and_then(|source| source.common.path.clone());
    if let Some(warning) = exposed(running.listen, &config.checked.warnings) {
        term.note(&format!("{}: {warning}", term.red("warning")));
    }
    term.note(&format!("listening on {url}; Ctrl-C stops\n"));
    term.note("try, in another terminal:\n");
    if let Some(path) = path {
        term.note(&format!(
            "  curl -i {url}{path} -H 'ce-specversion: 1.0' -H 'ce-id: 1' -H 'ce-source: /shop' \\\n    \
             -H 'ce-type: order.placed' -H 'content-type: application/json' -d '{{\"total\":42}}'"
        ));
    }
    term.note(&format!(
        "  tradewind send --type order.placed --data '{{\"total\":42}}'{at}"
    ));
    term.note(&format!(
        "  tradewind explain <id or position>{at}\n  tradewind subscriptions list{at}\n"
    ));
}

async fn print(
    mut happenings: tokio::sync::broadcast::Receiver<tradewind_engine::Happening>,
    json: bool,
) {
    let term = Term::new(Default::default());
    loop {
        let line = match happenings.recv().await {
            Ok(happening) if json => serde_json::to_string(&happening).unwrap_or_default(),
            Ok(happening) => happening::line(&happening),
            Err(RecvError::Lagged(missed)) => format!("({missed} lines missed)"),
            Err(RecvError::Closed) => return,
        };
        if term.flow(&line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_config::System;

    fn load(text: &str) -> Result<Checked, Diagnostics> {
        tradewind_config::load_str("built-in.yaml", text, &crate::registry(), &System)
    }

    #[test]
    fn an_open_source_on_the_network_is_warned_of() {
        let built_in = load(&configuration(None)).unwrap();
        let none = load("sources: {}").unwrap();
        for (listen, warnings, warned) in [
            ("0.0.0.0:8080", &built_in.warnings, true),
            ("[::]:8080", &built_in.warnings, true),
            ("192.0.2.1:8080", &built_in.warnings, true),
            ("127.0.0.1:8080", &built_in.warnings, false),
            ("[::1]:8080", &built_in.warnings, false),
            ("0.0.0.0:8080", &none.warnings, false),
        ] {
            let said = exposed(listen.parse().unwrap(), warnings);
            assert_eq!(said.is_some(), warned, "{listen}: {said:?}");
        }
    }

    #[test]
    #[cfg(feature = "http")]
    fn a_handler_that_is_none_is_told_of_by_its_flag() {
        let findings = load(&configuration(Some("nonsense"))).unwrap_err();
        let failure = not_a_handler(&findings);
        assert_eq!(failure.code, 2);
        let told = failure.value();
        let error = told["error"].as_str().unwrap();
        assert!(
            error.starts_with("--to: ") && !error.contains("built-in"),
            "{told}"
        );
        assert!(
            told["hint"].as_str().unwrap().contains("write a URL"),
            "{told}"
        );
        assert!(load(&configuration(Some("http://127.0.0.1:8090/"))).is_ok());
    }
}
