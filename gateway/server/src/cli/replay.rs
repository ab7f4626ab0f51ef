//! `tradewind replay`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::scope::Scope;
use super::term::Term;
use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};
use tradewind_config::Moment;
use tradewind_engine::ReplayView;

/// Deliver stored events to a subscription again
///
/// A replay is a durable job with accounts of its own; live deliveries are not touched.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  tradewind replay deploy --from oldest\n  \
    tradewind replay deploy --from 2026-05-01T00:00:00Z --rate 50\n  tradewind replay list\n  tradewind replay cancel 7"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: StartArgs,
}

#[derive(Debug, clap::Args)]
struct StartArgs {
    /// Subscription that gets the events again
    #[arg(required = true)]
    subscription: Option<String>,
    /// Where to begin: oldest, or an RFC 3339 time like 2026-05-01T00:00:00Z
    #[arg(long, required = true, value_parser = beginning)]
    from: Option<Moment>,
    /// Most events per second
    #[arg(long)]
    rate: Option<f64>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    gateway: GatewayArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List replay jobs
    #[command(after_help = "Example:\n  tradewind replay list --output json")]
    List {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Cancel a replay job
    #[command(after_help = "Example:\n  tradewind replay cancel 7")]
    Cancel {
        /// Id of the job
        id: String,
        #[command(flatten)]
        scope: Scope,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    match args.command {
        Some(Command::List { gateway }) => {
            let replays: Vec<ReplayView> = gateway.client()?.get("/v1/replays").await?;
            show(&replays, term)
        }
        Some(Command::Cancel { id, scope, gateway }) => {
            let path = scope.on(&format!("/v1/replays/{}", encode(&id)));
            let _: Value = gateway.client()?.call(Method::DELETE, &path, None).await?;
            term.note(&format!("replay {id} is cancelled"));
            Ok(())
        }
        None => start(args.start, term).await,
    }
}

/// New events are delivered anyway, so that a replay never begins at the tip.
fn beginning(text: &str) -> Result<Moment, String> {
    match text.parse() {
        Ok(moment @ (Moment::Oldest | Moment::Time(_))) => Ok(moment),
        _ => Err(format!(
            "a replay does not begin at `{text}`; hint: write oldest, or an RFC 3339 time like 2026-05-01T00:00:00Z"
        )),
    }
}

async fn start(args: StartArgs, term: &Term) -> Result<(), Failure> {
    let from = match args.from {
        Some(Moment::Time(ms)) => json!(ms),
        _ => json!("oldest"),
    };
    let wanted = json!({
        "subscription": args.subscription,
        "from": from,
        "rate-per-second": args.rate,
    });
    let path = args.scope.on("/v1/replays");
    let replay: ReplayView = args.gateway.client()?.post(&path, wanted).await?;
    show(&[replay], term)
}

fn show(replays: &[ReplayView], term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(&replays)?;
        return Ok(());
    }
    let rows: Vec<Vec<String>> = replays
        .iter()
        .map(|replay| {
            let account = &replay.account;
            vec![
                replay.id.clone(),
                replay.subscription.clone(),
                replay.state.clone(),
                account.matched.to_string(),
                account.accepted.to_string(),
                account.pending.to_string(),
                account.dead_lettered.to_string(),
            ]
        })
        .collect();
    let header = [
        "id",
        "subscription",
        "state",
        "matched",
        "accepted",
        "pending",
        "dead",
    ];
    term.table(&header, &rows)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_replay_begins() {
        assert_eq!(beginning("oldest"), Ok(Moment::Oldest));
        assert_eq!(beginning("1970-01-01T00:00:01Z"), Ok(Moment::Time(1000)));
        for wrong in ["yesterday", "tip"] {
            let message = beginning(wrong).unwrap_err();
            assert!(
                message.contains("write oldest, or an RFC 3339 time"),
                "{message}"
            );
        }
    }
}
