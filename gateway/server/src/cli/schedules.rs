//! `tradewind schedules`

use super::check::named;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::{Term, now_ms};
use clap::Subcommand;
use serde_json::Value;
use tradewind_config::{Moment, System};

/// Commands of `tradewind schedules`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List schedules, with the next run of each
    #[command(after_help = "Example:\n  tradewind schedules list --output json")]
    List {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Show the runs to come
    ///
    /// Of a running gateway; with --offline, of a configuration file that nobody has put in force.
    #[command(
        after_help = "Examples:\n  tradewind schedules next nightly --count 5\n  \
        tradewind schedules next --offline --config new.yaml --after 2027-03-27T00:00:00Z"
    )]
    Next(NextArgs),
}

/// Arguments of `tradewind schedules next`.
#[derive(Debug, clap::Args)]
pub(super) struct NextArgs {
    /// Schedule [default: all]
    name: Option<String>,
    /// Runs of each
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Runs after this, an RFC 3339 time [default: now]
    #[arg(long, value_parser = moment)]
    after: Option<u64>,
    /// Read the configuration file, and ask no gateway
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// Milliseconds since the Unix epoch.
fn moment(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(Moment::Time(ms)) => Ok(ms),
        _ => Err(format!(
            "`{text}` is not a time; hint: write an RFC 3339 time like 2026-05-01T00:00:00Z"
        )),
    }
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::List { gateway } => {
            let all: Vec<Value> = gateway.client()?.get("/v1/schedules?upcoming=1").await?;
            list(&all, term)
        }
        Command::Next(args) => next(args, term).await,
    }
}

fn list(all: &[Value], term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(&all)?;
        return Ok(());
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|schedule| {
            let next = match schedule["enabled"].as_bool() {
                Some(false) => "disabled".into(),
                _ => schedule["upcoming"][0]["local"]
                    .as_str()
                    .unwrap_or("ended")
                    .to_owned(),
            };
            vec![
                text(&schedule["name"]),
                text(&schedule["when"]),
                next,
                text(&schedule["stream"]),
                text(&schedule["owner"]),
                text(&schedule["why"]),
            ]
        })
        .collect();
    term.table(&["name", "when", "next", "stream", "owner", "why"], &rows)?;
    Ok(())
}

async fn next(args: NextArgs, term: &Term) -> Result<(), Failure> {
    let after = args.after.unwrap_or_else(now_ms);
    let mut all: Vec<Value> = if args.offline {
        let file = named(args.gateway.config.clone())?;
        let checked = tradewind_config::load(&file, &crate::registry(), &System)
            .map_err(|e| Failure::invalid(&e, term))?;
        let all = crate::schedules::schedules(&checked, after, args.count.into());
        all.iter()
            .filter_map(|s| serde_json::to_value(s).ok())
            .collect()
    } else {
        let path = format!("/v1/schedules?upcoming={}&after-ms={after}", args.count);
        args.gateway.client()?.get(&path).await?
    };
    if let Some(name) = &args.name {
        let names: Vec<String> = all
            .iter()
            .filter_map(|s| s["name"].as_str().map(str::to_owned))
            .collect();
        all.retain(|schedule| schedule["name"].as_str() == Some(name));
        if all.is_empty() {
            return Err(Failure::usage(format!("no schedule `{name}`"))
                .hint(format!("there are: {}", names.join(", "))));
        }
    }
    if term.json() {
        term.value(&all)?;
        return Ok(());
    }
    let mut rows = Vec::new();
    for schedule in &all {
        for due in schedule["upcoming"].as_array().into_iter().flatten() {
            let ms = |key: &str| due[key].as_u64().unwrap_or(0);
            let late = ms("fires-ms").saturating_sub(ms("due-ms"));
            rows.push((
                ms("fires-ms"),
                vec![
                    due["local"].as_str().unwrap_or("-").to_owned(),
                    match late {
                        0 => "-".to_owned(),
                        ms => super::term::span(ms),
                    },
                    schedule["name"].as_str().unwrap_or("-").to_owned(),
                ],
            ));
        }
    }
    rows.sort();
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
    term.table(&["due", "jitter", "schedule"], &rows)?;
    Ok(())
}
