//! `tradewind api-keys`

use super::failure::Failure;
use super::term::Term;
use clap::Subcommand;
#[cfg(feature = "http")]
use serde_json::json;

/// Commands of `tradewind api-keys`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key: it is shown once, its hash goes into the configuration
    #[command(after_help = "Example:\n  tradewind api-keys create shop")]
    Create {
        /// Id of the key: a-z, 0-9 and -
        id: String,
    },
}

#[cfg(feature = "http")]
pub(super) fn run(command: &Command, term: &Term) -> Result<(), Failure> {
    let Command::Create { id } = command;
    let (key, sha256) =
        tradewind_http::api_key::generate(id).map_err(|error| Failure::usage(error.message()))?;
    if term.json() {
        term.value(&json!({ "id": id, "key": key.expose(), "sha256": sha256 }))?;
        return Ok(());
    }
    term.line(key.expose())?;
    term.note(&format!(
        "\nkeep it now, it is not shown again. In the configuration:\n\n\
         api-keys:\n  {id}: {{ sha256: {sha256} }}\nsources:\n  NAME: {{ kind: http, path: /events, \
         auth: {{ api-keys: [{id}] }} }}"
    ));
    Ok(())
}

#[cfg(not(feature = "http"))]
pub(super) fn run(_: &Command, _: &Term) -> Result<(), Failure> {
    Err(
        Failure::new("this binary has no http source, which API keys are for")
            .hint("build it with the feature `http`"),
    )
}
