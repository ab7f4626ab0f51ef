//! Static binaries. Rust brings musl for its own code; for the C of aws-lc and mimalloc, zig brings a
//! compiler and musl for every processor, in one Python package and without a system image.

use super::Arch;
use crate::shell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

const PACKAGES: [&str; 2] = ["cargo-zigbuild==0.24.1", "ziglang==0.15.2"];

/// Builds the gateway, and what authors of handlers use.
pub(super) fn build(arches: &[Arch]) -> Result<(), String> {
    let tools = install()?;
    for arch in arches {
        let target = arch.target();
        // Names the toolchain of rust-toolchain.toml.
        shell::run(
            Command::new("rustup")
                .current_dir(shell::root())
                .args(["target", "add", &target]),
        )?;
        // One by one, so that neither gets what only the other asks of a library.
        for package in ["--package=tradewind-server", "--package=cargo-tradewind"] {
            shell::run(
                shell::cargo()
                    .args(["zigbuild", "--release", "--locked"])
                    .args([package, "--target", &target])
                    .env("PATH", path(&tools)?)
                    .env("CARGO_ENCODED_RUSTFLAGS", flags()?),
            )?;
        }
    }
    Ok(())
}

/// A folder of tools below the target folder; nothing is installed elsewhere.
fn install() -> Result<PathBuf, String> {
    let folder = shell::target().join("tools/dist");
    if !folder.join("bin/pip").exists() {
        let folder = folder.as_os_str();
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    }
    shell::run(
        Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(PACKAGES),
    )?;
    Ok(folder.join("bin"))
}

fn path(tools: &std::path::Path) -> Result<OsString, String> {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(tools.to_owned()).chain(std::env::split_paths(&before));
    std::env::join_paths(all).map_err(|e| e.to_string())
}

/// Panics name files, and these are not those of the machine that built it.
fn flags() -> Result<String, String> {
    let home = std::env::var("CARGO_HOME").or_else(|_| {
        let home = std::env::var("HOME").map_err(|_| "neither CARGO_HOME nor HOME is set")?;
        Ok::<_, String>(format!("{home}/.cargo"))
    })?;
    let root = shell::root();
    let flags = [
        format!("--remap-path-prefix={home}/registry/src=registry"),
        format!("--remap-path-prefix={}=tradewind", root.display()),
    ];
    Ok(flags.join("\u{1f}"))
}
