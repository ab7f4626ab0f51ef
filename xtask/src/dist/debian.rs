//! The Debian package: a tree of files, a control file, and `dpkg-deb`.

use super::pages::SHELLS;
use super::{Arch, Release, put};
use crate::shell;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Where the parts of the repository go; `*.gz` is packed on the way.
const FILES: [(&str, &str); 7] = [
    ("deploy/debian/config.yaml", "etc/tradewind/config.yaml"),
    (
        "deploy/systemd/tradewind.service",
        "usr/lib/systemd/system/tradewind.service",
    ),
    (
        "deploy/systemd/sysusers.conf",
        "usr/lib/sysusers.d/tradewind.conf",
    ),
    (
        "deploy/systemd/tmpfiles.conf",
        "usr/lib/tmpfiles.d/tradewind.conf",
    ),
    (
        "deploy/debian/copyright",
        "usr/share/doc/tradewind/copyright",
    ),
    (
        "gateway/config/example.yaml",
        "usr/share/doc/tradewind/examples/config.yaml",
    ),
    (
        "deploy/debian/lintian-overrides",
        "usr/share/lintian/overrides/tradewind",
    ),
];
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Packs it.
pub(super) fn make(release: &Release, arch: Arch, pages: &Path) -> Result<(), String> {
    let tree = release.scratch("debian")?;
    let root = shell::root();
    let place = |from: &Path, to: &str| {
        let to = Path::new(to);
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let folder = tree.join(to.parent().unwrap_or(to));
        put(from, &folder, &name)
    };
    place(&arch.binary(), "usr/bin/tradewind")?;
    for (from, to) in FILES {
        place(&root.join(from), to)?;
    }
    for (_, to) in SHELLS {
        let name = Path::new(to).file_name().unwrap_or_default();
        place(&pages.join("completions").join(name), to)?;
    }
    for page in std::fs::read_dir(pages.join("man1")).map_err(|e| e.to_string())? {
        let page = page.map_err(|e| e.to_string())?;
        let name = page.file_name().to_string_lossy().into_owned();
        place(&page.path(), &format!("usr/share/man/man1/{name}"))?;
    }
    write(
        &tree,
        "usr/share/doc/tradewind/changelog",
        &changelog(release)?,
    )?;
    pack(&tree, "usr/share/man/man1")?;
    pack(&tree, "usr/share/doc/tradewind/changelog")?;

    control(release, arch, &tree)?;
    modes(&tree)?;
    shell::run(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--build"])
            .arg(&tree)
            .arg(release.deb(arch))
            .env("SOURCE_DATE_EPOCH", &release.epoch),
    )
}

fn control(release: &Release, arch: Arch, tree: &Path) -> Result<(), String> {
    let source = shell::root().join("deploy/debian");
    let template = std::fs::read_to_string(source.join("control")).map_err(|e| e.to_string())?;
    let size = shell::read(
        Command::new("du")
            .args(["--summarize", "--apparent-size", "-k"])
            .arg(tree),
    )?;
    let size = size.split_whitespace().next().unwrap_or_default();
    let text = template
        .replace("@VERSION@", &release.version)
        .replace("@ARCHITECTURE@", arch.debian)
        .replace("@SIZE@", size);
    let mut sums = String::new();
    let files = shell::read(
        Command::new("find")
            .args(["usr", "-type", "f"])
            .current_dir(tree),
    )?;
    let mut files: Vec<&str> = files.lines().collect();
    files.sort_unstable();
    sums.push_str(&shell::read(
        Command::new("md5sum").args(files).current_dir(tree),
    )?);
    write(tree, "DEBIAN/control", &text)?;
    write(tree, "DEBIAN/md5sums", &sums)?;
    write(tree, "DEBIAN/conffiles", "/etc/tradewind/config.yaml\n")?;
    for script in SCRIPTS {
        put(&source.join(script), &tree.join("DEBIAN"), script)?;
    }
    Ok(())
}

/// What Debian's tools expect; the story itself is in the release's notes.
fn changelog(release: &Release) -> Result<String, String> {
    let date = shell::read(Command::new("date").args([
        "--utc",
        "--rfc-email",
        "--date",
        &format!("@{}", release.epoch),
    ]))?;
    let mut text = format!("tradewind ({}) stable; urgency=medium\n\n", release.version);
    text.push_str("  * See CHANGELOG.md of this version.\n\n");
    writeln!(
        text,
        " -- Tradewind <tradewind-events@users.noreply.github.com>  {}",
        date.trim()
    )
    .map_err(|e| e.to_string())?;
    Ok(text)
}

fn write(tree: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = tree.join(name);
    let folder = path.parent().unwrap_or(tree);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|e| format!("{}: {e}", path.display()))
}

/// Packs a file, or those of a folder, without the time.
fn pack(tree: &Path, name: &str) -> Result<(), String> {
    shell::run(
        Command::new("gzip")
            .args(["--recursive", "--best", "--no-name", name])
            .current_dir(tree),
    )
}

/// Those of the checkout may be anything.
fn modes(tree: &Path) -> Result<(), String> {
    let chmod = |mode: &str, names: &[&str]| {
        shell::run(
            Command::new("chmod")
                .arg(mode)
                .args(names)
                .current_dir(tree),
        )
    };
    chmod("-R", &["u=rwX,go=rX", "."])?;
    let scripts = SCRIPTS.map(|script| format!("DEBIAN/{script}"));
    let mut programs: Vec<&str> = scripts.iter().map(String::as_str).collect();
    programs.push("usr/bin/tradewind");
    chmod("0755", &programs)
}
