//! The bill of materials: every crate that is linked, with its licence, in CycloneDX.

use super::{Arch, Release, metadata};
use crate::shell;
use std::path::Path;

const VERSION: &str = "0.5.9";
const NAME: &str = "tradewind.cdx";

/// Writes it; installs the tool where it is missing.
pub(super) fn make(release: &Release) -> Result<(), String> {
    if shell::read(shell::cargo().args(["cyclonedx", "--version"])).is_err() {
        let tool = ["install", "cargo-cyclonedx", "--locked"];
        shell::run(shell::cargo().args(tool).args(["--version", VERSION]))?;
    }
    let server = shell::root().join("gateway/server");
    let made = shell::run(
        shell::cargo()
            .args(["cyclonedx", "--format=json", "--spec-version=1.5"])
            .args(["--override-filename", NAME])
            .args(["--target", &Arch::host()?.target()])
            .arg("--manifest-path")
            .arg(server.join("Cargo.toml"))
            .env("SOURCE_DATE_EPOCH", &release.epoch),
    );
    let name = format!("{NAME}.json");
    let text = std::fs::read_to_string(server.join(&name));
    // The tool writes one into the folder of each member, whichever was asked for.
    for package in metadata()?["packages"].as_array().into_iter().flatten() {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        std::fs::remove_file(Path::new(manifest).with_file_name(&name)).ok();
    }
    made?;
    // Members are named by where they lie on the machine that built them.
    let root = format!("{}/", shell::root().display());
    let text = text.map_err(|e| e.to_string())?.replace(&root, "");
    std::fs::write(release.out.join(&name), text).map_err(|e| e.to_string())
}
