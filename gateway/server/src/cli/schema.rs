//! `tradewind config`

use super::failure::Failure;
use super::term::Term;
use clap::Subcommand;

/// Commands of `tradewind config`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the JSON Schema of the configuration file, for editors
    #[command(after_help = "Example:\n  tradewind config schema > tradewind.schema.json")]
    Schema,
}

pub(super) fn run(command: &Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::Schema => term.value(&tradewind_config::schema(&crate::registry()))?,
    }
    Ok(())
}
