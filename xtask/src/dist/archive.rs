//! The archive for every Linux.

use super::{Arch, Release, put};
use crate::shell;
use std::path::Path;
use std::process::Command;

/// The program for authors of handlers.
const HANDLERS: &str = "cargo-tradewind";

/// Packs both binaries, licence, man pages, completions, the unit and an example of the configuration.
pub(super) fn make(release: &Release, arch: Arch, pages: &Path) -> Result<(), String> {
    let name = format!("tradewind-{}-linux-{}", release.version, arch.debian);
    let scratch = release.scratch("archive")?;
    let folder = scratch.join(&name);
    let root = shell::root();
    put(&arch.binary(), &folder, "tradewind")?;
    put(&arch.program(HANDLERS), &folder, HANDLERS)?;
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        put(&root.join(file), &folder, file)?;
    }
    put(
        &root.join("gateway/config/example.yaml"),
        &folder,
        "example.yaml",
    )?;
    for file in ["tradewind.service", "sysusers.conf", "tmpfiles.conf"] {
        let from = root.join("deploy/systemd").join(file);
        put(&from, &folder.join("systemd"), file)?;
    }
    shell::run(
        Command::new("cp")
            .arg("--recursive")
            .args([pages.join("man1"), pages.join("completions")])
            .arg(&folder),
    )?;
    shell::run(
        Command::new("tar")
            .args([
                "--create",
                "--use-compress-program=gzip --no-name --best",
                "--sort=name",
                "--format=gnu",
            ])
            .args([
                "--owner=0",
                "--group=0",
                "--numeric-owner",
                "--mode=u=rwX,go=rX",
            ])
            .arg(format!("--mtime=@{}", release.epoch))
            .arg("--file")
            .arg(release.out.join(format!("{name}.tar.gz")))
            .arg("--directory")
            .arg(&scratch)
            .arg(&name),
    )
}
