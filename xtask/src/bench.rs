//! Ratios against baselines, all sides measured in one run.

use crate::{shell, tools};
use serde_json::Value;
use std::process::Command;

const LIST: &str = "\
cargo xtask bench <name>

  filter      matching by the number of filters, against the quamina crate; by the type of rule, against
              quamina (crate and Go) and event-ruler (Java), where their tools are
  normalise   verify and decode deliveries of GitHub, SNS and EventBridge, against the digest alone
  trust       API key, decision by 100 policies and JSON Schema of a 1 KiB event
  sdk         a handler by the SDK against bare lambda_runtime (start-up, memory, time per event) and bare
              axum; the size of the example (--rounds N, --quick)
  event       decode + validate of a structured 1 KiB event, against cloudevents-sdk
  accept      taking 1 KiB events in memory, against S (a bare axum sink)
  forward     synchronous pass-through, against F (bare axum and hyper client) and nginx
  durable     fdatasync before the answer, against L (axum and a group-commit log)
  deliver     durable accept and delivery to one HTTP target, against F
  fan-out     what each further target costs
  idle        memory at rest, start to first 2xx
  all         these six
  kafka       HTTP over a stream on Kafka to HTTP, and a topic to HTTP, on one node and on three, against C (a loop
              with rdkafka that reads a topic and posts; Apache Kafka needs Java and Maven)
  aws         SQS to HTTP and HTTP to SQS, against the work of the server of SQS (ElasticMQ; needs Java and Maven)

options of those:
  --quick            three short runs: for development, too coarse to quote
  --rounds N         runs of each side (default 5)
  --reference        rows for baselines on one thread, not judged
  --trusted          accept: also with a hundred policies and a schema beside the API key
  --profile NAME     cargo profile of all sides (default release)
  --gateway PATH     a gateway that is built already
";

/// Runs one, or lists them.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    match args.first().map(String::as_str) {
        None => {
            print!("{LIST}");
            Ok(())
        }
        Some("normalise") => normalise(),
        Some("event") => event(),
        Some("filter") => shell::run(shell::cargo().args([
            "run",
            "--quiet",
            "--release",
            "--package=tradewind-filter-bench",
        ])),
        Some("trust") => shell::run(shell::cargo().args([
            "run",
            "--quiet",
            "--release",
            "--package=tradewind-trust-bench",
        ])),
        Some("aws") => match tools::elasticmq()? {
            Some(jars) => {
                let mut args = args.to_vec();
                args.push(format!("--jars={}", jars.display()));
                against_binary(&args, &[])
            }
            None => Err("aws: no Java or Maven here: falls short".into()),
        },
        Some("kafka") => match tools::kafka()? {
            Some(jars) => {
                let mut args = args.to_vec();
                args.push(format!("--jars={}", jars.display()));
                against_binary(&args, &["tradewind-bench/kafka", "tradewind-server/kafka"])
            }
            None => Err("kafka: no Java or Maven here: falls short".into()),
        },
        Some("sdk") => sdk(args),
        Some("accept" | "forward" | "durable" | "deliver" | "fan-out" | "idle" | "all") => {
            against_binary(args, &[])
        }
        Some(other) => Err(format!("no bench `{other}`\n\n{LIST}")),
    }
}

/// Builds the gateway and the bench in one profile, so that no side has the better compiler flags.
fn against_binary(args: &[String], features: &[&str]) -> Result<(), String> {
    let mut rest = args.to_vec();
    let profile = taken(&mut rest, "--profile").unwrap_or_else(|| "release".into());
    let binaries = shell::target().join(folder(&profile));
    let mut build = shell::cargo();
    build.args(["build", "--quiet", "--package=tradewind-bench", "--profile"]);
    build.arg(&profile);
    let ours = rest
        .iter()
        .all(|argument| !argument.starts_with("--gateway"));
    let wanted = features
        .iter()
        .filter(|feature| ours || !feature.starts_with("tradewind-server"));
    build.args(wanted.map(|feature| format!("--features={feature}")));
    if ours {
        build.arg("--package=tradewind-server");
        rest.push(format!(
            "--gateway={}",
            binaries.join("tradewind").display()
        ));
    }
    shell::run(&mut build)?;
    shell::run(Command::new(binaries.join("tradewind-bench")).args(rest))
}

