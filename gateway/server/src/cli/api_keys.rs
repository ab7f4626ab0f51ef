//! `tradewind api-keys`

use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::{Term, now_ms, time};
use clap::Subcommand;
use serde_json::{Value, json};

/// Commands of `tradewind api-keys`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key: it is shown once, its hash goes into the configuration
    #[command(after_help = "Example:\n  tradewind api-keys create shop")]
    Create {
        /// Id of the key: a-z, 0-9 and -
        id: String,
    },
    /// Make another secret for a key: both count until the old one is taken out
    #[command(after_help = "Example:\n  tradewind api-keys rotate shop")]
    Rotate {
        /// Id of the key
        id: String,
    },
    /// List keys: until when they count, and when each secret was last shown
    #[command(after_help = "Example:\n  tradewind api-keys list --output json")]
    List {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::Create { id } => make(&id, term, |sha256| {
            format!(
                "In the configuration:\n\napi-keys:\n  {id}: {{ sha256: {sha256} }}\nsources:\n  NAME: \
                 {{ kind: http, path: /events, auth: {{ api-keys: [{id}] }} }}"
            )
        }),
        Command::Rotate { id } => make(&id, term, |sha256| {
            format!(
                "In the configuration, before the hash that is there:\n\napi-keys:\n  {id}: {{ sha256: \
                 [{sha256}, OLD] }}\n\nBoth secrets count. When `tradewind api-keys list` shows that nobody \
                 uses the old one any more, take its hash out."
            )
        }),
        Command::List { gateway } => {
            let keys: Vec<Value> = gateway.client()?.get("/v1/api-keys").await?;
            list(&keys, term)
        }
    }
}

#[cfg(feature = "http")]
fn make(id: &str, term: &Term, what_now: impl Fn(&str) -> String) -> Result<(), Failure> {
    let (key, sha256) =
        tradewind_http::api_key::generate(id).map_err(|error| Failure::usage(error.message()))?;
    if term.json() {
        term.value(&json!({ "id": id, "key": key.expose(), "sha256": sha256 }))?;
        return Ok(());
    }
    term.line(key.expose())?;
    let note = what_now(&sha256);
    term.note(&format!("\nkeep it now, it is not shown again. {note}"));
    Ok(())
}

#[cfg(not(feature = "http"))]
fn make(_: &str, _: &Term, _: impl Fn(&str) -> String) -> Result<(), Failure> {
    Err(
        Failure::new("this binary has no http source, which API keys are for")
            .hint("build it with the feature `http`"),
    )
}

fn list(keys: &[Value], term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(&keys)?;
        return Ok(());
    }
    let now = now_ms();
    let at = |value: &Value, never: &str| match value.as_u64() {
        Some(ms) => time(ms, now),
        None => never.to_owned(),
    };
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut rows = Vec::new();
    for key in keys {
        let scopes = key["scopes"].as_array().map(|scopes| {
            let names: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
            names.join(", ")
        });
        let ended = key["expires-ms"].as_u64().is_some_and(|end| end <= now);
        for secret in key["secrets"].as_array().into_iter().flatten() {
            rows.push(vec![
                text(&key["id"]),
                text(&secret["sha256"]),
                at(&secret["last-used-ms"], "not since the start"),
                match ended {
                    true => "ended".to_owned(),
                    false => at(&key["expires-ms"], "never"),
                },
                scopes.clone().unwrap_or_else(|| "-".to_owned()),
                text(&key["owner"]),
            ]);
        }
    }
    let header = ["id", "sha256", "last used", "expires", "scopes", "owner"];
    term.table(&header, &rows)?;
    Ok(())
}
