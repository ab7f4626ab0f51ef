//! `cargo tradewind package`

mod azure;
mod container;
mod cron;
mod elf;
mod knative;
mod lambda;
mod manifest;
mod needs;
mod oci;
mod openwhisk;
mod out;
mod platform;
mod program;
mod tar;
mod yaml;
mod zip;

use crate::failure::Failure;
use crate::project::{Project, Which};
use crate::term::Term;
use elf::Machine;
use manifest::Manifest;
use out::Out;
use platform::{PLATFORMS, Platform};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Pack the handler for a host, and print how to deploy it
///
/// Builds for the host's processor and C library, holds what the handler declares against what the host can do,
/// and writes what the host takes, with timeout, memory and the permissions that were declared, to
/// target/tradewind/HOST. Nothing is deployed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo tradewind package --for lambda --arch aarch64\n  cargo tradewind package --for azure --timeout 60\n  \
    cargo tradewind package --for cloud-run --image europe-docker.pkg.dev/shop/eu/orders:1.4\n  \
    cargo tradewind package --for container --binary ./orders --out image\n\n\
    A foreign processor takes its standard library: rustup target add aarch64-unknown-linux-musl. Code in C takes a\n\
    compiler for it, too: pip install cargo-zigbuild ziglang, which is used wherever it is found."
)]
pub(crate) struct Args {
    /// Host
    #[arg(long = "for", value_name = "HOST", value_parser = clap::builder::PossibleValuesParser::new(PLATFORMS.iter().map(|platform| platform.name)))]
    host: String,
    #[command(flatten)]
    which: Which,
    /// Name at the host [default: that of the program]
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Processor [default: x86_64]
    #[arg(long, value_enum, conflicts_with = "target")]
    arch: Option<elf::Arch>,
    /// Target of the compiler, instead of the static one for --arch
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Profile of cargo
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// A program that is built already
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "features", "no_default_features"])]
    binary: Option<PathBuf>,
    /// What the program declares, where it cannot be run here: its output with TRADEWIND_MANIFEST=json
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Seconds for one event [default: what the handler declares, else 30]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
    /// Memory in MiB [default: what the handler declares, else the host's usual]
    #[arg(long, value_name = "MIB")]
    memory: Option<u32>,
    /// What the image is pushed as, where the host takes one
    #[arg(long, value_name = "REFERENCE")]
    image: Option<String>,
    /// Certificates of authorities for the image, where the handler speaks TLS
    #[arg(long, value_name = "FILE")]
    certificates: Option<PathBuf>,
    /// What a kind of trigger or reply is on Azure: queue=storage or service-bus, topic=event-grid or service-bus
    /// [default: the first of each]
    #[arg(long, value_name = "KIND=SERVICE")]
    service: Vec<String>,
    /// Folder to write [default: target/tradewind/HOST]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// What a host's packer knows.
pub(crate) struct Plan<'a> {
    /// At the host.
    pub(crate) name: &'a str,
    pub(crate) program: &'a [u8],
    pub(crate) machine: &'a Machine,
    pub(crate) manifest: &'a Manifest,
    /// Seconds.
    pub(crate) timeout: u32,
    /// MiB.
    pub(crate) memory: u32,
    /// Whether somebody asked for that.
    pub(crate) memory_is_declared: bool,
    pub(crate) image: Option<&'a str>,
    pub(crate) certificates: Option<&'a [u8]>,
    /// `queue=service-bus` and the like.
    pub(crate) services: &'a [String],
    /// As people write the folder.
    pub(crate) folder: String,
}

pub(crate) fn run(args: &Args, term: &Term) -> Result<(), Failure> {
    let platform = platform::named(&args.host)?;
    let project = match (&args.binary, &args.out) {
        (Some(_), Some(_)) => None,
        _ => Some(Project::find(&args.which)?),
    };
    let program = program::get(args, platform, project.as_ref(), term)?;
    platform.takes(&program)?;
    platform.has_services(&args.service)?;
    let manifest = program.manifest(args, project.as_ref(), term)?;
    let mut warnings = manifest.judge(platform.host, platform.also)?;
    let timeout = platform.timeout(args.timeout, &manifest)?;
    let (memory, memory_is_declared) = platform.memory(args.memory, &manifest)?;
    let certificates = args.certificates.as_deref().map(read).transpose()?;
    let bytes = read(&program.path)?;
    let name = args.name.clone().unwrap_or_else(|| plain(&program.name));
    let folder = match (&args.out, &project) {
        (Some(out), _) => out.clone(),
        (None, Some(project)) => project.target_folder.join("tradewind").join(platform.name),
        (None, None) => PathBuf::from(platform.name),
    };
    let plan = Plan {
        name: &name,
        program: &bytes,
        machine: &program.machine,
        manifest: &manifest,
        timeout,
        memory,
        memory_is_declared,
        image: args.image.as_deref(),
        certificates: certificates.as_deref(),
        services: &args.service,
        folder: near(&folder).display().to_string(),
    };
    let mut out = Out::new(&folder)?;
    let commands = (platform.pack)(&plan, &mut out)?;
    warnings.append(&mut out.warnings);
    let descriptor = descriptor(platform, &plan, &commands);
    out.json("deploy.json", &descriptor)?;
    let files = out.finish()?;
    tell(&plan, &files, &commands, &warnings, term);
    Ok(())
}

