//! `tradewind dead-letters`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::scope::Scope;
use super::term::{Term, now_ms, plain, span, time};
use clap::Subcommand;
use serde_json::{Value, json};
use tradewind_engine::DeadLetter;

/// Commands of `tradewind dead-letters`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the dead letters of a subscription, oldest first
    #[command(after_help = "Example:\n  tradewind dead-letters list deploy")]
    List {
        /// Subscription
        subscription: String,
        /// Most entries
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Where the page before ended
        #[arg(long)]
        after: Option<String>,
        #[command(flatten)]
        scope: Scope,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Show one dead letter: its attempts and its event
    #[command(after_help = "Example:\n  tradewind dead-letters show deploy 0/18231")]
    Show {
        /// Subscription
        subscription: String,
        /// Position, shard/offset
        position: String,
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Deliver dead letters again
    #[command(
        override_usage = "tradewind dead-letters redrive [OPTIONS] <SUBSCRIPTION> <POSITION|--all>",
        after_help = "Examples:\n  tradewind dead-letters redrive deploy 0/18231\n  tradewind dead-letters redrive deploy --all"
    )]
    Redrive(Which),
    /// Remove dead letters for good
    #[command(
        override_usage = "tradewind dead-letters purge [OPTIONS] <SUBSCRIPTION> <POSITION|--all>",
        after_help = "Examples:\n  tradewind dead-letters purge deploy 0/18231\n  tradewind dead-letters purge deploy --all"
    )]
    Purge(Which),
}

/// Which dead letters.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["position", "all"])))]
pub(super) struct Which {
    /// Subscription
    subscription: String,
    /// Position, shard/offset; or --all
    position: Option<String>,
    /// All of the subscription, instead of one position
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::List {
            subscription,
            limit,
            after,
            scope,
            gateway,
        } => {
            let mut path = format!("{}?limit={limit}", base(&subscription));
            if let Some(after) = after {
                path.push_str(&format!("&after={}", encode(&after)));
            }
            let page: Value = gateway.client()?.get(&scope.on(&path)).await?;
            list(&page, term)
        }
        Command::Show {
            subscription,
            position,
            gateway,
        } => {
            let Some((shard, offset)) = position.split_once('/') else {
                return Err(Failure::usage(format!("`{position}` is not a position"))
                    .hint("write shard/offset, for instance 0/18231"));
            };
            let path = format!(
                "{}/{}/{}",
                base(&subscription),
                encode(shard),
                encode(offset)
            );
            let letter: Value = gateway.client()?.get(&path).await?;
            show(&letter, term)
        }
        Command::Redrive(which) => change("redrive", which, term).await,
        Command::Purge(which) => change("purge", which, term).await,
    }
}

fn base(subscription: &str) -> String {
    format!("/v1/subscriptions/{}/dead-letters", encode(subscription))
}

fn list(page: &Value, term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(page)?;
        return Ok(());
    }
    let letters = letters(&page["dead-letters"])?;
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| {
            let last = letter.attempts.last().and_then(|a| a.reason.as_ref());
            vec![
                letter.position.clone(),
                time(letter.at_ms, now_ms()),
                letter.cause.clone(),
                letter.attempts.len().to_string(),
                plain(&letter.id),
                plain(&letter.ty),
                last.map_or(String::new(), |reason| plain(&reason.to_string())),
            ]
        })
        .collect();
    let header = [
        "position", "since", "cause", "attempts", "id", "type", "last",
    ];
    term.table(&header, &rows)?;
    if let Some(next) = page["next"].as_str() {
        term.note(&format!("{}: more with --after {next}", term.bold("hint")));
    }
    Ok(())
}

fn letters(value: &Value) -> Result<Vec<DeadLetter>, Failure> {
    serde_json::from_value(value.clone())
        .map_err(|error| Failure::new(format!("the gateway's answer is not understood: {error}")))
}

fn show(whole: &Value, term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(whole)?;
        return Ok(());
    }
    let one = Value::Array(vec![whole["dead-letter"].clone()]);
    for letter in letters(&one)? {
        let now = now_ms();
        term.line(&format!(
            "{}@{}  {}  {}",
            letter.stream,
            letter.position,
            letter.cause,
            time(letter.at_ms, now)
        ))?;
        for attempt in &letter.attempts {
            let reason = attempt.reason.as_ref().map(ToString::to_string);
            term.line(&format!(
                "attempt {}  {}  {}  {}  {}",
                attempt.number,
                time(attempt.at_ms, now),
                attempt.outcome,
                span(attempt.took_ms),
                plain(&reason.unwrap_or_default())
            ))?;
        }
    }
    term.value(&whole["event"])?;
    Ok(())
}

async fn change(what: &str, which: Which, term: &Term) -> Result<(), Failure> {
    let path = format!("{}/{what}", base(&which.subscription));
    let path = which.scope.on(&path);
    let body = match &which.position {
        Some(position) => json!({ "position": position }),
        None => json!({ "all": true }),
    };
    let count: Value = which.gateway.client()?.post(&path, body).await?;
    if term.json() {
        term.value(&count)?;
    } else {
        term.line(&format!("{} dead letter(s): {what}", count["count"]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn the_usage_says_how_to_mean_all() {
        for what in ["redrive", "purge"] {
            let refused = Cli::try_parse_from(["tradewind", "dead-letters", what, "deploy"]);
            let text = refused.unwrap_err().to_string();
            let usage = format!("dead-letters {what} [OPTIONS] <SUBSCRIPTION> <POSITION|--all>");
            assert!(text.contains(&usage), "{text}");
        }
    }
}
