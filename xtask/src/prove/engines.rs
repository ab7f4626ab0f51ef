//! Store engines by one suite, the gateway on each, and nodes that share one.

use crate::{shell, tools};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn kafka(name: &str) -> Result<PathBuf, String> {
    let found = tools::kafka()?;
    found.ok_or_else(|| format!("{name}: no Java or Maven here, and so no Kafka: falls short"))
}

/// A broker that ends with us.
struct Broker {
    process: Child,
    address: String,
}

impl Broker {
    fn start(jars: &Path) -> Result<Self, String> {
        let said = |error: std::io::Error| error.to_string();
        let mut process = shell::cargo()
            .env("TRADEWIND_KAFKA", jars)
            .args(["run", "--quiet", "--package=tradewind-store-kafka"])
            .arg("--example=broker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(said)?;
        let mut address = String::new();
        let output = process.stdout.take().ok_or("a broker without output")?;
        BufReader::new(output)
            .read_line(&mut address)
            .map_err(said)?;
        match address.trim() {
            "" => Err("the broker does not start".into()),
            address => Ok(Self {
                address: address.to_owned(),
                process,
            }),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It sees the end of its input, and takes the server along.
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// The gateway with streams on Kafka: its own tests of them, the suite of the gateway in process with all its streams
/// there, and what kills and drains it with its stream there.
fn gateway(jars: &Path) -> Result<(), String> {
    let broker = Broker::start(jars)?;
    let test = |filter: &[&str], engine: Option<&str>| {
        shell::run(
            shell::cargo()
                .env("TRADEWIND_TEST_KAFKA", &broker.address)
                .envs(engine.map(|engine| ("TRADEWIND_TEST_ENGINE", engine)))
                .args(["test", "--quiet", "--package=tradewind-server"])
                .args(["--features=kafka", "--test=it", "--"])
                .args(filter),
        )
    };
    let own = test(&["kafka::", "moves::", "nodes::"], None);
    // What waits for its time is refused there.
    let skip = [
        "--skip=kafka::",
        "--skip=moves::",
        "--skip=nodes::",
        "--skip=delayed_events_wait_over_a_restart",
    ];
    let suite = test(&skip, Some("kafka"));
    shell::run(shell::cargo().args([
        "build",
        "--quiet",
        "--package=tradewind-prove",
        "--package=tradewind-server",
        "--features=tradewind-server/kafka",
    ]))?;
    let binaries = shell::target().join("debug");
    let prove = |name: &str, rounds: &str| {
        shell::run(
            Command::new(binaries.join("tradewind-prove"))
                .args([name, "--rounds", rounds, "--kafka", &broker.address])
                .arg("--gateway")
                .arg(binaries.join("tradewind")),
        )
    };
    let all = [own, suite, prove("kill", "10"), prove("drain", "2")];
    all.into_iter().collect()
}

/// The contract suite on every engine, and the gateway on Kafka.
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
    let above = gateway(&jars);
    let line = format!(
        "engines: one suite on memory, the embedded engine (a simulated disk, the machine's) and Kafka (with all and with \
         nothing in memory), {passed} tests; on Kafka {}",
        kills.as_deref().unwrap_or("nothing")
    );
    match here.and(there).and(above) {
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

/// Records in frames of Confluent's serializers, by a registry that others wrote.
pub(super) fn framed() -> Result<(), String> {
    let broker = Broker::start(&kafka("framed")?)?;
    shell::run(shell::cargo().args([
        "build",
        "--quiet",
        "--package=tradewind-prove",
        "--package=tradewind-server",
        "--features=tradewind-server/kafka",
    ]))?;
    let binaries = shell::target().join("debug");
    shell::run(
        Command::new(binaries.join("tradewind-prove"))
            .args(["framed", "--kafka", &broker.address, "--gateway"])
            .arg(binaries.join("tradewind")),
    )
}
