//! `tradewind streams move`

use super::failure::Failure;
use super::gateway_args::config_in_use;
use super::term::{Term, now_ms};
use crate::engines::{self, SPACE};
use crate::relocate::{Done, End, Found, Order, Refused, Step};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tradewind_config::{LoadedEngine, LoadedStream, System};
use tradewind_store::Embedded;

/// What the data directory is called, where an engine is named.
const EMBEDDED: &str = "embedded";
/// Pause between two words on how far it is.
const TELL_MS: u64 = 2000;

/// Move a stream from the data directory to where else streams can lie, or back
///
/// One of the two places is the data directory; the other is what the configuration says of the stream (`engine` and
/// what belongs to it): where it is to lie, or lies now. Events go with their times and identities, so that repetitions
/// are recognised and replays by time find them; cursors, retries, dead letters, pauses and history go with them. Positions
/// are others afterwards.
///
/// No gateway may serve the stream meanwhile: the one that has the data directory is stopped, and so are all that share
/// the stream elsewhere. The source is left as it is until the copy was opened again and read; then it is marked as gone,
/// and no gateway serves it any more. What is killed at any moment is begun again by the same command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind streams move orders --to kafka --dry-run         what there is, and whether it can be moved\n  \
    tradewind streams move orders --to kafka                   the file says `engine: kafka` of it already\n  \
    tradewind streams move orders --to embedded                the file still says `engine: kafka` of it; then remove that\n  \
    tradewind streams move orders --to kafka --remove-source   and give up what was left behind"
)]
pub(super) struct Args {
    /// Stream
    name: String,
    /// Where it goes: `embedded` for the data directory, else the `engine` that the configuration says of it
    #[arg(long, value_name = "ENGINE")]
    to: String,
    /// Configuration of the gateway, which says of the stream where it lies outside the data directory
    /// [default: tradewind.yaml, else /etc/tradewind/config.yaml]
    #[arg(long, env = "TRADEWIND_CONFIG")]
    config: Option<PathBuf>,
    /// Data directory of the gateway, in place of what the configuration says
    #[arg(long, env = "TRADEWIND_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Tell what would be moved, and what keeps it from being moved; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove what is left behind, once the stream is served from where it went; also of an earlier move
    #[arg(long, conflicts_with = "dry_run")]
    remove_source: bool,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let failure = Self::new(refused.to_string());
        match refused.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// A stream, and its places.
struct Asked {
    stream: LoadedStream,
    engine: LoadedEngine,
    data: PathBuf,
    file: PathBuf,
}

impl Args {
    fn asked(&self) -> Result<Asked, Failure> {
        let Some(file) = self.config.clone().or_else(config_in_use) else {
            return Err(
                Failure::usage("no configuration, which says where the stream lies")
                    .hint("name it with --config"),
            );
        };
        let checked = tradewind_config::load(&file, &crate::registry(), &System);
        let mut checked = checked.map_err(|e| Failure::config(e.render(false)))?;
        let data = self.data_dir.clone().unwrap_or(checked.config.data_dir);
        let (name, shown) = (&self.name, file.display());
        let Some(stream) = checked.streams.remove(name) else {
            return Err(Failure::usage(format!("{shown} has no stream `{name}`")));
        };
        let Some(engine) = stream.engine.clone() else {
            return Err(Failure::usage(format!(
                "{shown} says of stream `{name}` only that it lies in the data directory"
            ))
            .hint("write its `engine`, and what belongs to it: where it is to lie, or lies now"));
        };
        if self.to != EMBEDDED && self.to != engine.name {
            return Err(Failure::usage(format!(
                "--to {}: {shown} says `engine: {}` of stream `{name}`",
                self.to, engine.name
            ))
            .hint(format!("--to {}, or --to {EMBEDDED}", engine.name)));
        }
        Ok(Asked {
            stream,
            engine,
            data,
            file,
        })
    }
}

impl Asked {
    async fn order(&self, name: &str, to: &str) -> Result<Order, Failure> {
        let here = End {
            streams: Arc::new(open(&self.data)?),
            place: format!("the data directory {}", self.data.display()),
        };
        let node = ("tradewind streams move".to_owned(), self.data.as_path());
        let streams = engines::movable(&*self.engine.built, node).await;
        let there = End {
            streams: streams.map_err(Refused::from)?,
            place: self.engine.built.describe(),
        };
        let (from, to) = match to {
            EMBEDDED => (there, here),
            _ => (here, there),
        };
        Ok(Order {
            name: format!("{SPACE}{name}"),
            from,
            to,
            settings: self.stream.settings.clone(),
        })
    }
}

fn open(data: &Path) -> Result<Embedded, Failure> {
    if !data.join("FORMAT").exists() {
        return Err(
            Failure::new(format!("{} is no data directory", data.display()))
                .hint("name it with --data-dir; a gateway that was started once has made it"),
        );
    }
    Embedded::open(data).map_err(|error| {
        Failure::new(error.to_string())
            .hint("stop the gateway: nobody may serve the stream while it is moved")
    })
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let asked = args.asked()?;
    let order = asked.order(&args.name, &args.to).await?;
    let last = AtomicU64::new(0);
    let told = |step: Step| {
        let now = now_ms();
        let soon = now.saturating_sub(last.load(Ordering::Relaxed)) < TELL_MS;
        if !(soon && matches!(step, Step::Copying(..))) {
            last.store(now, Ordering::Relaxed);
            term.note(&step.to_string());
        }
    };
    let done = match args.dry_run {
        true => order.look().await?,
        false => order.run(&told).await?,
    };
    if args.remove_source {
        order.remove_source().await?;
    }
    show(&args, &asked, &order, &done, term)
}

fn show(
    args: &Args,
    asked: &Asked,
    order: &Order,
    done: &Done,
    term: &Term,
) -> Result<(), Failure> {
    let (name, from, to) = (&args.name, &order.from.place, &order.to.place);
    let outcome = match (done.found, args.dry_run) {
        (Found::Moved, _) => "moved-before",
        (Found::AtSource, true) => "would-move",
        (Found::AtSource, false) => "moved",
    };
    if term.json() {
        return Ok(term.value(&json!({
            "stream": name, "from": from, "to": to, "outcome": outcome, "shards": done.shards,
            "source-removed": args.remove_source,
        }))?);
    }
    let rows: Vec<Vec<String>> = done
        .shards
        .iter()
        .map(|shard| {
            let content = shard.content;
            [
                u64::from(shard.shard),
                content.events,
                content.bytes,
                content.rows,
            ]
            .iter()
            .map(u64::to_string)
            .collect()
        })
        .collect();
    if !rows.is_empty() {
        term.table(&["shard", "events", "bytes", "state"], &rows)?;
    }
    match outcome {
        "would-move" => {
            term.note(&format!(
                "stream `{name}` can be moved from {from} to {to}; nothing was changed"
            ));
            return Ok(());
        }
        "moved" => term.note(&format!("stream `{name}` lies at {to} now")),
        _ => term.note(&format!("stream `{name}` was moved to {to} before")),
    }
    if !args.remove_source {
        term.note(&format!(
            "what lies at {from} is left as it was, and no gateway serves it; --remove-source gives it up"
        ));
    }
    if args.to == EMBEDDED {
        let capability = asked.engine.built.capability();
        term.note(&format!(
            "remove `engine`, and what belongs to it, from stream `{name}` in {} before a gateway starts",
            asked.file.display()
        ));
        if capability.shared {
            term.note(
                "schemas and weights that were changed at run time stay where nodes shared them: say them again",
            );
        }
    }
    Ok(())
}