/// All sides in one profile, and the example.
fn sdk(args: &[String]) -> Result<(), String> {
    let mut rest = args.to_vec();
    let profile = taken(&mut rest, "--profile").unwrap_or_else(|| "release".into());
    let binaries = shell::target().join(folder(&profile));
    let packages = ["--package=tradewind-bench", "--package=tradewind-sdk-bench"];
    let build = ["build", "--quiet", "--profile", &profile];
    shell::run(shell::cargo().args(build).args(packages))?;
    // By itself, so that nobody else's features are in it.
    shell::run(shell::cargo().args(build).arg("--package=orders"))?;
    let subjects = format!("--subjects={}", binaries.display());
    shell::run(
        Command::new(binaries.join("tradewind-bench"))
            .args(rest)
            .arg(subjects),
    )
}

/// Where cargo puts what it builds by a profile.
fn folder(profile: &str) -> &str {
    match profile {
        "dev" => "debug",
        other => other,
    }
}

/// Removes an option and returns its value.
fn taken(args: &mut Vec<String>, name: &str) -> Option<String> {
    let at = args.iter().position(|argument| argument == name)?;
    args.remove(at);
    (at < args.len()).then(|| args.remove(at))
}

/// A delivery of GitHub costs at most three times the digest that it is signed with, which nobody can
/// leave out.
fn normalise() -> Result<(), String> {
    const MOST: f64 = 3.0;
    let (mut figures, mut ratio) = (String::new(), None);
    shell::watch(
        shell::cargo()
            .env("TRADEWIND_BENCH", "1")
            .args([
                "test",
                "--quiet",
                "--release",
                "--package=tradewind-webhooks",
            ])
            .args(["--test=it", "--", "--nocapture", "from_bytes_to_an_event"]),
        |line| {
            if let Some(at) = line.find("normalise: ") {
                line[at..].clone_into(&mut figures);
            }
            let found = line.strip_prefix("normalise ratio: ");
            ratio = ratio.or_else(|| found?.parse::<f64>().ok());
        },
    )?;
    let ratio = ratio.ok_or("no figures")?;
    let line = format!("{figures}; GitHub {ratio:.1} times its digest, at most {MOST}");
    match ratio <= MOST {
        true => {
            println!("{line}: holds");
            Ok(())
        }
        false => Err(format!("{line}: falls short")),
    }
}

/// At least seven times cloudevents-sdk; the absolute figure is printed and judged by nobody, since
/// machines differ.
fn event() -> Result<(), String> {
    let mut last = String::new();
    shell::watch(
        shell::cargo().args([
            "run",
            "--quiet",
            "--release",
            "--package=tradewind-event",
            "--features=cloudevents-sdk",
            "--example=event_bench",
        ]),
        |line| last = line.to_owned(),
    )?;
    let figures: Value = serde_json::from_str(&last).map_err(|e| format!("{last}: {e}"))?;
    let number = |key: &str| {
        figures[key]
            .as_f64()
            .ok_or_else(|| format!("no `{key}` in {last}"))
    };
    let (ours, theirs, ratio) = (
        number("tradewind_ns")?,
        number("cloudevents_sdk_ns")?,
        number("ratio")?,
    );
    let line = format!("event: {ours:.0} ns against {theirs:.0} ns, {ratio:.1} times");
    if ratio >= 7.0 {
        println!("{line}: holds");
        Ok(())
    } else {
        Err(format!("{line}: falls short"))
    }
}
