//! A newcomer's first minutes, by the clock: a project, its build from nothing, and an event that is answered.

use crate::shell;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// From `new` to the answer, with a registry whose crates are here already.
const ALL_MOST: Duration = Duration::from_secs(300);
/// The build of the template from nothing.
const BUILD_MOST: Duration = Duration::from_secs(120);
/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Figures {
    build: Duration,
    all: Duration,
    tests: usize,
    reload: Duration,
}

/// Builds what a release has, and walks the path.
pub(super) fn run() -> Result<(), String> {
    let packages = ["--package=cargo-tradewind", "--package=tradewind-server"];
    shell::run(
        shell::cargo()
            .args(["build", "--quiet", "--locked"])
            .args(packages),
    )?;
    let scratch = std::env::temp_dir().join(format!("tradewind-newcomer-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|e| e.to_string())?;
    let mut figures = Figures::default();
    let walked = walk(&scratch, &mut figures);
    std::fs::remove_dir_all(&scratch).map_err(|e| e.to_string())?;
    let Figures {
        build,
        all,
        tests,
        reload,
    } = figures;
    let line = format!(
        "newcomer: the template from nothing in {:.0} s (at most {}), an event answered {:.0} s after `new` (at most {}), \
         {tests} tests, {:.1} s from a change to the new handler",
        build.as_secs_f64(),
        BUILD_MOST.as_secs(),
        all.as_secs_f64(),
        ALL_MOST.as_secs(),
        reload.as_secs_f64(),
    );
    match walked {
        Ok(()) if build <= BUILD_MOST && all <= ALL_MOST && tests > 0 => {
            println!("{line}: holds");
            Ok(())
        }
        walked => Err(format!(
            "{}\n{line}: falls short",
            walked.err().unwrap_or_default()
        )),
    }
}

// A stopwatch of the machine is what is asked for here.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

fn walk(scratch: &Path, figures: &mut Figures) -> Result<(), String> {
    let binaries = shell::target().join("debug");
    let tradewind = binaries.join("cargo-tradewind");
    let project = scratch.join("orders");
    let began = now();
    shell::run(
        Command::new(&tradewind)
            .args(["tradewind", "new", "orders", "--path"])
            .arg(shell::root().join("sdk/handler"))
            .current_dir(scratch),
    )?;
    let made = now() - began;
    // Its crates come from the registry, which is the network's affair.
    shell::run(cargo(&project).arg("fetch"))?;

    let began = now();
    shell::run(cargo(&project).arg("build"))?;
    figures.build = now() - began;

    let began = now();
    let data = scratch.join("data");
    let mut dev = Dev::start(
        cargo(&project)
            .args(["tradewind", "dev", "--output", "json", "--gateway"])
            .arg(binaries.join("tradewind"))
            .arg("--data-dir")
            .arg(&data)
            .env("PATH", path(&binaries)?),
    )?;
    let ready = dev.until("ready")?;
    let gateway = ready["gateway"]
        .as_str()
        .ok_or("no address of the gateway")?
        .to_owned();
    let explain = |position: &str| {
        let mut command = Command::new(binaries.join("tradewind"));
        command.args(["explain", position, "--data-dir"]).arg(&data);
        shell::read(&mut command)
    };
    answered(1, &gateway, "order.accepted", &explain)?;
    figures.all = made + figures.build + (now() - began);

    // What does not compile is told, and the handler from before goes on.
    let main = project.join("src/main.rs");
    let text = std::fs::read_to_string(&main).map_err(|e| e.to_string())?;
    write(&main, &format!("{text}no Rust\n"))?;
    dev.until("kept")?;
    answered(2, &gateway, "order.accepted", &explain)?;
    let began = now();
    write(&main, &text.replace("order.accepted", "order.taken"))?;
    dev.until("reloaded")?;
    figures.reload = now() - began;
    answered(3, &gateway, "order.taken", &explain)?;
    dev.stop()?;

    write(&main, &text)?;
    shell::watch(cargo(&project).args(["test", "--quiet"]), |line| {
        let passed = line.strip_prefix("test result: ok. ");
        let passed = passed.and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        figures.tests += passed.unwrap_or_default();
    })
}

/// Sends an order, and waits until the gateway has delivered it and taken the reply.
fn answered(
    nth: u32,
    gateway: &str,
    reply: &str,
    explain: &dyn Fn(&str) -> Result<String, String>,
) -> Result<(), String> {
    let answer = shell::read(
        Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--max-time", "30"])
            .args(["-H", "ce-specversion: 1.0", "-H", "ce-source: /newcomer"])
            .args([
                "-H",
                "ce-type: order.placed",
                "-H",
                "content-type: application/json",
                "-H",
            ])
            .arg(format!("ce-id: {nth}"))
            .args(["--data", r#"{"total":42}"#])
            .arg(format!("{gateway}/events")),
    )?;
    let position = crate::newcomer::position(&answer)?;
    let mut told = String::new();
    for _ in 0..300 {
        told = explain(&position)?;
        if let Some((_, place)) = told.split_once("replied into replies at ") {
            let place = place.split_whitespace().next().unwrap_or_default();
            let replied = explain(&format!("replies@{place}"))?;
            return match replied.contains(reply) {
                true => Ok(()),
                false => Err(format!("the reply is no {reply}:\n{replied}")),
            };
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("no reply {reply}:\n{told}"))
}

/// As a newcomer calls it: nothing of this checkout is around it.
fn cargo(project: &Path) -> Command {
    let mut command = Command::new("cargo");
    command
        .current_dir(project)
        .env_remove("CARGO")
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_MANIFEST_DIR");
    command
}

fn path(binaries: &Path) -> Result<std::ffi::OsString, String> {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(PathBuf::from(binaries)).chain(std::env::split_paths(&before));
    std::env::join_paths(all).map_err(|e| e.to_string())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// `cargo tradewind dev`, and what it says.
struct Dev {
    child: Child,
    said: Receiver<Value>,
}

impl Dev {
    fn start(command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cargo tradewind dev: {e}"))?;
        let (sender, said) = channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let document = serde_json::from_str(&line).unwrap_or_default();
                    if sender.send(document).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, said })
    }

    /// Waits until it says that.
    fn until(&mut self, word: &str) -> Result<Value, String> {
        loop {
            let said = self.said.recv_timeout(PATIENCE);
            let said = said.map_err(|_| format!("dev did not say `{word}`"))?;
            if said["dev"] == word {
                return Ok(said);
            }
        }
    }

    /// Asks it to stop, as Ctrl-C does.
    fn stop(&mut self) -> Result<(), String> {
        let id = self.child.id().to_string();
        shell::run(Command::new("kill").args(["-INT", &id]))?;
        let status = self.child.wait().map_err(|e| e.to_string())?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("dev stopped: {status}")),
        }
    }
}

/// Asked, not killed: it stops the two that it has started.
impl Drop for Dev {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.stop().ok();
        }
    }
}
