//! `tradewind backup`

use super::failure::Failure;
use super::gateway_args::{GatewayArgs, config_in_use};
use super::term::{Term, now_ms, time};
use crate::run::backups::{back_up, explain};
use clap::Subcommand;
use serde_json::json;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use tradewind_backup::{Error, Place, Point, Report, Repository};
use tradewind_config::System;
use tradewind_store::Embedded;

/// Back up a gateway, and look after its backups
///
/// Without a subcommand it makes a backup: of a running gateway, to where its configuration says; or,
/// with --to, of the data directory of one that does not run. Credentials and region of S3 are those
/// of the environment, AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL_S3 and so on.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  tradewind backup\n  tradewind backup list\n  \
    tradewind backup verify --from s3://backups/tradewind\n  \
    tradewind backup --to /mnt/backups --data-dir /var/lib/tradewind    the gateway is stopped"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    create: Create,
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Back up the data directory of a gateway that does not run to this folder or s3://bucket/prefix
    #[arg(long)]
    to: Option<Place>,
    /// Copy everything, also what an earlier backup has: heals what is damaged there
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List backups, oldest first
    #[command(after_help = "Example:\n  tradewind backup list --from s3://backups/tradewind")]
    List {
        #[command(flatten)]
        from: From,
    },
    /// Read a whole backup and compare it with its checksums; exit code 1 where anything is wrong
    #[command(after_help = "Example:\n  tradewind backup verify --from /mnt/backups")]
    Verify {
        /// Backup [default: the latest]
        id: Option<String>,
        #[command(flatten)]
        from: From,
    },
    /// Remove old backups; not while one is being made from elsewhere
    #[command(after_help = "Example:\n  tradewind backup prune --keep 10")]
    Prune {
        /// Backups that stay, the newest ones
        #[arg(long)]
        keep: NonZero<u32>,
        #[command(flatten)]
        from: From,
    },
}

/// Where backups are.
#[derive(Debug, clap::Args)]
pub(super) struct From {
    /// Folder, or s3://bucket/prefix [default: `backup.to` of the configuration]
    #[arg(long)]
    from: Option<Place>,
    /// Configuration of the gateway, to learn where its backups are
    #[arg(long, env = "TRADEWIND_CONFIG")]
    pub(super) config: Option<PathBuf>,
}

impl From {
    pub(super) fn open(&self) -> Result<Repository, Failure> {
        let place = match (&self.from, self.config.clone().or_else(config_in_use)) {
            (Some(place), _) => place.clone(),
            (None, Some(config)) => configured(&config)?,
            (None, None) => {
                return Err(Failure::usage("no place of backups")
                    .hint("name it with --from, or a configuration with --config"));
            }
        };
        Repository::open(&place).map_err(failed)
    }
}

fn configured(config: &Path) -> Result<Place, Failure> {
    let checked = tradewind_config::load(config, &crate::registry(), &System).map_err(|e| {
        Failure::config(e.render(false))
            .hint("name the place with --from, where the configuration cannot be read here")
    })?;
    let Some(backup) = checked.config.backup else {
        return Err(
            Failure::usage(format!("{} has no `backup`", config.display()))
                .hint("name the place with --from"),
        );
    };
    backup.to.parse().map_err(Failure::usage)
}

pub(super) fn failed(error: Error) -> Failure {
    Failure::new(explain(&error))
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    match args.command {
        None => create(args.create, term).await,
        Some(Command::List { from }) => list(&from.open()?, term).await,
        Some(Command::Verify { id, from }) => verify(&from.open()?, id, term).await,
        Some(Command::Prune { keep, from }) => {
            let pruned = from.open()?.prune(keep, now_ms()).await.map_err(failed)?;
            if term.json() {
                return Ok(term.value(&pruned)?);
            }
            for id in &pruned.backups {
                term.line(id)?;
            }
            let (blobs, bytes) = (pruned.blobs, pruned.bytes);
            term.note(&format!(
                "{} backup(s), {blobs} blob(s) of {bytes} bytes removed",
                pruned.backups.len()
            ));
            Ok(())
        }
    }
}

async fn create(args: Create, term: &Term) -> Result<(), Failure> {
    let report: Report = match &args.to {
        None => {
            let client = args.gateway.client()?;
            client
                .post("/v1/backups", json!({ "full": args.full }))
                .await?
        }
        Some(place) => {
            let data = args.gateway.data()?;
            if !data.join("FORMAT").exists() {
                return Err(
                    Failure::new(format!("{} is no data directory", data.display()))
                        .hint("name it with --data-dir"),
                );
            }
            let streams = Embedded::open(&data).map_err(|error| {
                Failure::new(error.to_string())
                    .hint("leave out --to where the gateway runs: it makes the backup itself")
            })?;
            back_up(&streams, place, args.full).await.map_err(failed)?
        }
    };
    if term.json() {
        return Ok(term.value(&report)?);
    }
    term.line(&report.id)?;
    points(&report.points, report.point_ms, term)?;
    term.note(&format!(
        "{} bytes, {} of them new",
        report.bytes, report.copied_bytes
    ));
    Ok(())
}

/// The recovery point.
pub(super) fn points(points: &[Point], point_ms: u64, term: &Term) -> Result<(), Failure> {
    let row = |point: &Point| {
        vec![
            point.stream.clone(),
            point.position.clone(),
            point.events.to_string(),
        ]
    };
    let rows: Vec<_> = points.iter().map(row).collect();
    term.table(&["stream", "everything below", "events"], &rows)?;
    term.note(&format!(
        "all that was acknowledged before {} is in it",
        time(point_ms, 0)
    ));
    Ok(())
}

async fn list(repository: &Repository, term: &Term) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for id in repository.list().await.map_err(failed)? {
        match repository.manifest(&id).await {
            Ok(manifest) => {
                let events: u64 = manifest.points().iter().map(|point| point.events).sum();
                rows.push(vec![
                    id,
                    manifest.streams.len().to_string(),
                    events.to_string(),
                    manifest.bytes().to_string(),
                    manifest.version.clone(),
                ]);
                values.push(json!({
                    "id": manifest.id, "version": manifest.version, "point-ms": manifest.point_ms,
                    "finished-ms": manifest.finished_ms, "points": manifest.points(),
                    "bytes": manifest.bytes(),
                }));
            }
            Err(error) => {
                let why = explain(&error);
                values.push(json!({ "id": id, "error": why }));
                rows.push(vec![id, why]);
            }
        }
    }
    match term.json() {
        true => term.value(&values)?,
        false => term.table(&["backup", "streams", "events", "bytes", "version"], &rows)?,
    }
    Ok(())
}

async fn verify(repository: &Repository, id: Option<String>, term: &Term) -> Result<(), Failure> {
    let id = match id {
        Some(id) => id,
        None => repository.latest().await.map_err(failed)?,
    };
    let found = repository.verify(&id).await.map_err(failed)?;
    match term.json() {
        true => term.value(&found)?,
        false => {
            for fault in &found.faults {
                term.line(fault)?;
            }
            let (blobs, bytes) = (found.blobs, found.bytes);
            term.note(&format!("{id}: {blobs} blobs of {bytes} bytes are whole"));
        }
    }
    match found.faults.len() {
        0 => Ok(()),
        faults => Err(Failure::new(format!("backup {id} has {faults} fault(s)"))
            .hint("`tradewind backup --full` copies everything anew")),
    }
}
