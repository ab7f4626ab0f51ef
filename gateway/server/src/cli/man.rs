//! `tradewind man`

use super::Cli;
use super::failure::Failure;
use clap::CommandFactory;
use std::path::PathBuf;

/// Write the man pages to a folder
///
/// One page for each command, in section 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tradewind man /usr/local/share/man/man1")]
pub(super) struct Args {
    /// Folder, made where it is missing
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.folder));
    written.map_err(|error| Failure::new(format!("{}: {error}", args.folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        run(&Args {
            folder: folder.path().join("man1"),
        })
        .unwrap();
        let page = |name: &str| std::fs::read_to_string(folder.path().join("man1").join(name));
        assert!(
            page("tradewind.1")
                .unwrap()
                .contains("tradewind\\-serve(1)")
        );
        assert!(page("tradewind-dead-letters-redrive.1").is_ok());
    }
}
