//! Running cargo, and finding what it made.

use crate::failure::Failure;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Lets cargo build a program, and gives its path. What the compiler says goes to stderr as ever; a Ctrl-C ends it as it
/// ends us.
pub(crate) async fn run(command: &mut Command, bin: &str) -> Result<PathBuf, Failure> {
    let mut child = spawned(command)?;
    made(&mut child, bin).await
}

/// The same in a process group of its own: Ctrl-C is for us, and all of the build ends with the future.
pub(crate) async fn apart(command: &mut Command, bin: &str) -> Result<PathBuf, Failure> {
    let mut child = spawned(command.process_group(0))?;
    let mut group = Group::of(&child);
    let made = made(&mut child, bin).await;
    // Cargo is gone, and its number may be somebody else's.
    group.0 = None;
    made
}

/// Cargo and whatever it has started: compilers would go on without it.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            kill_process_group(id, Signal::KILL).ok();
        }
    }
}

fn spawned(command: &mut Command) -> Result<Child, Failure> {
    let program = command.as_std().get_program().to_owned();
    command
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Failure::new(format!("{}: {e}", program.display())))
}

async fn made(child: &mut Child, bin: &str) -> Result<PathBuf, Failure> {
    let mut made = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            made = executable(&line, bin).or(made);
        }
    }
    let status = child
        .wait()
        .await
        .map_err(|e| Failure::new(format!("cargo: {e}")))?;
    match (status.success(), made) {
        (true, Some(path)) => Ok(path),
        (true, None) => Err(Failure::new(format!("cargo made no program `{bin}`"))),
        (false, _) => Err(Failure::new(
            "the build failed; what the compiler says is above",
        )),
    }
}

fn executable(line: &str, bin: &str) -> Option<PathBuf> {
    let message: Message = serde_json::from_str(line).ok()?;
    let is_it = message.reason == "compiler-artifact" && message.target?.name == bin;
    message.executable.filter(|_| is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{getpgid, getpgrp, kill_process};
    use std::pin::Pin;
    use std::time::Duration;
    use tokio::time::{sleep, timeout};

    /// Says which child it waits for.
    const SLOW: &str = "sleep 600 & echo $! > child; wait";

    #[tokio::test]
    async fn a_build_ends_by_the_terminal_or_with_its_future_and_compilers_do_too() {
        for is_apart in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let child = || {
                let text = std::fs::read_to_string(folder.path().join("child")).ok()?;
                Pid::from_raw(text.strip_suffix('\n')?.parse().ok()?)
            };
            let started = async {
                while child().is_none() {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            let mut command = Command::new("sh");
            command.args(["-c", SLOW]).current_dir(folder.path());
            let mut building: Pin<Box<dyn Future<Output = _>>> = match is_apart {
                true => Box::pin(apart(&mut command, "orders")),
                false => Box::pin(run(&mut command, "orders")),
            };
            tokio::select! {
                made = &mut building => panic!("{made:?}"),
                in_time = timeout(Duration::from_secs(30), started) => in_time.unwrap(),
            }
            let child = child().unwrap();
            // A Ctrl-C of the terminal reaches the group that we are in.
            let is_ours = getpgid(Some(child)).unwrap() == getpgrp();
            assert_eq!(is_ours, !is_apart);
            drop(building);
            if !is_apart {
                kill_process(child, Signal::KILL).unwrap();
            }
            let program = format!("/proc/{}/exe", child.as_raw_nonzero());
            for _ in 0..500 {
                if std::fs::read_link(&program).is_err() {
                    break;
                }
                sleep(Duration::from_millis(10)).await;
            }
            assert!(std::fs::read_link(&program).is_err(), "it goes on");
        }
    }

    #[test]
    fn the_program_is_told_from_all_that_cargo_says() {
        let said = |name: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"executable":"/t/{name}","fresh":true}}"#
            )
        };
        assert_eq!(
            executable(&said("orders"), "orders"),
            Some("/t/orders".into())
        );
        assert_eq!(executable(&said("other"), "orders"), None);
        for line in [
            r#"{"reason":"compiler-artifact","target":{"name":"orders"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "warning: no JSON",
        ] {
            assert_eq!(executable(line, "orders"), None, "{line}");
        }
    }
}
