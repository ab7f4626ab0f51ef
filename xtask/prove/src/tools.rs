//! Programs of others that a proof measures against, fetched once into the target folder.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// The folder of one tool beside the gateway's target folder.
pub(crate) fn folder(gateway: &Path, name: &str) -> Result<PathBuf, String> {
    let target = gateway
        .ancestors()
        .nth(2)
        .ok_or("the gateway's path has no folder")?;
    let target = target.canonicalize().map_err(|e| e.to_string())?;
    Ok(target.join("tools").join(name))
}

/// Runs to the end; what it says is told only when it fails.
pub(crate) async fn run(command: &mut Command) -> Result<String, String> {
    let what = format!("{:?}", command.as_std());
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| format!("{what}: {e}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(said),
        false => Err(format!(
            "{what}: {}\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// A Python with these packages.
pub(crate) async fn python(
    gateway: &Path,
    name: &str,
    packages: &[&str],
) -> Result<PathBuf, String> {
    let folder = folder(gateway, name)?;
    let done = folder.join("installed");
    let python = folder.join("bin/python");
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(packages))
        .await?;
        std::fs::write(&done, packages.join("\n")).map_err(|e| e.to_string())?;
    }
    Ok(python)
}
/// The folder of a program that npm has; what it runs lies in `node_modules`.
pub(crate) async fn npm(gateway: &Path, name: &str, package: &str) -> Result<PathBuf, String> {
    let folder = folder(gateway, name)?;
    let done = folder.join("installed");
    if !done.exists() {
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        run(Command::new("npm")
            .args([
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
            ])
            .arg("--prefix")
            .arg(&folder)
            .arg(package))
        .await?;
        std::fs::write(&done, package).map_err(|e| e.to_string())?;
    }
    Ok(folder)
}

/// Prometheus' `promtool`: the installed one, or that of the distribution's package, unpacked.
pub(crate) async fn promtool(gateway: &Path) -> Result<PathBuf, String> {
    if run(Command::new("promtool").arg("--version")).await.is_ok() {
        return Ok("promtool".into());
    }
    debian(gateway, "prometheus", "usr/bin/promtool").await
}

/// A program of a package of the distribution, unpacked.
pub(crate) async fn debian(
    gateway: &Path,
    package: &str,
    program: &str,
) -> Result<PathBuf, String> {
    let folder = folder(gateway, package)?;
    let program = folder.join(program);
    if !program.exists() {
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        run(Command::new("apt-get")
            .args(["download", "--quiet", package])
            .current_dir(&folder))
        .await?;
        let archive = std::fs::read_dir(&folder)
            .map_err(|e| e.to_string())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|ending| ending == "deb"))
            .ok_or("apt-get downloaded nothing")?;
        run(Command::new("dpkg").arg("-x").arg(&archive).arg(&folder)).await?;
    }
    Ok(program)
}
