//! Everything that must pass: counted, with what was skipped and why.

use crate::{prove, shell, tools};
use std::process::Command;

/// Packages outside the default members: they compile a TLS stack or a server.
const HEAVY: &[&str] = &[
    "tradewind-amqp",
    "tradewind-aws",
    "tradewind-backup",
    "tradewind-brokers",
    "tradewind-dynamodb-streams",
    "tradewind-event-bridge",
    "tradewind-firehose",
    "tradewind-kinesis",
    "tradewind-lambda",
    "tradewind-s3",
    "tradewind-sns",
    "tradewind-step-functions",
    "tradewind-kafka",
    "tradewind-mqtt",
    "tradewind-nats",
    "tradewind-rabbitmq",
    "tradewind-redis",
    "tradewind-sqs",
    "tradewind-http",
    "tradewind-functions",
    "tradewind",
    "tradewind-macros",
    "tradewind-worker-gateway",
    "tradewind-worker-kafka",
    "tradewind-worker-nats",
    "tradewind-worker-sqs",
    "cargo-tradewind",
    "tradewind-server",
    "fan-out",
    "orders",
    "webhook-to-handler",
    "tradewind-fuzz",
];

/// The short forms of the proofs against the real binary.
const SHORT: &[(&str, &[&str])] = &[
    ("kill", &["--rounds", "50"]),
    ("drain", &["--rounds", "4"]),
    ("reload", &["--rounds", "100"]),
    ("disk-full", &["--rounds", "3"]),
    ("routes", &["--short"]),
    ("backup", &["--short"]),
    ("telemetry", &[]),
    ("aws", &["--short"]),
    ("aws-permissions", &[]),
    ("audit", &["--short"]),
    ("authentication", &["--short"]),
    ("outbound", &["--short"]),
    ("authorisation", &["--short"]),
    ("ssrf", &[]),
    ("schemas", &["--short"]),
    ("tenants", &["--short"]),
];

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
}

impl Count {
    /// Reads the closing lines of the test harness.
    fn see(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        let figure = |what: &str| {
            rest.split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<u64>().ok())
                .unwrap_or_default()
        };
        self.passed += figure("passed");
        self.failed += figure("failed");
        let ignored = figure("ignored");
        if ignored > 0 {
            self.skipped
                .push(format!("{ignored} marked as ignored in the code"));
        }
    }

    fn tests(&mut self, command: &mut Command) -> Result<(), String> {
        let mut lines = Vec::new();
        let outcome = shell::watch(command, |line| lines.push(line.to_owned()));
        for line in &lines {
            self.see(line);
        }
        outcome
    }
}

/// Runs all tests; with `--core` only those of the default members.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let core_only = match args {
        [] => false,
        [flag] if flag == "--core" => true,
        other => {
            return Err(format!(
                "`cargo xtask test` takes --core or nothing, not {other:?}"
            ));
        }
    };
    let mut count = Count::default();
    let conformance = std::env::var_os("TRADEWIND_CONFORMANCE")
        .map_or_else(|| shell::root().join("../shared/conformance"), Into::into);
    if !conformance.is_dir() {
        count.skipped.push(format!(
            "the public conformance suites: no folder {} (set TRADEWIND_CONFORMANCE)",
            conformance.display()
        ));
    }
    let outcome = steps(&mut count, core_only, &conformance);
    for reason in &count.skipped {
        println!("skipped: {reason}");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        count.passed,
        count.failed,
        count.skipped.len()
    );
    outcome
}

fn steps(count: &mut Count, core_only: bool, conformance: &std::path::Path) -> Result<(), String> {
    let test = || {
        let mut cargo = shell::cargo();
        cargo.env("TRADEWIND_CONFORMANCE", conformance).args([
            "test",
            "--locked",
            "--no-fail-fast",
        ]);
        cargo
    };
    if core_only {
        for what in ["suite of JSON Schema", "schema of SARIF"] {
            let reason = format!("the published {what}: fetched without --core only");
            count.skipped.push(reason);
        }
        return count.tests(&mut test());
    }
    let suite = tools::json_schema_suite()?;
    let mut members = test();
    members.env("TRADEWIND_JSON_SCHEMA_SUITE", suite);
    match tools::sarif_schema()? {
        Some(schema) => drop(members.env("TRADEWIND_SARIF_SCHEMA", schema)),
        None => {
            let reason = "findings by the published schema of SARIF: no npm here";
            count.skipped.push(reason.into());
        }
    }
    count.tests(&mut members)?;
    // Optional features have tests of their own.
    count.tests(test().args([
        "--package=tradewind-event",
        "--features=tradewind-event/cloudevents-sdk",
        "--package=tradewind",
        "--features=tradewind/cloudevents-sdk,tradewind/otel",
    ]))?;
    let mut heavy = test();
    match tools::kafka()? {
        Some(jars) => drop(heavy.env("TRADEWIND_KAFKA", jars)),
        None => {
            let reason = "tests against Apache Kafka: no Java or Maven here";
            count.skipped.push(reason.into());
        }
    }
    for (server, found) in tools::brokers() {
        match found {
            Some(program) => drop(heavy.env(server.variable, program)),
            None => count.skipped.push(format!(
                "tests against {}: no {} here, and it could not be installed",
                server.name, server.program
            )),
        }
    }
    count.tests(
        heavy
            .env("TRADEWIND_MOTO", tools::moto()?)
            .args(HEAVY.iter().map(|name| format!("--package={name}"))),
    )?;
    prove::hosts(&[])?;
    count.passed += 1;
    for (name, args) in SHORT {
        let args: Vec<String> = args.iter().copied().map(String::from).collect();
        prove::against_binary(name, &args, false)?;
        count.passed += 1;
    }
    Ok(())
}
