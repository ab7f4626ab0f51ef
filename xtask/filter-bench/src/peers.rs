//! Engines of other languages over the same files; each is built and run where its tools are.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// By group: CPU per event in nanoseconds, and matches.
pub(crate) type Figures = HashMap<String, (f64, usize)>;

/// An engine that is ready to run.
pub(crate) struct Peer(Command);

/// The files that all sides read.
pub(crate) struct Files {
    folder: PathBuf,
    events: PathBuf,
    rules: PathBuf,
}

const SOURCES: &str = env!("CARGO_MANIFEST_DIR");
/// A checkout of Go quamina, for machines whose module proxy does not have it.
const CHECKOUT: &str = "TRADEWIND_GO_QUAMINA";

impl Files {
    /// One event a line; one rule a line: group, name and pattern.
    pub(crate) fn write(events: &[String], rules: &[String]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let folder = program.with_file_name("filter-bench");
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let files = Self {
            events: folder.join("events.jsonl"),
            rules: folder.join("rules.tsv"),
            folder,
        };
        for (path, lines) in [(&files.events, events), (&files.rules, rules)] {
            std::fs::write(path, lines.join("\n")).map_err(|e| e.to_string())?;
        }
        Ok(files)
    }

    /// event-ruler on Java.
    pub(crate) fn event_ruler(&self) -> Result<Peer, String> {
        let (sources, jars) = (Path::new(SOURCES).join("java"), self.folder.join("jars"));
        let classes = self.folder.join("classes");
        let path = format!("{}/*:{}", jars.display(), classes.display());
        let output = format!("-DoutputDirectory={}", jars.display());
        let pom = sources.join("pom.xml");
        run(Command::new("mvn")
            .args(["--quiet", "--batch-mode", "dependency:copy-dependencies"])
            .args([OsStr::new(&output), OsStr::new("--file"), pom.as_os_str()]))?;
        run(Command::new("javac")
            .args(["-cp", &path, "-d"])
            .args([classes.as_os_str(), sources.join("Driver.java").as_os_str()]))?;
        let mut java = Command::new("java");
        java.args(["-cp", &path, "Driver"]);
        Ok(self.peer(java))
    }

    /// quamina on Go.
    pub(crate) fn go_quamina(&self) -> Result<Peer, String> {
        let (sources, module) = (Path::new(SOURCES).join("go"), self.folder.join("go"));
        std::fs::create_dir_all(&module).map_err(|e| e.to_string())?;
        for file in ["main.go", "go.mod"] {
            std::fs::copy(sources.join(file), module.join(file)).map_err(|e| e.to_string())?;
        }
        let go = || {
            let mut go = Command::new("go");
            go.current_dir(&module);
            go
        };
        if let Ok(checkout) = std::env::var(CHECKOUT) {
            let replaced = format!("-replace=quamina.net/go/quamina/v2={checkout}");
            run(go().args(["mod", "edit", &replaced]))?;
        }
        run(go().args(["build", "-mod=mod", "-o", "driver", "."]))?;
        Ok(self.peer(Command::new(module.join("driver"))))
    }

    fn peer(&self, mut command: Command) -> Peer {
        command.args([&self.events, &self.rules]);
        Peer(command)
    }
}

impl Peer {
    /// One run of it, over all groups.
    pub(crate) fn figures(&mut self) -> Result<Figures, String> {
        let said = run(&mut self.0)?;
        let figure = |line: &str| {
            let mut parts = line.split('\t');
            let group = parts.next()?.to_owned();
            Some((
                group,
                (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?),
            ))
        };
        let read = said.lines().map(|line| figure(line).ok_or(line));
        read.collect::<Result<_, _>>()
            .map_err(|line| format!("what is `{line}`"))
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|e| format!("{name}: {e}"));
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.lines().rfind(|line| !line.trim().is_empty());
    Err(format!("{name}: {}", last.unwrap_or("failed")))
}
