//! Servers that tests talk to, fetched once into the target folder.

use crate::shell;
use std::path::PathBuf;
use std::process::Command;

/// What the proofs ask for too; one installation serves both.
const MOTO: &str = "moto[s3,server]==5.*";

/// The services of AWS by moto.
pub(crate) fn moto() -> Result<PathBuf, String> {
    let folder = shell::target().join("tools/moto");
    let done = folder.join("installed");
    if !done.exists() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        shell::run(
            Command::new(folder.join("bin/python")).args(["-m", "pip", "install", "--quiet", MOTO]),
        )?;
        std::fs::write(&done, MOTO).map_err(|e| e.to_string())?;
    }
    Ok(folder.join("bin/moto_server"))
}
