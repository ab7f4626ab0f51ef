//! Running cargo, and finding what it made.

use crate::failure::Failure;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

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

/// Lets cargo build a program, and gives its path. What the compiler says goes to stderr as ever; the build
/// ends with the future.
pub(crate) async fn run(command: &mut Command, bin: &str) -> Result<PathBuf, Failure> {
    let program = command.as_std().get_program().to_owned();
    let mut child = command
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Failure::new(format!("{}: {e}", program.display())))?;
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
