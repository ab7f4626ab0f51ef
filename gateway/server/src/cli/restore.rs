//! `tradewind restore`

use super::backup::{From, failed, points};
use super::failure::Failure;
use super::term::Term;
use serde_json::json;
use std::path::PathBuf;
use tradewind_store::{Embedded, Finding, Streams};

/// Make a data directory of a backup
///
/// Verifies every part on the way, and then opens the directory once, as a gateway would. It must be
/// empty, or not exist. Delivery goes on from the recovery point: what was delivered after it is
/// delivered again, under the same ids.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind restore --from s3://backups/tradewind --data-dir /var/lib/tradewind\n  \
    tradewind restore 20260501T120000.000Z --from /mnt/backups --data-dir ./restored"
)]
pub(super) struct Args {
    /// Backup [default: the latest]
    id: Option<String>,
    /// Directory that is made
    #[arg(long, env = "TRADEWIND_DATA_DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    from: From,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let repository = args.from.open()?;
    let id = match args.id {
        Some(id) => id,
        None => repository.latest().await.map_err(failed)?,
    };
    if let Some(parent) = args.data_dir.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let done = repository
        .restore(&id, &args.data_dir)
        .await
        .map_err(failed)?;
    let findings = open(&args.data_dir).await.map_err(|error| {
        Failure::new(format!("restored, but it does not open: {error}"))
            .hint("`tradewind backup verify` tells whether the backup is whole")
    })?;
    if term.json() {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        term.value(&json!({ "restored": done, "findings": findings }))?;
        return Ok(());
    }
    term.line(&done.id)?;
    points(&done.points, done.point_ms, term)?;
    for finding in &findings {
        term.note(&format!("damage: {finding}"));
    }
    term.note(&format!(
        "{} bytes and {} rows of state written to {}; it opens",
        done.bytes,
        done.rows,
        args.data_dir.display()
    ));
    Ok(())
}

/// Opens every stream once; what is wrong with them.
async fn open(data: &std::path::Path) -> Result<Vec<Finding>, tradewind_store::Error> {
    let streams = Embedded::open(data)?;
    let mut findings = Vec::new();
    for name in streams.list().await? {
        let settings = streams.settings(&name).await?.unwrap_or_default();
        let stream = streams.open(&name, &settings).await?;
        findings.extend(stream.findings());
        stream.close().await?;
    }
    Ok(findings)
}
