//! The program that is packed: built for the host, or brought.

use super::Args;
use super::elf::{Arch, Machine};
use super::manifest::Manifest;
use super::platform::Platform;
use crate::build;
use crate::failure::Failure;
use crate::project::{Project, cargo};
use crate::term::Term;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// How long a program may take to say what it declares, and how much it may say.
const PATIENCE: Duration = Duration::from_secs(10);
const SAID_MAX: u64 = 1 << 20;

/// A program for the host.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) machine: Machine,
}

/// Builds it, or looks at the one that is named.
pub(crate) fn get(
    args: &Args,
    platform: &Platform,
    project: Option<&Project>,
    term: &Term,
) -> Result<Program, Failure> {
    let path = match (&args.binary, project) {
        (Some(path), _) => path.clone(),
        (None, Some(project)) => compile(args, platform, project, term)?,
        (None, None) => return Err(Failure::usage("there is nothing to build")),
    };
    let bytes = std::fs::read(&path).map_err(|e| Failure::at(&path, e))?;
    let machine = Machine::of(&bytes)?;
    if args.arch.is_some() && platform.arch(args.arch)? != machine.arch {
        return Err(
            Failure::usage(format!("{} is for {}", path.display(), machine.arch.rust()))
                .hint("leave --arch out, or name a program for it"),
        );
    }
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(Program {
        machine,
        name: project
            .filter(|_| args.binary.is_none())
            .map_or(name, |project| project.bin.clone()),
        path,
    })
}

fn compile(
    args: &Args,
    platform: &Platform,
    project: &Project,
    term: &Term,
) -> Result<PathBuf, Failure> {
    let target = match &args.target {
        Some(target) => target.clone(),
        None => format!("{}-unknown-linux-musl", platform.arch(args.arch)?.rust()),
    };
    let builder = Builder::of(&target)?;
    if let Builder::Itself = builder {
        has_library(&target)?;
    }
    term.note(&format!("building {} for {target}", project.bin));
    let mut command = tokio::process::Command::new(cargo());
    command.args(match builder {
        Builder::Zig => ["zigbuild", "--profile", &args.profile],
        Builder::Itself => ["build", "--profile", &args.profile],
    });
    command
        .args(project.arguments())
        .args(["--target", &target]);
    if let Builder::Itself = builder
        && target.ends_with("-musl")
    {
        // Rust brings musl, and a linker for every processor.
        let variable = target.to_ascii_uppercase().replace('-', "_");
        let variable = format!("CARGO_TARGET_{variable}_LINKER");
        if std::env::var_os(&variable).is_none() {
            command.env(variable, "rust-lld");
        }
    }
    let built = block_on(build::run(&mut command, &project.bin))?;
    built.map_err(|failure| match builder {
        Builder::Itself if args.target.is_none() => failure.hint(
            "where code in C or the linker is what failed: pip install cargo-zigbuild ziglang, which builds both",
        ),
        _ => failure,
    })
}

/// Who compiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Builder {
    /// cargo-zigbuild, which has a compiler of C and a C library for every target.
    Zig,
    /// Cargo itself, for what needs neither.
    Itself,
}

impl Builder {
    fn of(target: &str) -> Result<Self, Failure> {
        let asked = Command::new("cargo-zigbuild")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let is_there = asked.is_ok_and(|status| status.success());
        // A version behind the name is zig's way of asking for an older glibc.
        let for_zig = target.contains('.');
        match (is_there, for_zig) {
            (true, _) => Ok(Builder::Zig),
            (false, false) => Ok(Builder::Itself),
            (false, true) => Err(Failure::new(format!("{target} takes cargo-zigbuild"))
                .hint("pip install cargo-zigbuild ziglang")),
        }
    }
}

/// The standard library for a target; zig's builder asks for it itself.
fn has_library(target: &str) -> Result<(), Failure> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .map_err(|e| Failure::new(format!("rustc: {e}")))?;
    let folder = String::from_utf8_lossy(&output.stdout);
    match output.status.success() && Path::new(folder.trim()).is_dir() {
        true => Ok(()),
        false => Err(
            Failure::new(format!("Rust's library for {target} is not there"))
                .hint(format!("rustup target add {target}")),
        ),
    }
}

impl Program {
    /// What it declares: asked of itself where it runs here, else of one that is built to run here.
    pub(crate) fn manifest(
        &self,
        args: &Args,
        project: Option<&Project>,
        term: &Term,
    ) -> Result<Manifest, Failure> {
        if let Some(path) = &args.manifest {
            let text = std::fs::read(path).map_err(|e| Failure::at(path, e))?;
            return Manifest::parse(&text);
        }
        if self.machine.arch.is_here() {
            return Manifest::parse(&asked(&self.path)?);
        }
        let Some(project) = project.filter(|_| args.binary.is_none()) else {
            let arch: Arch = self.machine.arch;
            return Err(Failure::usage(format!(
                "a program for {} cannot be asked here what it declares",
                arch.rust()
            ))
            .hint("write its output with TRADEWIND_MANIFEST=json to a file, and name that by --manifest"));
        };
        term.note(&format!(
            "building {} for this machine, to ask what it declares",
            project.bin
        ));
        let mut command = tokio::process::Command::new(cargo());
        command.arg("build").args(project.arguments());
        let here = block_on(build::run(&mut command, &project.bin))??;
        Manifest::parse(&asked(&here)?)
    }
}

/// What a program says when it is asked for its manifest. One that does not know the question may be a server.
fn asked(program: &Path) -> Result<Vec<u8>, Failure> {
    let program = program
        .canonicalize()
        .map_err(|e| Failure::at(program, e))?;
    let asking = async {
        let mut child = tokio::process::Command::new(&program)
            .env("TRADEWIND_MANIFEST", "json")
            .env("TRADEWIND_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Failure::at(&program, e))?;
        let mut said = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let mut stdout = stdout.take(SAID_MAX);
            let reading = stdout.read_to_end(&mut said);
            reading.await.map_err(|e| Failure::at(&program, e))?;
        }
        let status = child.wait().await.map_err(|e| Failure::at(&program, e))?;
        match status.success() {
            true => Ok(said),
            false => Err(Failure::new(format!(
                "{}, asked what it declares: {status}",
                program.display()
            ))
            .hint("what its main does before `tradewind::run` has to work here, too")),
        }
    };
    let in_time = async { tokio::time::timeout(PATIENCE, asking).await };
    // Who says nothing in time is no handler; reading nothing says so.
    block_on(in_time)?.unwrap_or_else(|_| Ok(Vec::new()))
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("no runtime: {e}")))?;
    Ok(runtime.block_on(future))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_told_with_the_command_that_brings_it() {
        let failure = has_library("riscv64gc-unknown-linux-musl").unwrap_err();
        let said = failure.to_string();
        assert!(
            said.contains("rustup target add riscv64gc-unknown-linux-musl"),
            "{said}"
        );
    }

    #[test]
    fn a_program_that_is_no_handler_is_told_from_one() {
        // It prints no document.
        let said = asked(Path::new("/bin/true")).unwrap();
        assert!(Manifest::parse(&said).is_err());
        let failure = asked(Path::new("/bin/false")).unwrap_err();
        assert!(failure.to_string().contains("exit status: 1"), "{failure}");
        assert!(asked(Path::new("/none")).is_err());
    }
}
