//! `tradewind diff`

use super::check::named;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::Term;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tradewind_config::{Checked, System};

/// Say what a configuration would change, and what would follow
///
/// Compares with what the running gateway does, as it would read the file itself; or with another
/// file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind diff new.yaml\n  tradewind diff new.yaml --against old.yaml    needs no gateway"
)]
pub(super) struct Args {
    /// The configuration to be [default: tradewind.yaml, else /etc/tradewind/config.yaml]
    file: Option<PathBuf>,
    /// Compare with this file instead of a gateway
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let file = named(args.file.or_else(|| args.gateway.config.clone()))?;
    let diff = match &args.against {
        Some(old) => {
            let changes = tradewind_config::diff(&load(old, term)?, &load(&file, term)?);
            let text: Vec<String> = changes.iter().map(ToString::to_string).collect();
            json!({ "changes": changes, "text": text.join("\n") })
        }
        None => {
            let text = std::fs::read_to_string(&file).map_err(|error| {
                Failure::new(format!("cannot read {}: {error}", file.display()))
            })?;
            // The gateway resolves relative references from the folder of the name.
            let name = std::path::absolute(&file).unwrap_or(file);
            let candidate = json!({ "name": name.display().to_string(), "text": text });
            args.gateway
                .client()?
                .post::<Value>("/v1/config/diff", candidate)
                .await?
        }
    };
    if term.json() {
        term.value(&diff["changes"])?;
    } else if diff["changes"].as_array().is_none_or(Vec::is_empty) {
        term.note("nothing changes");
    } else {
        term.line(diff["text"].as_str().unwrap_or_default())?;
    }
    Ok(())
}

fn load(path: &Path, term: &Term) -> Result<Checked, Failure> {
    tradewind_config::load(path, &crate::registry(), &System)
        .map_err(|e| Failure::invalid(&e, term))
}
