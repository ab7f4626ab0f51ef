//! `tradewind streams`

use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::relocate;
use super::term::Term;
use clap::Subcommand;
use serde_json::Value;
use std::collections::BTreeMap;

/// Commands of `tradewind streams`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List streams with their accounts since the gateway started
    #[command(after_help = "Example:\n  tradewind streams list --output json")]
    List {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    Move(relocate::Args),
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    let gateway = match command {
        Command::Move(args) => return relocate::run(args, term).await,
        Command::List { gateway } => gateway,
    };
    let streams: BTreeMap<String, Value> = gateway.client()?.get("/v1/streams").await?;
    if term.json() {
        term.value(&streams)?;
        return Ok(());
    }
    let rows: Vec<Vec<String>> = streams
        .iter()
        .map(|(name, account)| {
            vec![
                name.clone(),
                account["admitted"].to_string(),
                account["appended"].to_string(),
                account["duplicates"].to_string(),
                account["unmatched"].to_string(),
                account["owner"].as_str().unwrap_or("-").to_owned(),
            ]
        })
        .collect();
    let header = [
        "name",
        "admitted",
        "appended",
        "duplicates",
        "unmatched",
        "owner",
    ];
    term.table(&header, &rows)?;
    Ok(())
}
