//! Store engines by one suite, and nodes that share one.

use crate::{shell, tools};
use std::path::PathBuf;

fn kafka(name: &str) -> Result<PathBuf, String> {
    let found = tools::kafka()?;
    found.ok_or_else(|| format!("{name}: no Java or Maven here, and so no Kafka: falls short"))
}

/// The contract suite on every engine.
pub(super) fn engines() -> Result<(), String> {
    let jars = kafka("engines")?;
    let (mut passed, mut kills) = (0, None);
    let mut run = |package: &str, filter: &[&str]| {
        shell::watch(
            shell::cargo()
                .env("TRADEWIND_KAFKA", &jars)
                .args(["test", "--quiet", "--package", package, "--test=it", "--"])
                .args(["--nocapture", "--test-threads=1"])
                .args(filter),
            |line| {
                if line.contains(" restarts, ") {
                    kills = Some(line.to_owned());
                }
                let figure = line.strip_prefix("test result: ok. ");
                let figure = figure.and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
                passed += figure.unwrap_or_default();
            },
        )
    };
    let here = run("tradewind-store", &["contract"]);
    let there = run("tradewind-store-kafka", &[]);
    let line = format!(
        "engines: one suite on memory, the embedded engine (a simulated disk, the machine's) and Kafka (with all and with \
         nothing in memory), {passed} tests; on Kafka {}",
        kills.as_deref().unwrap_or("nothing")
    );
    match here.and(there) {
        Ok(()) if passed >= 7 && kills.is_some() => {
            println!("{line}: holds");
            Ok(())
        }
        _ => Err(format!("{line}: falls short")),
    }
}

/// Nodes on one cluster, each a process.
pub(super) fn cluster(args: &[String]) -> Result<(), String> {
    let jars = kafka("cluster")?;
    shell::run(
        shell::cargo()
            .env("TRADEWIND_KAFKA", jars)
            .args([
                "run",
                "--quiet",
                "--release",
                "--package=tradewind-store-kafka",
            ])
            .args(["--example=cluster", "--"])
            .args(args),
    )
}
