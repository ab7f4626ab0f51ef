//! `tradewind subscriptions`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::scope::Scope;
use super::term::Term;
use clap::Subcommand;
use serde_json::{Value, json};
use tradewind_engine::SubscriptionView;

/// Commands of `tradewind subscriptions`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List subscriptions with their accounts
    #[command(after_help = "Example:\n  tradewind subscriptions list --output json")]
    List {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Stop starting attempts; events wait, also over restarts
    #[command(
        after_help = "Where nodes share the stream, it holds for all of them.\n\nExample:\n  tradewind subscriptions pause deploy"
    )]
    Pause(One),
    /// Deliver again
    #[command(after_help = "Example:\n  tradewind subscriptions resume deploy")]
    Resume(One),
    /// Give up the backlog of a subscription that is gone from the configuration
    #[command(after_help = "Example:\n  tradewind subscriptions discard old-deploy")]
    Discard(One),
}

/// One subscription.
#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// Subscription
    name: String,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::List { gateway } => {
            let all: Vec<SubscriptionView> = gateway.client()?.get("/v1/subscriptions").await?;
            show(&all, term)
        }
        Command::Pause(one) => change("pause", &one, term).await,
        Command::Resume(one) => change("resume", &one, term).await,
        Command::Discard(one) => {
            let path = format!("/v1/subscriptions/{}/discard", encode(&one.name));
            let path = one.scope.on(&path);
            let count: Value = one.gateway.client()?.post(&path, json!({})).await?;
            if term.json() {
                term.value(&count)?;
            } else {
                term.line(&format!("{} event(s) cancelled", count["count"]))?;
            }
            Ok(())
        }
    }
}

async fn change(what: &str, one: &One, term: &Term) -> Result<(), Failure> {
    let path = format!("/v1/subscriptions/{}/{what}", encode(&one.name));
    let path = one.scope.on(&path);
    let view: SubscriptionView = one.gateway.client()?.post(&path, json!({})).await?;
    show(&[view], term)
}

fn show(views: &[SubscriptionView], term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(&views)?;
        return Ok(());
    }
    let rows: Vec<Vec<String>> = views
        .iter()
        .map(|view| {
            let account = &view.account;
            vec![
                view.name.clone(),
                view.stream.clone(),
                view.state.clone(),
                view.circuit.clone(),
                account.matched.to_string(),
                account.accepted.to_string(),
                account.pending.to_string(),
                account.dead_lettered.to_string(),
                view.behind_bytes.to_string(),
                view.sink.clone(),
                view.owner.clone().unwrap_or_else(|| "-".into()),
            ]
        })
        .collect();
    let header = [
        "name", "stream", "state", "circuit", "matched", "accepted", "pending", "dead", "behind",
        "sink", "owner",
    ];
    term.table(&header, &rows)?;
    for view in views {
        if let Some(why) = &view.held_up {
            term.note(&format!(
                "{}: {} reads no further: {why}",
                term.bold("note"),
                view.name
            ));
        }
    }
    for view in views.iter().filter(|view| !view.account.balances()) {
        term.note(&format!(
            "{}: the accounts of {} do not balance yet",
            term.bold("note"),
            view.name
        ));
    }
    Ok(())
}