/// What was made of what: for people who look, and for tools.
fn descriptor(platform: &Platform, plan: &Plan<'_>, commands: &[String]) -> Value {
    let manifest = plan.manifest;
    json!({
        "name": plan.name,
        "host": platform.name,
        "architecture": plan.machine.arch.rust(),
        "libc": plan.machine.libc(),
        "size_bytes": plan.program.len(),
        "timeout_seconds": plan.timeout,
        "memory_mib": plan.memory,
        "handlers": manifest.handlers,
        "settings": manifest.settings,
        "permissions": needs::all(manifest),
        "commands": commands,
    })
}

fn tell(
    plan: &Plan<'_>,
    files: &[(String, u64)],
    commands: &[String],
    warnings: &[String],
    term: &Term,
) {
    if term.json() {
        let names: Vec<_> = files.iter().map(|(name, _)| name).collect();
        let told = json!({
            "folder": plan.folder, "files": names, "commands": commands, "warnings": warnings,
        });
        term.line(&told.to_string());
        return;
    }
    for warning in warnings {
        term.warn(warning);
    }
    term.note(&format!(
        "packed {} ({}, {}) into {}:",
        plan.name,
        plan.machine.arch.rust(),
        plan.machine.libc(),
        plan.folder
    ));
    for (name, size) in files {
        term.note(&format!("  {name:<28} {size:>10} bytes"));
    }
    term.note("\nto deploy it:\n");
    for command in commands {
        term.line(&format!("  {command}"));
    }
}

fn read(path: impl AsRef<std::path::Path>) -> Result<Vec<u8>, Failure> {
    let path = path.as_ref();
    std::fs::read(path).map_err(|e| Failure::at(path, e))
}

/// As seen from here, where it is below.
fn near(path: &std::path::Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

/// A name that every host takes.
fn name(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(fine)
        && !text.ends_with('-')
        && text.len() <= 49;
    match is_name {
        true => Ok(text.to_owned()),
        false => Err("49 lower-case letters, digits and - at most, a letter first".into()),
    }
}

/// The name of a program, as a host takes it.
fn plain(program: &str) -> String {
    let text = program.to_ascii_lowercase().replace('_', "-");
    let cut: String = text.chars().take(49).collect();
    cut.trim_matches('-').to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use elf::{Arch, Libc};

    pub(crate) type Pack = fn(&Plan<'_>, &mut Out) -> Result<Vec<String>, Failure>;

    /// What a packer makes of a program for arm64: the folder in a scratch one, and the commands.
    pub(crate) fn packed(
        pack: Pack,
        manifest: &Manifest,
    ) -> Result<(tempfile::TempDir, Vec<String>), Failure> {
        packed_for(Arch::Aarch64, pack, manifest)
    }

    /// The same for a processor.
    pub(crate) fn packed_for(
        arch: Arch,
        pack: Pack,
        manifest: &Manifest,
    ) -> Result<(tempfile::TempDir, Vec<String>), Failure> {
        packed_with(&[], arch, pack, manifest)
    }

    /// The same with services chosen.
    pub(crate) fn packed_with(
        services: &[String],
        arch: Arch,
        pack: Pack,
        manifest: &Manifest,
    ) -> Result<(tempfile::TempDir, Vec<String>), Failure> {
        packed_as("orders", services, arch, pack, manifest)
    }

    /// The same of another name.
    pub(crate) fn packed_as(
        name: &str,
        services: &[String],
        arch: Arch,
        pack: Pack,
        manifest: &Manifest,
    ) -> Result<(tempfile::TempDir, Vec<String>), Failure> {
        let machine = Machine {
            arch,
            libc: Libc::Static,
        };
        let plan = Plan {
            name,
            program: b"x",
            machine: &machine,
            manifest,
            timeout: 20,
            memory: 256,
            memory_is_declared: true,
            image: None,
            certificates: Some(b"c"),
            services,
            folder: "out".into(),
        };
        let scratch = tempfile::tempdir().unwrap();
        let mut out = Out::new(&scratch.path().join("out")).unwrap();
        let commands = pack(&plan, &mut out)?;
        out.finish()?;
        Ok((scratch, commands))
    }

    #[test]
    fn names_of_programs_become_names_that_hosts_take() {
        for program in ["orders", "order_mails", "Order-Mails", &"x".repeat(80)] {
            assert!(name(&plain(program)).is_ok(), "{program}");
        }
        for wrong in [
            "",
            "-a",
            "a-",
            "A",
            "a_b",
            "1a",
            &"x".repeat(50),
            "a b",
            "a\"b",
        ] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }
}
