//! Does the README work for a newcomer? A clone in a scratch folder, its two commands as written.

use crate::shell;
use std::path::Path;
use std::process::Command;

/// Clones, runs the README's commands, cleans up.
pub(crate) fn run() -> Result<(), String> {
    let scratch = std::env::temp_dir().join(format!("tradewind-clone-{}", std::process::id()));
    let clone = scratch.join("tradewind");
    let outcome = std::fs::create_dir_all(&scratch)
        .map_err(|e| e.to_string())
        .and_then(|()| {
            shell::run(
                Command::new("git")
                    .args(["clone", "--quiet"])
                    .arg(shell::root())
                    .arg(&clone),
            )?;
            both(&clone)
        });
    std::fs::remove_dir_all(&scratch).map_err(|e| e.to_string())?;
    match outcome {
        Ok(()) => {
            println!("fresh-clone: both commands of the README: holds");
            Ok(())
        }
        Err(e) => Err(format!("{e}\nfresh-clone: falls short")),
    }
}

fn both(clone: &Path) -> Result<(), String> {
    let readme = std::fs::read_to_string(clone.join("README.md")).map_err(|e| e.to_string())?;
    for command in ["cargo xtask try", "cargo xtask test"] {
        if !readme.lines().any(|line| line.trim() == command) {
            return Err(format!("README.md does not tell `{command}`"));
        }
    }
    let cargo = |args: &[&str]| {
        shell::run(
            Command::new("cargo")
                .args(args)
                .current_dir(clone)
                .env_remove("CARGO")
                .env_remove("CARGO_TARGET_DIR")
                .env("TRADEWIND_CONFORMANCE", conformance()),
        )
    };
    cargo(&["xtask", "try", "--once"])?;
    cargo(&["xtask", "test"])
}

/// The conformance data of this checkout, which a clone elsewhere does not lie beside.
fn conformance() -> std::path::PathBuf {
    std::env::var_os("TRADEWIND_CONFORMANCE")
        .map_or_else(|| shell::root().join("../shared/conformance"), Into::into)
}
