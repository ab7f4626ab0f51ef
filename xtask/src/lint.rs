//! What a change must pass besides its tests.

use crate::{arrows, shell};

const DENY: &str = "0.20.2";

/// Format, lints, docs, dependency direction, licences and bans.
pub(crate) fn run() -> Result<(), String> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    arrows::check()?;
    shell::run(shell::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
        "--",
        "--deny=warnings",
    ]))?;
    shell::run(shell::cargo().env("RUSTDOCFLAGS", "--deny=warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--locked",
    ]))?;
    if shell::read(shell::cargo().args(["deny", "--version"])).is_err() {
        shell::run(shell::cargo().args(["install", "cargo-deny", "--locked", "--version", DENY]))?;
    }
    // Advisories need the advisory database, which is not part of any package registry.
    let mut checks = vec!["bans", "licenses", "sources"];
    if std::env::var_os("TRADEWIND_ADVISORIES").is_some() {
        checks.push("advisories");
    }
    shell::run(
        shell::cargo()
            .args(["deny", "--log-level=error", "check"])
            .args(checks),
    )
}
