//! What a release is made of: static binaries, archives, Debian packages, the context of the image, a
//! bill of materials, checksums. The release workflow calls this and nothing else.

mod archive;
mod debian;
mod pages;
mod sbom;
mod toolchain;

use crate::shell;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A processor that a release has binaries for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arch {
    /// As Rust has it.
    pub(crate) rust: &'static str,
    /// As Debian and images have it.
    pub(crate) debian: &'static str,
}

const ARCHES: [Arch; 2] = [
    Arch {
        rust: "x86_64",
        debian: "amd64",
    },
    Arch {
        rust: "aarch64",
        debian: "arm64",
    },
];

impl Arch {
    /// That of this machine.
    pub(crate) fn host() -> Result<Self, String> {
        let here = std::env::consts::ARCH;
        let known = ARCHES.into_iter().find(|arch| arch.rust == here);
        known.ok_or_else(|| format!("no release is made for {here}"))
    }

    fn target(self) -> String {
        format!("{}-unknown-linux-musl", self.rust)
    }

    /// Where its binary is built.
    pub(crate) fn binary(self) -> PathBuf {
        self.program("tradewind")
    }

    fn program(self, name: &str) -> PathBuf {
        let folder = shell::target().join(self.target());
        folder.join("release").join(name)
    }
}

/// What all parts of one release share.
pub(crate) struct Release {
    pub(crate) version: String,
    /// Seconds of the commit: the time of every file, so that a second build is the same.
    pub(crate) epoch: String,
    /// Where everything goes.
    pub(crate) out: PathBuf,
}

impl Release {
    fn new() -> Result<Self, String> {
        let commit = shell::read(Command::new("git").current_dir(shell::root()).args([
            "log",
            "-1",
            "--format=%ct",
        ]))?;
        Ok(Self {
            version: version()?,
            epoch: commit.trim().to_owned(),
            out: shell::target().join("dist"),
        })
    }

    /// A folder for one step, empty.
    fn scratch(&self, name: &str) -> Result<PathBuf, String> {
        empty(&shell::target().join("dist-scratch").join(name))
    }

    pub(crate) fn deb(&self, arch: Arch) -> PathBuf {
        let name = format!("tradewind_{}_{}.deb", self.version, arch.debian);
        self.out.join(name)
    }
}

/// Makes a release for this machine, with `--all` for every processor.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let host = Arch::host()?;
    let arches = match args {
        [] => vec![host],
        [flag] if flag == "--all" => ARCHES.to_vec(),
        other => {
            return Err(format!(
                "`cargo xtask dist` takes --all or nothing, not {other:?}"
            ));
        }
    };
    let release = Release::new()?;
    empty(&release.out)?;
    toolchain::build(&arches)?;
    // The same on every processor, so the binary that runs here writes them.
    let pages = pages::write(&release, &host.binary())?;
    for arch in arches {
        archive::make(&release, arch, &pages)?;
        debian::make(&release, arch, &pages)?;
        image(&release, arch)?;
    }
    sbom::make(&release)?;
    checksums(&release)?;
    println!("{}", release.out.display());
    Ok(())
}

/// The Debian package for this machine alone.
pub(crate) fn package() -> Result<PathBuf, String> {
    let host = Arch::host()?;
    let release = Release::new()?;
    std::fs::create_dir_all(&release.out).map_err(|e| e.to_string())?;
    toolchain::build(&[host])?;
    let pages = pages::write(&release, &host.binary())?;
    debian::make(&release, host, &pages)?;
    Ok(release.deb(host))
}

/// What `deploy/Containerfile.release` copies.
fn image(release: &Release, arch: Arch) -> Result<(), String> {
    let context = release.out.join("image");
    put(&arch.binary(), &context.join(arch.debian), "tradewind")?;
    let certificates = Path::new("/etc/ssl/certs/ca-certificates.crt");
    put(certificates, &context, "ca-certificates.crt")?;
    std::fs::create_dir_all(context.join("data")).map_err(|e| e.to_string())
}

fn checksums(release: &Release) -> Result<(), String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&release.out).map_err(|e| e.to_string())? {
        let entry = entry.map_err(|e| e.to_string())?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            names.push(entry.file_name());
        }
    }
    names.sort();
    let sums = shell::read(
        Command::new("sha256sum")
            .arg("--")
            .args(names)
            .current_dir(&release.out),
    )?;
    std::fs::write(release.out.join("SHA256SUMS"), sums).map_err(|e| e.to_string())
}

fn metadata() -> Result<serde_json::Value, String> {
    let text = shell::read(shell::cargo().args([
        "metadata",
        "--no-deps",
        "--format-version=1",
        "--locked",
    ]))?;
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

fn version() -> Result<String, String> {
    metadata()?["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "tradewind-server")
        .and_then(|package| package["version"].as_str())
        .map(str::to_owned)
        .ok_or_else(|| "no package tradewind-server".to_owned())
}

/// Makes the folder anew.
fn empty(folder: &Path) -> Result<PathBuf, String> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder.to_owned())
}

/// Copies a file with its mode; makes the folder.
fn put(from: &Path, folder: &Path, name: &str) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::copy(from, folder.join(name)))
        .map(drop)
        .map_err(|e| format!("{} to {}: {e}", from.display(), folder.display()))
}
